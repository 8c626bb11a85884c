"""Who is speaking, over the real socket: proven, joined, kept apart, ended."""

from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy import func, select

from app.audit.service import Doer
from app.identity.service import list_secrets, revoke_secret
from app.models import Contact, Conversation, Inbox, VisitorSession
from app.vocabulary import AgentRole
from tests.app.identity.signing import Signer, new_signer, sign
from tests.care_client import Frame, as_uuid
from tests.conftest import Served
from tests.factories import open_shop

on_sqlite = pytest.mark.parametrize("store", ["sqlite"], indirect=True)


async def contact_of(served: Served, conversation_id: str) -> Contact:
    async with served.parts.database.snapshot() as session:
        conversation = await session.get_one(Conversation, as_uuid(conversation_id))
        return await session.get_one(Contact, conversation.contact_id)


async def num_contacts(served: Served) -> int:
    async with served.parts.database.snapshot() as session:
        return (await session.execute(select(func.count(Contact.id)))).scalar_one()


async def insist(served: Served) -> None:
    async with served.parts.database.work() as work:
        inbox = await work.session.get_one(Inbox, served.shop.inbox_id)
        inbox.enforce_identity = True


async def conversations(served: Served, **fields: object) -> list[Frame]:
    """What somebody who greets like this is shown."""
    async with served.client() as client:
        shown: list[Frame] = (await client.hello(**fields))["conversations"]
    return shown


async def test_a_first_message_stores_who_has_signed_in(served: Served) -> None:
    signer = await new_signer(served.parts, served.shop)
    token = signer.token("u1", email="ana@example.org", name="Ana", attributes={"plan": "pro"})
    async with served.client() as client:
        welcome = await client.hello(jwt=token)
        assert welcome["identity"] == {"id": "u1", "name": "Ana"}
        assert await num_contacts(served) == 0

        c = (await client.say("Hello"))["d"]["c"]

    contact = await contact_of(served, c)
    assert (contact.external_id, contact.email, contact.name) == ("u1", "ana@example.org", "Ana")
    assert contact.attributes == {"plan": "pro"}


async def test_what_was_said_without_a_name_goes_along(served: Served) -> None:
    signer = await new_signer(served.parts, served.shop)
    async with served.client() as client:
        await client.hello()
        c = (await client.say("Hello"))["d"]["c"]

        async with served.client() as identified:
            welcome = await identified.hello(session=client.session, jwt=signer.token("u1"))
        assert [one["id"] for one in welcome["conversations"]] == [c]
        assert (await client.say("Still here", c=c))["t"] == "ack"

    assert (await contact_of(served, c)).external_id == "u1"


async def test_a_known_person_gets_both_their_conversations_on_both_devices(
    served: Served,
) -> None:
    signer = await new_signer(served.parts, served.shop)
    async with served.client() as at_home:
        await at_home.hello(jwt=signer.token("u1", name="Ana"))
        first = (await at_home.say("From home"))["d"]["c"]
        async with served.client() as on_the_way:
            await on_the_way.hello()
            second = (await on_the_way.say("From the train"))["d"]["c"]
            assert await num_contacts(served) == 2

            shown = await conversations(served, session=on_the_way.session, jwt=signer.token("u1"))
            assert {one["id"] for one in shown} == {first, second}
            assert (await on_the_way.say("And on", c=first))["t"] == "ack"
            assert (await at_home.say("And on", c=second))["t"] == "ack"

    assert await num_contacts(served) == 1
    assert (await contact_of(served, second)).name == "Ana"


@on_sqlite
async def test_a_block_goes_along(served: Served) -> None:
    signer = await new_signer(served.parts, served.shop)
    async with served.client() as known:
        await known.hello(jwt=signer.token("u1"))
        await known.say("Hello")
    async with served.client() as client:
        await client.hello()
        c = (await client.say("Hello"))["d"]["c"]
        async with served.parts.database.work() as work:
            row = await work.session.get_one(Conversation, as_uuid(c))
            contact = await work.session.get_one(Contact, row.contact_id)
            contact.blocked_at = datetime.now(UTC)

        async with served.client() as identified:
            await identified.hello(session=client.session, jwt=signer.token("u1"))
            refused = await identified.say("Hello again")

    assert refused["d"]["code"] == "blocked"


async def test_the_next_person_at_a_shared_device_sees_nothing_of_the_first(
    served: Served,
) -> None:
    signer = await new_signer(served.parts, served.shop)
    async with served.client() as ana:
        await ana.hello(jwt=signer.token("ana"))
        await ana.say("My secret")

        async with served.client() as ben:
            welcome = await ben.hello(session=ana.session, jwt=signer.token("ben"))
            assert welcome["conversations"] == []
            assert welcome["session"] not in (None, ana.session)
            await ben.say("Hello")
        assert await ana.wait_closed() == 4401

    assert await conversations(served, session=ana.session) == []
    assert len(await conversations(served, jwt=signer.token("ana"))) == 1


async def test_logging_out_ends_the_session_in_every_tab(served: Served) -> None:
    signer = await new_signer(served.parts, served.shop)
    async with served.client() as one, served.client() as other:
        await one.hello(jwt=signer.token("u1"))
        await one.say("Hello")
        await other.hello(session=one.session)

        await one.send("logout")

        assert (await one.wait_closed(), await other.wait_closed()) == (4401, 4401)
    async with served.parts.database.snapshot() as session:
        assert (await session.scalars(select(VisitorSession))).all() == []
    assert await conversations(served, session=one.session) == []


@on_sqlite
async def test_a_bad_token_leaves_people_nameless_until_the_site_insists(served: Served) -> None:
    signer = await new_signer(served.parts, served.shop)
    async with served.client() as client:
        welcome = await client.hello(jwt=signer.token("u1", expires_in_s=-300))
        assert welcome["identity"]["code"] == "identity_expired"
        assert (await client.say("Hello"))["t"] == "ack"
    await insist(served)

    for fields in ({"jwt": signer.token("u1", expires_in_s=-300)}, {}, {"jwt": "a.b.c"}):
        async with served.client() as client:
            await client.send("hello", proto=1, role="widget", site=served.shop.site, **fields)
            assert await client.wait_closed() == 4401


@on_sqlite
async def test_a_session_that_was_identified_outlives_its_token(served: Served) -> None:
    signer = await new_signer(served.parts, served.shop)
    await insist(served)
    async with served.client() as client:
        await client.hello(jwt=signer.token("u1"))
        await client.say("Hello")

    assert len(await conversations(served, session=client.session)) == 1


@on_sqlite
async def test_only_this_sites_active_secrets_count(served: Served) -> None:
    parts = served.parts
    mine = await new_signer(parts, served.shop, "Old")
    rotated = await new_signer(parts, served.shop, "New")
    other = await new_signer(parts, await open_shop(parts.database, "pk_other"))
    unknown = Signer("k_0000", mine.secret)
    crossed = Signer(mine.kid, rotated.secret)
    async with parts.database.work() as work:
        inbox = await work.session.get_one(Inbox, served.shop.inbox_id)
        [old] = [one for one in await list_secrets(work.session, inbox.id) if one.name == "Old"]
        assert old.last_used_at is None

    async def verdict(token: str) -> str:
        async with served.client() as client:
            told = (await client.hello(jwt=token))["identity"]
            return str(told.get("code", told.get("id")))

    assert [await verdict(one.token("u1")) for one in (mine, rotated)] == ["u1", "u1"]
    none = sign({"alg": "none", "kid": mine.kid}, {"sub": "u1", "exp": 2**31}, mine.secret)
    tokens = [one.token("u1") for one in (other, unknown, crossed)]
    tokens += [none, mine.token("u1", expires_in_s=7_300), mine.token("u1")[:-2], "", "x" * 8_192]
    for token in tokens:
        assert await verdict(token) == "identity_invalid", token[:80]

    async with parts.database.work() as work:
        inbox = await work.session.get_one(Inbox, served.shop.inbox_id)
        await revoke_secret(work, Doer(served.shop.agents[AgentRole.ADMIN]), inbox, old.id)
    assert await verdict(mine.token("u1")) == "identity_invalid"
    assert await verdict(rotated.token("u1")) == "u1"
    async with parts.database.snapshot() as session:
        [left] = await list_secrets(session, served.shop.inbox_id)
    assert left.last_used_at is not None
    assert left.last_used_at - datetime.now(UTC) < timedelta(minutes=1)


async def test_what_a_page_says_is_kept_apart_from_what_is_signed(served: Served) -> None:
    signer = await new_signer(served.parts, served.shop)
    async with served.client() as client:
        await client.hello(jwt=signer.token("u1", attributes={"plan": "free"}))
        await client.send("attributes", values={"plan": "pro", "cart": 3})
        c = (await client.say("Hello"))["d"]["c"]
        await client.send("attributes", values={"cart": None, "page": "boots"})
        await client.send("attributes", values={"nested": "x" * 501})
        assert (await client.wait_for("nack"))["d"]["code"] == "invalid"

    contact = await contact_of(served, c)
    assert contact.attributes == {"plan": "free"}
    assert contact.page_attributes == {"plan": "pro", "page": "boots"}
