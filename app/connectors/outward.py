"""What happens in a conversation happens in its ticket too; a hand-off makes the ticket.

A sender of `app/webhooks`: deliveries of a conversation come one after another, are tried again
when the ticket system is down, and stand in the same log. What a delivery means is read from the
conversation as it is now, so nothing of it is stored twice.
"""

import time
from dataclasses import dataclass
from datetime import timedelta
from uuid import UUID

from sqlalchemy import exists, select
from sqlalchemy.ext.asyncio import AsyncSession

from app import access
from app.clock import Clock
from app.connectors.inward import make_link
from app.connectors.system import (
    ODD,
    NewComment,
    NewTicket,
    Requester,
    Ticket,
    TicketSystem,
    TicketTrouble,
)
from app.connectors.systems import Systems
from app.conversations.ledger import append_note
from app.conversations.repository import Conversations
from app.conversations.summary import summarise
from app.conversations.thread_text import as_text
from app.database import Database, Work
from app.events import EventStored
from app.models import (
    Connector,
    Contact,
    Conversation,
    Message,
    TicketComment,
    TicketLink,
    WebhookDelivery,
    WebhookEndpoint,
)
from app.speakers import SYSTEM
from app.vocabulary import (
    Control,
    DeliveryState,
    EventType,
    HandoffReason,
    MessageState,
    Role,
    Status,
    TicketStatus,
)
from app.webhooks.claims import Attempt, Parcel

_FOLLOWED = (
    EventType.MESSAGE_CREATED,
    EventType.MESSAGE_COMPLETED,
    EventType.STATUS_CHANGED,
)
_SAID = (EventType.MESSAGE_CREATED.value, EventType.MESSAGE_COMPLETED.value)
_AUTHORS = {Role.CUSTOMER: "Customer", Role.BOT: "Assistant"}
_STATUSES = {
    Status.OPEN: TicketStatus.OPEN,
    Status.SNOOZED: TicketStatus.PENDING,
    Status.RESOLVED: TicketStatus.RESOLVED,
    Status.ARCHIVED: TicketStatus.RESOLVED,
}


async def concerns(work: Work, endpoint: WebhookEndpoint, event: EventStored) -> bool:
    """Whether a ticket is to be made of it, or there is one that should know."""
    conversation = await work.session.get_one(Conversation, event.conversation_id)
    if endpoint.inbox_ids and str(conversation.inbox_id) not in endpoint.inbox_ids:
        return False
    if event.type is EventType.CONTROL_CHANGED:
        return bool(event.data["to"] == Control.QUEUE.value)
    if event.type not in _FOLLOWED:
        return False
    message = event.data.get("message")
    if message is not None:
        is_begun = event.type is EventType.MESSAGE_CREATED and message["role"] == Role.BOT.value
        if is_begun or message["role"] == Role.SYSTEM.value:
            return False
        if conversation.control is Control.QUEUE:
            return True
    return await _is_ticket(work, endpoint, event.conversation_id)


async def _is_ticket(work: Work, endpoint: WebhookEndpoint, conversation_id: UUID) -> bool:
    """Or will be one: its hand-off is on the way."""
    link = (
        select(TicketLink.id)
        .join(Connector, Connector.id == TicketLink.connector_id)
        .where(Connector.endpoint_id == endpoint.id, TicketLink.conversation_id == conversation_id)
    )
    waiting = select(WebhookDelivery.id).where(
        WebhookDelivery.endpoint_id == endpoint.id,
        WebhookDelivery.conversation_id == conversation_id,
        WebhookDelivery.state == DeliveryState.WAITING,
    )
    found = select(exists(link) | exists(waiting))
    return bool((await work.session.execute(found)).scalar_one())


@dataclass(frozen=True)
class _Case:
    """A conversation and its ticket, as they stand now."""

    connector: Connector
    conversation: Conversation
    contact: Contact
    link: TicketLink | None
    message: Message | None
    is_known: bool
    """Whether the ticket has this message already."""
    thread: list[Message]


class TicketSender:
    """Brings deliveries to ticket systems."""

    def __init__(self, database: Database, systems: Systems, clock: Clock) -> None:
        self._database = database
        self._systems = systems
        self._clock = clock

    async def __call__(self, parcel: Parcel) -> Attempt:
        """Do in the ticket what was done here."""
        at, begun = self._clock(), time.monotonic()
        status: int | None = None
        error, response, wait = None, "", timedelta()
        try:
            response = await self._bring(parcel)
        except TicketTrouble as trouble:
            status, error = trouble.http_status, trouble.sentence
            response, wait = trouble.response, trouble.wait
        except (*ODD, StopIteration) as odd:
            error = f"Its answer was not as documented: {type(odd).__name__} {odd}"
        took_ms = round((time.monotonic() - begun) * 1_000)
        return Attempt(at, took_ms, status, error, response, wait)

    async def _bring(self, parcel: Parcel) -> str:
        """What was done, for the log."""
        case = await self._read(parcel)
        system = await self._systems.open(case.connector)
        if case.link is None:
            return await self._make_ticket(case, system)
        if parcel.type in _SAID:
            return await self._add_comment(parcel, case, case.link, system)
        return await self._set_status(case, case.link, system)

    async def _make_ticket(self, case: _Case, system: TicketSystem) -> str:
        made = await system.create_ticket(_new_ticket(case))
        async with self._database.work() as work:
            conversation = await access.lock_any_conversation(work, case.conversation.id)
            ticket = Ticket(made.ref, TicketStatus.NEW, url=made.url)
            link = await make_link(work, case.connector, conversation, ticket)
            link.seq = case.conversation.last_seq
            for ref in made.comment_refs:
                work.session.add(TicketComment(link_id=link.id, ref=ref))
            where = f": {made.url}" if made.url else "."
            name = case.connector.system.value.capitalize()
            await append_note(
                work, conversation, SYSTEM, f"This is ticket {made.ref} in {name}{where}"
            )
        return f"Made ticket {made.ref}."

    async def _add_comment(
        self, parcel: Parcel, case: _Case, link: TicketLink, system: TicketSystem
    ) -> str:
        message = case.message
        if message is None or not message.text or message.state is MessageState.RETRACTED:
            return "There is nothing to say."
        if parcel.seq <= link.seq or case.is_known:
            return "It stands in the ticket already."
        author = message.author_name or _AUTHORS.get(message.role, "Careline")
        is_customers = message.role is Role.CUSTOMER
        new = NewComment(f"{message.id}", message.text, author, is_customers)
        ref = await system.add_comment(link.ticket_ref, new)
        async with self._database.work() as work:
            crossed = TicketComment(link_id=link.id, ref=ref, message_id=message.id)
            work.session.add(crossed)
        return f"Wrote comment {ref} into ticket {link.ticket_ref}."

    async def _set_status(self, case: _Case, link: TicketLink, system: TicketSystem) -> str:
        wanted = _STATUSES[case.conversation.status]
        is_open = (TicketStatus.NEW, TicketStatus.OPEN)
        if wanted is link.status or (wanted in is_open and link.status in is_open):
            return f"The ticket is {link.status.value} already."
        await system.set_status(link.ticket_ref, wanted)
        async with self._database.work() as work:
            stored = await work.session.get_one(TicketLink, link.id, with_for_update=True)
            stored.status = wanted
        return f"Set ticket {link.ticket_ref} to {wanted.value}."

    async def _read(self, parcel: Parcel) -> _Case:
        assert parcel.conversation_id is not None, "connectors are sent no tests"
        async with self._database.snapshot() as session:
            query = select(Connector).where(Connector.endpoint_id == parcel.to.endpoint_id)
            connector = (await session.scalars(query)).one()
            conversation = await session.get_one(Conversation, parcel.conversation_id)
            link = await _link(session, connector.id, conversation.id)
            thread: list[Message] = []
            if link is None:
                conversations = Conversations(session)
                thread = await conversations.messages(conversation.id, with_internal=False)
            return _Case(
                connector,
                conversation,
                await session.get_one(Contact, conversation.contact_id),
                link,
                await session.get(Message, parcel.message_id) if parcel.message_id else None,
                await _is_known(session, link, parcel.message_id),
                thread,
            )


async def _link(
    session: AsyncSession, connector_id: UUID, conversation_id: UUID
) -> TicketLink | None:
    query = select(TicketLink).where(
        TicketLink.connector_id == connector_id,
        TicketLink.conversation_id == conversation_id,
    )
    return (await session.scalars(query)).one_or_none()


async def _is_known(
    session: AsyncSession, link: TicketLink | None, message_id: UUID | None
) -> bool:
    if link is None or message_id is None:
        return False
    query = select(TicketComment.id).where(
        TicketComment.link_id == link.id, TicketComment.message_id == message_id
    )
    return (await session.scalars(query)).first() is not None


def _new_ticket(case: _Case) -> NewTicket:
    conversation, contact = case.conversation, case.contact
    reason = HandoffReason(conversation.handoff_reason or HandoffReason.ASKED.value)
    return NewTicket(
        key=str(conversation.id),
        number=conversation.number,
        subject=conversation.subject or f"Conversation #{conversation.number}",
        requester=Requester(contact.name, contact.email, contact.external_id),
        summary=summarise(case.thread, reason),
        transcript=as_text(f"Conversation #{conversation.number}", case.thread),
        priority=conversation.priority,
    )
