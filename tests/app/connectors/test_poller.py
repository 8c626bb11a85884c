"""What one ticket, or one ticket system, does wrong holds up no other."""

import json

import pytest
from sqlalchemy import select, update

from app.models import Contact, Conversation
from app.vocabulary import Role, Status, TicketSystemKind
from tests.app.connectors.conftest import Desk
from tests.app.connectors.fakes import (
    DANA_ID,
    MIA_ID,
    SECRET,
    FakeFreshdesk,
    FakeZendesk,
    serving_fake,
)
from tests.loopback import Answer, Request, serving_http

pytestmark = pytest.mark.parametrize("store", ["sqlite"], indirect=True)
ACCOUNT = {"user": "bot@careline.example", "secret": SECRET}


class Forgetful(FakeZendesk):
    """Its first ticket was deleted: it is still named among what has changed."""

    async def respond(self, request: Request) -> Answer:
        if self.has_forgotten and "/tickets/1/comments" in request.target:
            return Answer(404, b'{"error": "RecordNotFound"}')
        return await super().respond(request)

    has_forgotten = False


async def test_a_deleted_ticket_holds_up_no_other(desk: Desk) -> None:
    async with serving_fake(Forgetful()) as fake:
        await desk.connect(TicketSystemKind.ZENDESK, fake.url, **ACCOUNT, imports="on")
        await desk.poller.run_due()
        await desk.hand_off(await desk.say("My parcel is lost."))
        await desk.runner.run_due()
        other = fake.hold("Lamp", "new")
        fake.write(other, MIA_ID, "My lamp flickers.")
        setattr(fake, "has_forgotten", True)  # noqa: B010  # of the subclass
        await desk.bring()
        fake.write(other, DANA_ID, "We send a new one.")
        await desk.bring()

    async with desk.parts.database.snapshot() as session:
        lamp = select(Conversation).where(Conversation.subject == "Lamp")
        taken = (await session.scalars(lamp)).one()
    replies = [text for role, _, text in await desk.heard(taken.id) if role is Role.AGENT]
    assert replies == ["We send a new one."]


async def test_a_system_that_answers_oddly_holds_up_no_other(desk: Desk) -> None:
    async def respond(_request: Request) -> Answer:
        return Answer(200, b"[]")

    async with serving_http(respond) as port, serving_fake(FakeFreshdesk()) as fake:
        odd = await desk.connect(TicketSystemKind.ZENDESK, f"http://127.0.0.1:{port}", **ACCOUNT)
        await desk.connect(TicketSystemKind.FRESHDESK, fake.url, **ACCOUNT, imports="on")
        await desk.poller.run_due()
        fake.write(fake.hold("Lamp", "2"), MIA_ID, "My lamp flickers.")
        await desk.bring()

    async with desk.parts.database.snapshot() as session:
        assert [one.subject for one in await session.scalars(select(Conversation))] == ["Lamp"]
    connector = await desk.connector(odd)
    assert "not as documented" in (connector.poll_error or "")
    assert connector.poll_locked_until is None and connector.poll_at is not None


async def test_who_is_blocked_here_holds_up_nobody_there(desk: Desk) -> None:
    async with serving_fake(FakeFreshdesk()) as fake:
        await desk.connect(TicketSystemKind.FRESHDESK, fake.url, **ACCOUNT, imports="on")
        await desk.poller.run_due()
        fake.write(fake.hold("Lamp", "2"), MIA_ID, "My lamp flickers.")
        await desk.bring()
        async with desk.parts.database.work() as work:
            blocked = update(Contact).where(Contact.email == "mia@example.com")
            await work.session.execute(blocked.values(blocked_at=work.clock()))
        fake.write(fake.hold("Spam", "2"), MIA_ID, "Buy this.")
        fake.tickets[0].status, fake.tickets[0].num_changes = "4", 9
        await desk.bring()

    async with desk.parts.database.snapshot() as session:
        [only] = await session.scalars(select(Conversation))
    assert (only.subject, only.status) == ("Lamp", Status.RESOLVED)


async def test_what_no_store_takes_is_left_out_of_what_is_said(desk: Desk) -> None:
    async with serving_fake(FakeFreshdesk()) as fake:
        await desk.connect(TicketSystemKind.FRESHDESK, fake.url, **ACCOUNT, imports="on")
        await desk.poller.run_due()
        fake.write(fake.hold("Lamp\0 \ud83d", "2"), MIA_ID, "My\0 lamp \ud83d flickers.")
        await desk.bring()

    async with desk.parts.database.snapshot() as session:
        taken = (await session.scalars(select(Conversation))).one()
    [(_, _, said)] = [one for one in await desk.heard(taken.id) if one[0] is Role.CUSTOMER]
    assert (taken.subject, said) == ("Lamp ?", "My lamp ? flickers.")
    assert json.loads(json.dumps(said)) == said
