"""What was done in a ticket system happens here too: replies, customers' words, ends, new tickets.

Each function works in the unit of work it is given and does its effect once: the row that says what
has crossed is written first, and whoever finds it there does nothing.
"""

from dataclasses import dataclass
from uuid import UUID

from sqlalchemy import select
from sqlalchemy.exc import IntegrityError

from app import access
from app.connectors.system import Comment, Requester, Ticket
from app.contacts.service import Details, choose_contact
from app.conversations import desk, relay, service
from app.conversations.control import ShownText
from app.conversations.service import NewMessage, Opening
from app.database import Work
from app.errors import Blocked, ConversationClosed
from app.handoff import service as handoff
from app.ids import new_id
from app.models import (
    Agent,
    Connector,
    Conversation,
    JsonObject,
    Message,
    TicketComment,
    TicketLink,
)
from app.speakers import SignedInAgent
from app.vocabulary import Status, TicketStatus

_SUBJECT_CHARS = 120
_NAME_CHARS = 200
_MAX_REF_CHARS = 120
_MAX_EMAIL_CHARS = 254
_MAX_URL_CHARS = 2_000
_ANONYMOUS = "Support"


@dataclass(frozen=True)
class House:
    """What of the application the effects need."""

    shown: ShownText
    text_limit: int
    reopen_days: int


async def find_link(
    work: Work, connector_id: UUID, ticket_ref: str, *, is_locked: bool = False
) -> TicketLink | None:
    """The conversation of a ticket, if it is one of ours."""
    query = select(TicketLink).where(
        TicketLink.connector_id == connector_id, TicketLink.ticket_ref == ticket_ref
    )
    query = query.with_for_update() if is_locked else query
    return (await work.session.scalars(query)).one_or_none()


async def take_comment(
    work: Work, house: House, connector: Connector, link: TicketLink, comment: Comment
) -> bool:
    """Let it be said here; false if it was, or is not for customers' eyes."""
    is_for_others = comment.is_ours or comment.is_internal
    if is_for_others or not comment.text.strip() or len(comment.ref) > _MAX_REF_CHARS:
        return False
    crossed = TicketComment(id=new_id(), link_id=link.id, ref=comment.ref)
    if not await _is_first(work, crossed):
        return False
    try:
        for number, text in enumerate(_pieces(comment.text, house.text_limit)):
            new = NewMessage(text, None, link.conversation_id)
            message_id = await _say(work, house, connector, new, comment)
            if number == 0:
                crossed.message_id = message_id
            else:  # each is known to be there, or it would be brought there once more
                piece = TicketComment(id=new_id(), link_id=link.id, message_id=message_id)
                piece.ref = f"{message_id}"
                work.session.add(piece)
    except (ConversationClosed, Blocked):
        return False  # archived, or the customer may not write: nobody here waits for it
    return True


async def take_status(
    work: Work, house: House, connector: Connector, link: TicketLink, status: TicketStatus
) -> bool:
    """End the conversation with its ticket, or take it up again; false if nothing is to do."""
    before, link.status = link.status, status
    if status is before:
        return False
    agent = await speaker(work, connector)
    conversation = await access.lock_conversation(work, agent, link.conversation_id)
    is_over = conversation.status in (Status.RESOLVED, Status.ARCHIVED)
    if status is TicketStatus.RESOLVED and not is_over:
        await service.resolve(work, agent, conversation.id, shown=house.shown)
        return True
    if before is TicketStatus.RESOLVED and conversation.status is Status.RESOLVED:
        await desk.reopen(work, agent, conversation.id)
        return True
    return False


async def take_ticket(
    work: Work, connector: Connector, ticket: Ticket, first: Comment
) -> Conversation | None:
    """A ticket that began there becomes a conversation here; None if it is one already, or cannot
    be: who asks may not write here, or its id is too long to be kept.

    The bot answers it only where the connector's setting `bot_answers` says so; otherwise it waits
    for a person, as in the ticket system.
    """
    is_too_long = max(len(ticket.ref), len(first.ref)) > _MAX_REF_CHARS
    if is_too_long or await find_link(work, connector.id, ticket.ref) is not None:
        return None
    known = _known(ticket.requester)
    contact = await choose_contact(work, connector.workspace_id, None, known)
    inbox = await relay.choose_inbox(work.session, connector.workspace_id, None)
    opening = Opening(
        subject=ticket.subject[:_SUBJECT_CHARS] or None,
        is_bot_on=inbox.bot_enabled and is_on(connector.settings, "bot_answers"),
    )
    text = first.text.strip() or ticket.subject.strip() or f"Ticket {ticket.ref}"
    begin = relay.Begin(contact, inbox, NewMessage(text, None), opening)
    agent = await speaker(work, connector)
    try:
        conversation = await relay.begin(work, agent, begin)
    except Blocked:
        return None
    link = await make_link(work, connector, conversation, ticket)
    said = select(Message.id).where(Message.conversation_id == conversation.id, Message.seq == 1)
    crossed = TicketComment(
        id=new_id(),
        link_id=link.id,
        ref=first.ref,
        message_id=(await work.session.scalars(said)).one_or_none(),
    )
    work.session.add(crossed)
    await work.session.flush()
    return conversation


async def make_link(
    work: Work, connector: Connector, conversation: Conversation, ticket: Ticket
) -> TicketLink:
    """From now on they are one; what has been said so far stands on both sides."""
    link = TicketLink(
        id=new_id(),
        created_at=work.clock(),
        workspace_id=connector.workspace_id,
        connector_id=connector.id,
        conversation_id=conversation.id,
        ticket_ref=ticket.ref,
        ticket_url=ticket.url if len(ticket.url) <= _MAX_URL_CHARS else "",
        seq=conversation.last_seq,
        status=ticket.status,
    )
    work.session.add(link)
    await work.session.flush()
    return link


async def speaker(work: Work, connector: Connector, name: str = "") -> SignedInAgent:
    """Who acts here for the people there, under the name of the one who wrote."""
    account = await work.session.get_one(Agent, connector.agent_id)
    return SignedInAgent(account.workspace_id, account.id, name or account.name, account.role)


def is_on(settings: JsonObject, name: str) -> bool:
    """Whether a box of the connector's page is ticked."""
    return settings.get(name) == "on"


def _known(asker: Requester) -> Details:
    """What of somebody there fits here."""
    email = (asker.email or "").strip().lower()
    external_id = asker.external_id or ""
    return Details(
        external_id if 0 < len(external_id) <= _NAME_CHARS else None,
        email if 0 < len(email) <= _MAX_EMAIL_CHARS else None,
        asker.name[:_NAME_CHARS],
    )


async def _say(
    work: Work, house: House, connector: Connector, new: NewMessage, comment: Comment
) -> UUID:
    assert new.conversation_id is not None
    agent = await speaker(work, connector, (comment.author or _ANONYMOUS)[:200])
    if comment.is_customers:
        posted = await relay.relay(
            work,
            agent,
            new.conversation_id,
            new,
            shown=house.shown,
            reopen_days=house.reopen_days,
        )
        return posted.message_id
    conversation = await access.lock_conversation(work, agent, new.conversation_id)
    if conversation.status is Status.RESOLVED:
        await desk.reopen(work, agent, conversation.id)
    posted = await handoff.post_reply(work, agent, new, shown=house.shown)
    return posted.message_id


async def _is_first(work: Work, crossed: TicketComment) -> bool:
    """Of all who bring the same comment at once, one is."""
    known = select(TicketComment.id).where(
        TicketComment.link_id == crossed.link_id, TicketComment.ref == crossed.ref
    )
    if (await work.session.scalars(known)).first() is not None:
        return False
    try:
        async with work.session.begin_nested():
            work.session.add(crossed)
    except IntegrityError:
        return False
    return True


def _pieces(text: str, limit: int) -> list[str]:
    """A text in as many messages as it takes."""
    cleaned = text.replace("\0", "").strip()
    return [cleaned[start : start + limit] for start in range(0, len(cleaned), limit)]
