"""A connector's signing secret is replaced without a moment in which nothing fits."""

import re
from collections.abc import AsyncIterator
from html import unescape
from uuid import UUID

import pytest
from standardwebhooks import Webhook

from app.api.scopes import Scope
from app.vocabulary import AgentRole, TicketSystemKind
from app.webhooks.service import ROTATION
from tests.api_client import Api, told
from tests.app.connectors.conftest import Desk
from tests.app.connectors.test_inbound import TICKET, Sender
from tests.app.office.desk import desk_of
from tests.conftest import Served, serving
from tests.loopback import Answer, Request, serving_http

pytestmark = pytest.mark.parametrize("store", ["sqlite"], indirect=True)


@pytest.fixture
async def connector_id(desk: Desk) -> UUID:
    return await desk.connect(TicketSystemKind.GENERIC, "http://127.0.0.1:65535/hook")


@pytest.fixture
async def sender(desk: Desk, connector_id: UUID) -> AsyncIterator[Sender]:
    endpoint_id = (await desk.connector(connector_id)).endpoint_id
    made = Sender(desk, connector_id, endpoint_id)
    yield made
    await made.close()


async def status_with(sender: Sender, secret: str) -> int:
    sender.secret = secret
    return (await sender.post("ticket.created", {"ticket": TICKET})).status_code


async def test_for_a_day_both_secrets_are_good_and_then_the_new_one(
    desk: Desk, api: Api, sender: Sender, connector_id: UUID
) -> None:
    http = await api.client(Scope.WEBHOOKS_WRITE, Scope.WEBHOOKS_READ)
    path, old = f"/v1/connectors/{connector_id}", sender.secret

    rotated = told(await http.post(f"{path}/rotate"))
    too_soon = await http.post(f"{path}/rotate")
    shown, listed = told(await http.get(path)), told(await http.get("/v1/connectors"))["data"]
    during = [await status_with(sender, one) for one in (old, rotated["secret"])]
    desk.clock.go_on(seconds=ROTATION.total_seconds() + 1)
    after = [await status_with(sender, one) for one in (old, rotated["secret"])]
    again = told(await http.post(f"{path}/rotate"))

    assert rotated["secret"] != old and again["secret"] not in (old, rotated["secret"])
    assert (too_soon.status_code, during, after) == (409, [200, 200], [401, 200])
    assert listed == [shown] and "secret" not in shown and shown["inbound_path"] == sender.path
    assert shown["old_secret_until"] == rotated["old_secret_until"] is not None


async def test_what_is_sent_has_both_signatures_meanwhile(desk: Desk, api: Api) -> None:
    heard: list[Request] = []

    async def respond(request: Request) -> Answer:
        heard.append(request)
        return Answer(204)

    async with serving_http(respond) as port:
        url = f"http://127.0.0.1:{port}"
        connector_id = await desk.connect(TicketSystemKind.GENERIC, url)
        old = Sender(desk, connector_id, (await desk.connector(connector_id)).endpoint_id).secret
        http = await api.client()
        new = told(await http.post(f"/v1/connectors/{connector_id}/rotate"))["secret"]
        await desk.poller.run_due()
        desk.clock.go_on(minutes=2)
        await desk.poller.run_due()

    assert heard
    for secret in (old, new):
        Webhook(secret).verify(heard[-1].body, heard[-1].headers)


async def test_the_page_shows_a_new_secret_once(desk: Desk, connector_id: UUID) -> None:
    async with (
        serving(desk.parts) as port,
        desk_of(Served(desk.parts, desk.shop, port), AgentRole.ADMIN) as office,
    ):
        before = await office.get(f"/connectors/{connector_id}")
        made = await office.post(f"/connectors/{connector_id}/rotate")
        after = await office.get(f"/connectors/{connector_id}")

    [secret] = set(re.findall(r"whsec_[A-Za-z0-9+/=]+", unescape(made.text)))
    assert "/rotate" in before.text and "for a day the one before is good too" in made.text
    assert secret not in unescape(before.text + after.text)
