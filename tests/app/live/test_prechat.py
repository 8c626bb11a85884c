"""What a site asks before the first message: told at the field, kept with the contact."""

import pytest
from sqlalchemy import select

from app.models import Contact, Inbox
from app.widget.looks import Asks, Prechat
from tests.app.identity.signing import new_signer
from tests.care_client import CareClient, Frame
from tests.conftest import Served

PRIVACY = "https://shop.example/privacy"


async def ask(served: Served, asked: Prechat) -> None:
    async with served.parts.database.work() as work:
        inbox = await work.session.get_one(Inbox, served.shop.inbox_id)
        inbox.prechat = asked.stored()


async def tell(client: CareClient, **fields: object) -> Frame:
    start = len(client.frames)
    await client.send("details", cid="d1", **fields)
    return await client.wait_for("ack", "nack", start=start, cid="d1")


async def contacts(served: Served) -> list[Contact]:
    async with served.parts.database.snapshot() as session:
        return list(await session.scalars(select(Contact)))


async def test_what_is_told_is_kept_with_the_first_message(served: Served) -> None:
    await ask(served, Prechat(is_on=True, privacy_url=PRIVACY))
    async with served.client() as client:
        welcome = await client.hello()
        assert welcome["prechat"] == {
            "name": "optional",
            "email": "required",
            "privacy_url": PRIVACY,
        }
        refused = await client.say("Hello")
        assert refused["d"]["code"] == "details_required"
        told = await tell(client, name=" Ana ", email="Ana@Example.org", consent=True)
        assert told["t"] == "ack" and await contacts(served) == []

        assert (await client.say("Hello"))["t"] == "ack"

    [contact] = await contacts(served)
    assert (contact.name, contact.email) == ("Ana", "ana@example.org")
    assert contact.consented_at is not None
    async with served.client() as again:
        assert "prechat" not in await again.hello(session=client.session), "nobody is asked twice"


@pytest.mark.parametrize("store", ["sqlite"], indirect=True)
@pytest.mark.parametrize(
    ("told", "problems"),
    [
        ({}, {"email": "required", "consent": "consent"}),
        ({"email": "ana", "consent": True}, {"email": "email"}),
        ({"email": "ana@x", "consent": True}, {"email": "email"}),
        ({"email": "a@b.example\nBcc: c@d.example", "consent": True}, {"email": "invalid"}),
        ({"email": f"{'x' * 250}@b.example", "consent": True}, {"email": "too_long"}),
        ({"email": "a@b.example", "name": "x" * 201, "consent": True}, {"name": "too_long"}),
        ({"email": "a@b.example", "consent": False}, {"consent": "consent"}),
    ],
    ids=lambda one: str(one)[:40],
)
async def test_what_does_not_fit_is_told_at_its_field(
    served: Served, told: dict[str, object], problems: dict[str, str]
) -> None:
    await ask(served, Prechat(is_on=True, privacy_url=PRIVACY))
    async with served.client() as client:
        await client.hello()
        refused = await tell(client, **told)

        assert refused["t"] == "nack" and refused["d"]["fields"] == problems
        assert (await client.say("Hello"))["d"]["code"] == "details_required"


@pytest.mark.parametrize("store", ["sqlite"], indirect=True)
async def test_who_has_signed_in_is_not_asked(served: Served) -> None:
    await ask(served, Prechat(is_on=True))
    signer = await new_signer(served.parts, served.shop)
    async with served.client() as client:
        assert "prechat" not in await client.hello(jwt=signer.token("u1", name="Ana"))
        assert (await client.say("Hello"))["t"] == "ack"
        await tell(client, name="Somebody else", email="other@example.org")

    [contact] = await contacts(served)
    assert (contact.name, contact.email) == ("Ana", None), "what was signed wins"


@pytest.mark.parametrize("store", ["sqlite"], indirect=True)
async def test_a_field_that_is_not_asked_for_is_not_kept(served: Served) -> None:
    await ask(served, Prechat(is_on=True, name=Asks.OFF, email=Asks.OPTIONAL))
    async with served.client() as client:
        await client.hello()
        assert (await tell(client, name="Ana"))["t"] == "ack"
        await client.say("Hello")

    [contact] = await contacts(served)
    assert (contact.name, contact.email, contact.consented_at) == ("Visitor", None, None)
