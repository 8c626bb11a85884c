"""Zendesk's own webhooks: signed as it documents, believed only for which ticket they mean."""

import hmac
import json
from base64 import b64encode
from collections.abc import AsyncIterator
from dataclasses import dataclass
from hashlib import sha256
from typing import Any
from uuid import UUID

import httpx
import pytest
from sqlalchemy import select

from app.clock import as_wire
from app.models import Conversation
from app.vocabulary import Role, Status, TicketSystemKind
from tests.api_client import Api
from tests.app.connectors.conftest import Desk
from tests.app.connectors.fakes import DANA_ID, MIA_ID, SECRET, FakeZendesk, serving_fake

pytestmark = pytest.mark.parametrize("store", ["sqlite"], indirect=True)
SIGNING_SECRET = "dGhpcyBpcyBhIHNlY3JldA=="
ACCOUNT = {"user": "bot@careline.example", "secret": SECRET, "signing_secret": SIGNING_SECRET}


def event(ticket_id: int, kind: str = "ticket.comment_added") -> dict[str, Any]:
    """As documented, but for what nobody reads."""
    return {
        "type": f"zen:event-type:{kind}",
        "account_id": 22129848,
        "id": "729f9b4e-8b2f-4e4c-a2a6-2b8f6c6e7a11",
        "time": "2026-11-21T08:00:00.000Z",
        "zendesk_event_version": "2022-11-06",
        "subject": f"zen:ticket:{ticket_id}",
        "detail": {"id": f"{ticket_id}", "status": "OPEN", "subject": "Not what it says"},
        "event": {"comment": {"id": "1", "body": "Not what it says", "is_public": True}},
    }


@dataclass
class Zendesk:
    """One account with a ticket that began here."""

    desk: Desk
    fake: FakeZendesk
    http: httpx.AsyncClient
    path: str
    conversation_id: UUID

    async def tell(
        self, told: Any, *, secret: str = SIGNING_SECRET, ago_s: float = 0, **changed: str
    ) -> httpx.Response:
        self.desk.clock.go_on(seconds=-ago_s)
        written = as_wire(self.desk.clock())
        self.desk.clock.go_on(seconds=ago_s)
        body = json.dumps(told).encode()
        mac = hmac.new(secret.encode(), written.encode() + body, sha256).digest()
        headers = {
            "content-type": "application/json",
            "x-zendesk-webhook-signature": b64encode(mac).decode(),
            "x-zendesk-webhook-signature-timestamp": written,
        } | {f"x-zendesk-webhook-{name.replace('_', '-')}": one for name, one in changed.items()}
        return await self.http.post(self.path, content=body, headers=headers)

    async def replies(self) -> list[str]:
        heard = await self.desk.heard(self.conversation_id)
        return [text for role, _, text in heard if role is Role.AGENT]


@pytest.fixture
async def zendesk(desk: Desk, api: Api) -> AsyncIterator[Zendesk]:
    fake = FakeZendesk()
    async with serving_fake(fake):
        made = await desk.connect(TicketSystemKind.ZENDESK, fake.url, **ACCOUNT)
        conversation_id = await desk.say("My parcel is lost.")
        await desk.hand_off(conversation_id)
        await desk.runner.run_due()
        path = f"/v1/inbound/{made}"
        yield Zendesk(desk, fake, api.with_headers(), path, conversation_id)


async def test_a_comment_there_arrives_at_once_and_once(zendesk: Zendesk) -> None:
    [ticket] = zendesk.fake.tickets
    zendesk.fake.write(ticket, DANA_ID, "We are looking for it.")

    first = await zendesk.tell(event(1))
    again = await zendesk.tell(event(1))
    await zendesk.desk.bring()
    ticket.status, ticket.num_changes = "solved", ticket.num_changes + 1
    ended = await zendesk.tell({"ticket_id": 1})

    conversation_id = str(zendesk.conversation_id)
    assert first.json() == {"effect": True, "conversation_id": conversation_id}
    assert again.json() == {"effect": False, "conversation_id": conversation_id}
    assert await zendesk.replies() == ["We are looking for it."], "as it stands there"
    assert ended.json()["effect"] is True
    now = await zendesk.desk.conversation(zendesk.conversation_id)
    assert now.status is Status.RESOLVED


@pytest.mark.parametrize(
    "how",
    [
        {"secret": "another"},
        {"secret": ""},
        {"ago_s": 301},
        {"ago_s": -301},
        {"signature": ""},
        {"signature": "===="},
        {"signature_timestamp": "soon"},
        {"signature_timestamp": ""},
        {"signature_timestamp": "2026-11-21"},
    ],
)
async def test_what_is_not_signed_by_zendesk_is_refused(
    zendesk: Zendesk, how: dict[str, Any]
) -> None:
    zendesk.fake.write(zendesk.fake.tickets[0], DANA_ID, "We are looking for it.")

    refused = await zendesk.tell(event(1), **how)

    assert refused.status_code == 401
    assert await zendesk.replies() == []


async def test_without_a_secret_or_elsewhere_no_signature_of_zendesk_is_good(
    desk: Desk, zendesk: Zendesk
) -> None:
    account = ACCOUNT | {"signing_secret": ""}
    unsigned = await desk.connect(TicketSystemKind.ZENDESK, zendesk.fake.url, **account)
    other = await desk.connect(TicketSystemKind.FRESHDESK, zendesk.fake.url, **ACCOUNT)

    for connector_id, secret in ((unsigned, ""), (other, SIGNING_SECRET)):
        zendesk.path = f"/v1/inbound/{connector_id}"
        assert (await zendesk.tell(event(1), secret=secret)).status_code == 401


@pytest.mark.parametrize(
    ("body", "status"),
    [
        (event(7), 200),
        (event(1, "ticket.tags_changed"), 200),
        (event(1) | {"type": "zen:event-type:user.created"}, 200),
        ({"ticket_id": "../users/me"}, 422),
        ({"ticket_id": 0}, 422),
        ({"hello": 1}, 422),
        ([], 422),
    ],
)
async def test_what_means_no_ticket_of_ours_does_nothing(
    zendesk: Zendesk, body: Any, status: int
) -> None:
    answer = await zendesk.tell(body)

    assert answer.status_code == status, answer.text
    assert status == 422 or answer.json()["effect"] is False


async def test_a_ticket_that_begins_there_is_taken_in_where_that_is_wanted(
    desk: Desk, zendesk: Zendesk
) -> None:
    made = await desk.connect(TicketSystemKind.ZENDESK, zendesk.fake.url, **ACCOUNT, imports="on")
    zendesk.path = f"/v1/inbound/{made}"
    zendesk.fake.write(zendesk.fake.hold("Lamp", "new"), MIA_ID, "My lamp flickers.")

    taken = await zendesk.tell(event(2, "ticket.created"))

    async with desk.parts.database.snapshot() as session:
        lamp = select(Conversation).where(Conversation.subject == "Lamp")
        conversation = (await session.scalars(lamp)).one()
    assert taken.json() == {"effect": True, "conversation_id": str(conversation.id)}
