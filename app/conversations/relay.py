"""What programs do with conversations and people do not: begin them for a customer, patch, merge.

A ticket system may send a thing twice, so everything with a reference of its own is made once.
"""

from dataclasses import dataclass
from uuid import UUID

from sqlalchemy import select
from sqlalchemy.exc import IntegrityError
from sqlalchemy.ext.asyncio import AsyncSession

from app import access
from app.api.errors import BadField
from app.conversations import desk
from app.conversations.control import ShownText
from app.conversations.desk import NewLabel
from app.conversations.ledger import append_note
from app.conversations.moves import Cause, move
from app.conversations.repository import ConversationRow, Conversations
from app.conversations.service import NewMessage, Opening, Posted, relay_message, relay_opening
from app.conversations.states import Happening
from app.conversations.thread_text import as_text
from app.database import Work
from app.errors import Conflict, Forbidden, NotFound
from app.models import Contact, Conversation, Inbox, Message
from app.speakers import Customer, SignedInAgent
from app.vocabulary import AgentRole, Priority, Status


@dataclass(frozen=True)
class Begin:
    """A conversation as it comes from another system."""

    contact: Contact
    inbox: Inbox
    message: NewMessage
    opening: Opening
    locale: str | None = None
    priority: Priority = Priority.NORMAL
    labels: tuple[str, ...] = ()


@dataclass(frozen=True)
class Patch:
    """What is to change; None stays."""

    subject: str | None = None
    priority: Priority | None = None
    labels: tuple[str, ...] | None = None
    external_ref: str | None = None
    has_no_ref: bool = False
    """Whether its reference is taken away."""


async def find_by_reference(
    session: AsyncSession, workspace_id: UUID, external_ref: str
) -> Conversation | None:
    """The conversation that came under this reference before."""
    query = select(Conversation).where(
        Conversation.workspace_id == workspace_id, Conversation.external_ref == external_ref
    )
    return (await session.scalars(query)).one_or_none()


async def choose_inbox(session: AsyncSession, workspace_id: UUID, inbox_id: UUID | None) -> Inbox:
    """The site that is named, or the company's first.

    Raises:
        BadField: there is no such site.
    """
    query = select(Inbox).where(Inbox.workspace_id == workspace_id)
    if inbox_id is not None:
        query = query.where(Inbox.id == inbox_id)
    found = (await session.scalars(query.order_by(Inbox.id).limit(1))).one_or_none()
    if found is None:
        raise BadField("/inbox_id", "There is no such site.", "not_found")
    return found


async def choose_agent(
    session: AsyncSession,
    caller: SignedInAgent,
    agent_id: UUID | None,
    pointer: str = "/agent_id",
) -> SignedInAgent:
    """Who is meant: the agent who is named, or the key's maker.

    Raises:
        BadField: there is no such agent here.
        Forbidden: this one may only read.
    """
    if agent_id is None:
        return caller
    try:
        agent = await access.agent(session, agent_id)
    except NotFound:
        agent = None
    if agent is None or agent.workspace_id != caller.workspace_id:
        raise BadField(pointer, "There is no such agent.", "not_found")
    if agent.role is AgentRole.VIEWER:
        raise Forbidden(f"{agent.name} may only read.")
    return SignedInAgent(agent.workspace_id, agent.id, agent.name, agent.role)


async def begin(work: Work, agent: SignedInAgent, new: Begin) -> Conversation:
    """Begin it with the customer's message.

    Raises:
        Conflict: another conversation took the reference a moment ago.
        Blocked: this contact may not write.
    """
    customer = _customer(new.contact, new.inbox.id, new.locale)
    try:
        conversation = await relay_opening(work, customer, new.message, new.opening)
    except IntegrityError as error:
        raise Conflict(
            "This reference was used a moment ago; read it by `external_ref`."
        ) from error
    if new.priority is not Priority.NORMAL:
        await desk.set_priority(work, agent, conversation.id, new.priority)
    for name in new.labels:
        await desk.set_label(work, agent, conversation.id, NewLabel(name), is_on=True)
    return conversation


async def relay(
    work: Work,
    caller: SignedInAgent,
    conversation_id: UUID,
    new: NewMessage,
    *,
    shown: ShownText,
    reopen_days: int,
) -> Posted:
    """Add what the customer said elsewhere; raises as `service.post_message` does."""
    conversation = await access.lock_conversation(work, caller, conversation_id)
    contact = await access.contact(work.session, conversation.contact_id)
    customer = _customer(contact, conversation.inbox_id, conversation.locale)
    return await relay_message(work, customer, new, shown=shown, reopen_days=reopen_days)


def speaker_of(conversation: Conversation) -> Customer:
    """The customer of a conversation, for what is done in their name."""
    return Customer(
        conversation.workspace_id,
        conversation.inbox_id,
        token_hash="",
        contact_id=conversation.contact_id,
        is_stored=True,
    )


async def patch(
    work: Work, agent: SignedInAgent, conversation_id: UUID, changes: Patch
) -> ConversationRow:
    """Change what is given.

    Raises:
        BadField: another conversation has this reference.
    """
    conversation = await access.lock_conversation(work, agent, conversation_id)
    if changes.priority is not None:
        await desk.set_priority(work, agent, conversation_id, changes.priority)
    if changes.labels is not None:
        await _set_labels(work, agent, conversation_id, set(changes.labels))
    if changes.subject is not None:
        conversation.subject = changes.subject
    if changes.external_ref is not None and changes.external_ref != conversation.external_ref:
        await _refuse_taken(work, conversation, changes.external_ref)
        conversation.external_ref = changes.external_ref
    if changes.has_no_ref:
        conversation.external_ref = None
    await work.session.flush()
    return await Conversations(work.session).row(conversation)


async def merge(
    work: Work,
    agent: SignedInAgent,
    conversation_id: UUID,
    into_id: UUID,
    *,
    shown: ShownText,
) -> Conversation:
    """Let it go on in another conversation of the same customer, which gets a transcript as a note.

    Raises:
        NotFound: it is unknown here.
        BadField: the other one is, or they are the same, or of two customers, or the other ended.
        ConversationClosed: it is archived.
    """
    if conversation_id == into_id:
        raise BadField("/into_id", "A conversation cannot be merged into itself.")
    source, target = await _lock_both(work, agent, conversation_id, into_id)
    if source.contact_id != target.contact_id:
        raise BadField("/into_id", "Both must be conversations of one contact.")
    if target.status in (Status.RESOLVED, Status.ARCHIVED):
        raise BadField("/into_id", f"The other conversation is {target.status.value}.")
    cause = Cause(agent.actor, shown=shown, agent=agent)
    await append_note(work, source, agent.actor, f"Merged into #{target.number}.")
    await move(work, source, Happening.MERGED, cause)
    thread = await Conversations(work.session).messages(source.id, with_internal=False)
    told = as_text(f"Merged from #{source.number}: {source.subject}", thread)
    await append_note(work, target, agent.actor, told.rstrip())
    labels = await Conversations(work.session).labels([source.id])
    for label in labels[source.id]:
        await desk.set_label(work, agent, target.id, NewLabel(label.name), is_on=True)
    source.merged_into_id = target.id
    await work.session.flush()
    return target


async def find_message(
    session: AsyncSession, speaker: SignedInAgent, conversation_id: UUID, message_id: UUID
) -> Message:
    """A message of a conversation this speaker may read.

    Raises:
        NotFound: unknown, or of another conversation.
    """
    conversation = await access.conversation(session, speaker, conversation_id)
    found = await session.get(Message, message_id)
    if found is None or found.conversation_id != conversation.id:
        raise NotFound("There is no such message.")
    return found


def _customer(contact: Contact, inbox_id: UUID, locale: str | None) -> Customer:
    return Customer(
        contact.workspace_id,
        inbox_id,
        token_hash="",
        contact_id=contact.id,
        is_stored=True,
        locale=locale or contact.locale,
    )


async def _lock_both(
    work: Work, agent: SignedInAgent, conversation_id: UUID, into_id: UUID
) -> tuple[Conversation, Conversation]:
    await access.conversation(work.session, agent, conversation_id)
    try:
        await access.conversation(work.session, agent, into_id)
    except NotFound as error:
        raise BadField("/into_id", "There is no such conversation.", "not_found") from error
    ids = sorted((conversation_id, into_id))  # in one order, so that no two merges wait in a ring
    locked = {one: await access.lock_conversation(work, agent, one) for one in ids}
    return locked[conversation_id], locked[into_id]


async def _set_labels(
    work: Work, agent: SignedInAgent, conversation_id: UUID, wanted: set[str]
) -> None:
    known = (await Conversations(work.session).labels([conversation_id]))[conversation_id]
    worn = {label.name for label in known}
    for name in sorted(worn - wanted):
        await desk.set_label(work, agent, conversation_id, NewLabel(name), is_on=False)
    for name in sorted(wanted - worn):
        await desk.set_label(work, agent, conversation_id, NewLabel(name), is_on=True)


async def _refuse_taken(work: Work, conversation: Conversation, external_ref: str) -> None:
    other = await find_by_reference(work.session, conversation.workspace_id, external_ref)
    if other is not None:
        raise BadField(
            "/external_ref", f"Conversation #{other.number} has this reference.", "taken"
        )
