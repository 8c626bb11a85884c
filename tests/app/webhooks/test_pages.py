"""The office's pages: a secret is shown once, the log tells, what was switched off is told."""

import re
from html import unescape

import pytest
from sqlalchemy import select, update

from app.audit.repository import read_entries
from app.clock import now
from app.models import Connector, WebhookEndpoint
from app.vocabulary import AgentRole
from tests.app.office.desk import desk_of
from tests.app.webhooks.conftest import Rig
from tests.conftest import Served, serving
from tests.loopback import Answer

pytestmark = pytest.mark.parametrize("store", ["sqlite"], indirect=True)
NEW = {"name": "CRM <b>", "type_message.created": "on"}


async def test_a_webhook_is_made_tested_and_sent_again_and_its_secret_shown_once(rig: Rig) -> None:
    async with serving(rig.parts) as port:
        served = Served(rig.parts, rig.shop, port)
        async with desk_of(served, AgentRole.ADMIN) as desk:
            made = await desk.post("/webhooks", **NEW, url=rig.receiver.url)
            [endpoint] = await endpoints(rig)
            path = f"/webhooks/{endpoint.id}"
            await desk.post(f"{path}/test")
            rig.receiver.answer = Answer(500, b"<script>alert(1)</script>")
            await rig.runner.run_due()
            failed = await desk.get(path)
            again = re.search(r"/deliveries/[0-9a-f-]+/redeliver", failed.text)
            assert again is not None
            rig.receiver.answer = Answer()
            await desk.post(path + again[0])
            await rig.runner.run_due()
            arrived = await desk.get(path)
            listed = await desk.get("/webhooks")

    secret = re.search(r"whsec_[A-Za-z0-9+/=]+", unescape(made.text))
    assert secret is not None
    first, second = rig.receiver.heard
    assert first.verify(secret[0])["type"] == "webhook.test"
    assert first.webhook_id == second.webhook_id
    assert secret[0] not in unescape(failed.text + listed.text)
    assert "status 500" in failed.text and "<script>alert" not in failed.text
    assert "Delivered" in arrived.text
    assert "CRM &lt;b&gt;" in listed.text and "<b>" not in listed.text


async def test_what_careline_switched_off_is_told_on_every_page(rig: Rig) -> None:
    endpoint_id = await rig.subscribe()
    async with rig.parts.database.work() as work:
        off = update(WebhookEndpoint).where(WebhookEndpoint.id == endpoint_id)
        told = off.values(disabled_at=now(), disabled_reason="It answered 410 Gone.")
        await work.session.execute(told)

    async with serving(rig.parts) as port:
        served = Served(rig.parts, rig.shop, port)
        async with desk_of(served, AgentRole.ADMIN) as desk:
            pages = [await desk.get(path) for path in ("", "/reports", f"/webhooks/{endpoint_id}")]
            form = {"name": "CRM", "url": rig.receiver.url, "enabled": "on"}
            await desk.post(f"/webhooks/{endpoint_id}", **form)
            after = await desk.get("")
        async with desk_of(served, AgentRole.AGENT) as desk:
            agents = await desk.get("/replies")

    assert all("was switched off" in page.text for page in pages)
    assert "was switched off" not in after.text + agents.text
    assert (await rig.endpoint(endpoint_id)).disabled_at is None


@pytest.mark.parametrize(
    ("url", "reason"),
    [
        ("", "Please fill this in."),
        ("ftp://crm.example", "Only http and https"),
        ("http://user@crm.example", "must not contain a user name"),
        ("http://2130706433/", "not the name of a host"),
    ],
)
async def test_an_address_that_cannot_be_one_is_told_at_its_field(
    rig: Rig, url: str, reason: str
) -> None:
    async with serving(rig.parts) as port:
        served = Served(rig.parts, rig.shop, port)
        async with desk_of(served, AgentRole.ADMIN) as desk:
            page = await desk.post("/webhooks", **NEW, url=url)
            other = await desk.post("/connectors", name="Desk", system="generic", url=url)

    for answer in (page, other):
        assert answer.status_code == 422
        assert reason in answer.text and 'id="url-error"' in answer.text
    assert await endpoints(rig) == []


async def test_the_secret_of_a_connector_is_stored_encrypted_and_never_shown(rig: Rig) -> None:
    form = {"name": "Support team", "system": "roundup", "user": "careline"}
    address = "http://127.0.0.1:65535"
    async with serving(rig.parts) as port:
        served = Served(rig.parts, rig.shop, port)
        async with desk_of(served, AgentRole.ADMIN) as desk:
            made = await desk.post("/connectors", **form, url=address, secret="hunter2-secret")
            async with rig.parts.database.snapshot() as session:
                connector = (await session.scalars(select(Connector))).one()
            path = f"/connectors/{connector.id}"
            page = await desk.get(path)
            checked = await desk.post(f"{path}/check")
            kept = await desk.post(path, **form, url=address, enabled="on")
            moved = await desk.post(path, **form, url="http://elsewhere.example", enabled="on")
            gone = await desk.post(f"{path}/delete")
            members = await desk.get("/members")
        async with rig.parts.database.snapshot() as session:
            noted = await read_entries(session, rig.shop.workspace_id, area="connector")

    assert "whsec_" in made.text and 'value="careline"' in page.text
    told = (made, page, checked, kept, moved, gone, members)
    assert all("hunter2" not in answer.text for answer in told)
    assert "hunter2" not in connector.credentials
    assert "hunter2" not in str([one.details for one in noted.entries])
    assert "It does not work. The host does not answer." in checked.text
    assert kept.status_code == gone.status_code == 303
    assert moved.status_code == 422 and "needs the secret again" in moved.text


async def endpoints(rig: Rig) -> list[WebhookEndpoint]:
    async with rig.parts.database.snapshot() as session:
        return list(await session.scalars(select(WebhookEndpoint)))
