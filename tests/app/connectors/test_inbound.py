"""Webhooks of ticket systems, signed by an independent library: each has its effect once."""

import asyncio
import json
from collections.abc import AsyncIterator
from datetime import datetime
from typing import Any
from uuid import UUID

import httpx
import pytest
from sqlalchemy import func, select
from standardwebhooks import Webhook

from app.ids import new_id
from app.models import Contact, Conversation, Message, TicketLink
from app.vocabulary import Control, Role, Status, TicketSystemKind
from app.webhooks.signing import told
from tests.api_client import Api
from tests.app.connectors.conftest import Desk

on_sqlite = pytest.mark.parametrize("store", ["sqlite"], indirect=True)
TICKET = {
    "id": "T-1",
    "subject": "Broken lamp",
    "text": "The lamp arrived broken.",
    "requester": {"name": "Mia", "email": "mia@example.com"},
}


class Sender:
    """A ticket system that tells its news."""

    def __init__(self, desk: Desk, connector_id: UUID, endpoint_id: UUID) -> None:
        vault = desk.parts.outgoing.vault
        self.secret = told(vault.webhook_key(endpoint_id, 1))
        self.path = f"/v1/inbound/{connector_id}"
        self._desk = desk
        self._api = Api(desk.parts, desk.shop)
        self.client = self._api.with_headers()

    async def post(
        self, kind: str, data: dict[str, Any], *, webhook_id: str | None = None, **changed: str
    ) -> httpx.Response:
        return await self.post_body(
            json.dumps({"type": kind, "data": data}), webhook_id=webhook_id, **changed
        )

    async def post_body(
        self, body: str, *, webhook_id: str | None = None, **changed: str
    ) -> httpx.Response:
        chosen = webhook_id or str(new_id())
        at: datetime = self._desk.clock()
        headers = {
            "content-type": "application/json",
            "webhook-id": chosen,
            "webhook-timestamp": str(int(at.timestamp())),
            "webhook-signature": Webhook(self.secret).sign(chosen, at, body),
        }
        for name, value in changed.items():
            headers[f"webhook-{name}"] = value
        return await self.client.post(self.path, content=body.encode(), headers=headers)

    async def close(self) -> None:
        await self._api.close()


@pytest.fixture
async def sender(desk: Desk) -> AsyncIterator[Sender]:
    connector_id = await desk.connect(TicketSystemKind.GENERIC, "http://127.0.0.1:65535/hook")
    endpoint_id = (await desk.connector(connector_id)).endpoint_id
    made = Sender(desk, connector_id, endpoint_id)
    yield made
    await made.close()


async def count(desk: Desk, table: Any) -> int:
    async with desk.parts.database.snapshot() as session:
        return (await session.execute(select(func.count()).select_from(table))).scalar_one()


async def texts(desk: Desk) -> list[tuple[Role, str]]:
    query = select(Message).where(Message.role != Role.SYSTEM).order_by(Message.seq)
    async with desk.parts.database.snapshot() as session:
        return [(one.role, one.text) for one in await session.scalars(query)]


async def test_a_hundred_copies_at_once_have_one_effect(desk: Desk, sender: Sender) -> None:
    copies = [
        sender.post("ticket.created", {"ticket": TICKET}, webhook_id="msg_1") for _ in range(100)
    ]
    answers = await asyncio.gather(*copies)

    assert {answer.status_code for answer in answers} == {200}
    assert sum(answer.json()["effect"] for answer in answers) == 1
    assert (await count(desk, Conversation), await count(desk, TicketLink)) == (1, 1)
    assert await count(desk, Contact) == 1


async def test_a_ticket_its_comments_and_its_end_happen_here(desk: Desk, sender: Sender) -> None:
    made = await sender.post("ticket.created", {"ticket": TICKET})
    conversation_id = UUID(made.json()["conversation_id"])
    begun = await desk.conversation(conversation_id)
    reply = {"id": "c1", "text": "A new one is on its way.", "author": "Dana Reyes"}
    question = {"id": "c2", "text": "When?", "author_kind": "customer"}
    hidden = {"id": "c3", "text": "Between us", "internal": True}
    for comment in (reply, question, hidden, reply):
        await sender.post("ticket.commented", {"ticket_id": "T-1", "comment": comment})
    status = {"ticket_id": "T-1", "status": "resolved"}
    await sender.post("ticket.status_changed", status)
    await sender.post("ticket.status_changed", status)

    assert (begun.subject, begun.control, begun.status) == (
        "Broken lamp",
        Control.QUEUE,
        Status.OPEN,
    )
    assert await texts(desk) == [
        (Role.CUSTOMER, "The lamp arrived broken."),
        (Role.AGENT, "A new one is on its way."),
        (Role.CUSTOMER, "When?"),
    ]
    assert (await desk.conversation(conversation_id)).status is Status.RESOLVED


@on_sqlite
async def test_the_same_customer_is_one_contact_and_the_same_ticket_one_conversation(
    desk: Desk, sender: Sender
) -> None:
    first = await sender.post("ticket.created", {"ticket": TICKET})
    again = await sender.post("ticket.created", {"ticket": TICKET})
    other = await sender.post("ticket.created", {"ticket": TICKET | {"id": "T-2"}})

    assert again.json() == {
        "effect": False,
        "conversation_id": first.json()["conversation_id"],
    }
    assert other.json()["effect"] is True
    assert (await count(desk, Conversation), await count(desk, Contact)) == (2, 1)


@on_sqlite
@pytest.mark.parametrize(
    "changed",
    [
        {"signature": "v1,aGVsbG8="},
        {"signature": ""},
        {"signature": "v2,abc v1"},
        {"timestamp": "1700000000"},
        {"timestamp": "soon"},
        {"timestamp": "9" * 40},
        {"id": "another"},
    ],
)
async def test_what_is_not_signed_for_us_is_refused(
    desk: Desk, sender: Sender, changed: dict[str, str]
) -> None:
    answer = await sender.post("ticket.created", {"ticket": TICKET}, **changed)

    assert answer.status_code == 401
    assert await count(desk, Conversation) == 0


@on_sqlite
async def test_an_unknown_source_sounds_like_a_bad_signature(sender: Sender) -> None:
    sender.path = f"/v1/inbound/{UUID(int=7)}"

    assert (await sender.post("ticket.created", {"ticket": TICKET})).status_code == 401


@on_sqlite
@pytest.mark.parametrize(
    ("body", "status"),
    [
        ('{"type": "ticket.exploded", "data": {}}', 422),
        ('{"type": "ticket.created", "data": {"ticket": {"id": "1"}}}', 422),
        ('{"type": "ticket.created", "data": {"ticket": {"id": 1, "text": "x"}}}', 422),
        ('{"type": "ticket.created", "data": {"ticket": {"id": "1", "text": "a\\u0000"}}}', 422),
        ('{"type": "ticket.status_changed", "data": {"ticket_id": "9", "status": "open"}}', 404),
        ("[1, 2", 400),
        ("[]", 422),
    ],
)
async def test_what_does_not_fit_is_told_and_leaves_nothing(
    desk: Desk, sender: Sender, body: str, status: int
) -> None:
    refused = await sender.post_body(body, webhook_id="msg_9")
    taken = await sender.post("ticket.created", {"ticket": TICKET}, webhook_id="msg_9")

    assert refused.status_code == status, refused.text
    assert taken.json()["effect"] is True, "a refused webhook may be sent again, repaired"


@on_sqlite
async def test_a_long_comment_comes_in_pieces_and_none_goes_back(
    desk: Desk, sender: Sender
) -> None:
    await sender.post("ticket.created", {"ticket": TICKET})
    limit = desk.parts.settings.text_limit
    comment = {"id": "c1", "text": "a" * limit + "b" * limit + "c"}

    await sender.post("ticket.commented", {"ticket_id": "T-1", "comment": comment})
    await desk.runner.run_due()

    said = [text for role, text in await texts(desk) if role is Role.AGENT]
    assert said == ["a" * limit, "b" * limit, "c"]
    log = await desk.log()
    assert {error for _, state, error in log if state != "delivered"} == set(), log


@on_sqlite
async def test_of_a_blank_ticket_its_subject_is_what_was_said(desk: Desk, sender: Sender) -> None:
    ticket = TICKET | {"text": " \n", "requester": {"name": "Mia", "email": "x" * 254}}

    taken = await sender.post("ticket.created", {"ticket": ticket})

    assert taken.json()["effect"] is True
    assert await texts(desk) == [(Role.CUSTOMER, "Broken lamp")]
