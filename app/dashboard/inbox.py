"""The list of conversations as agents see it: views, their counts, and a line of each."""

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from uuid import UUID

from sqlalchemy import ColumnElement, Select, UnaryExpression, func, select
from sqlalchemy.ext.asyncio import AsyncSession

from app import access
from app.conversations.repository import ConversationRow, Conversations
from app.models import Agent, Contact, Conversation, Message
from app.speakers import SignedInAgent
from app.vocabulary import Control, MessageKind, MessageState, Role, Status, Visibility

_SHOWN = 100
_SNIPPET_CHARS = 160
_GOING_ON = (Status.OPEN, Status.SNOOZED)


class View(StrEnum):
    """A part of the list."""

    ALL = "all"
    BOT = "bot"
    WAITING = "waiting"
    MINE = "mine"
    RESOLVED = "resolved"


@dataclass(frozen=True)
class InboxRow:
    """A conversation in the list."""

    id: UUID
    number: int
    contact_name: str
    subject: str
    snippet: str
    """The newest message, prefixed with who wrote it unless that was the customer."""
    control: str
    """`bot`, `queue`, `human`, or `resolved`."""
    badge: str
    is_writing: bool
    """The bot is writing right now."""
    waiting_since: datetime | None
    """Since when the customer has been waiting for a person."""
    last_message_at: datetime


@dataclass(frozen=True)
class InboxList:
    """A view with its rows, and how many every view has."""

    view: View
    rows: tuple[InboxRow, ...]
    counts: dict[View, int]


async def read_inbox(session: AsyncSession, agent: SignedInAgent, view: View) -> InboxList:
    """The first rows of a view: whoever waits longest first, else the newest activity first."""
    order: UnaryExpression[datetime | None] | UnaryExpression[datetime]
    order = Conversation.last_message_at.desc()
    if view is View.WAITING:
        order = Conversation.waiting_since.asc()
    query = _rows(agent).where(_chosen(agent)[view]).order_by(order, Conversation.id).limit(_SHOWN)
    rows = tuple(_row(*found) for found in await session.execute(query))
    return InboxList(view, rows, await _counts(session, agent))


async def read_opened(
    session: AsyncSession, agent: SignedInAgent, conversation_id: UUID
) -> ConversationRow:
    """The conversation beside the list.

    Raises:
        NotFound: unknown, or of another company.
    """
    found = await access.conversation(session, agent, conversation_id)
    return await Conversations(session).row(found)


async def _counts(session: AsyncSession, agent: SignedInAgent) -> dict[View, int]:
    counted = [func.count().filter(chosen).label(view) for view, chosen in _chosen(agent).items()]
    query = select(*counted).where(Conversation.workspace_id == agent.workspace_id)
    found = (await session.execute(query)).one()
    return dict(zip(_chosen(agent), found, strict=True))


def _chosen(agent: SignedInAgent) -> dict[View, ColumnElement[bool]]:
    going_on = Conversation.status.in_(_GOING_ON)
    return {
        View.ALL: going_on,
        View.BOT: going_on & (Conversation.control == Control.BOT),
        View.WAITING: going_on & (Conversation.control == Control.QUEUE),
        View.MINE: going_on & (Conversation.assignee_id == agent.agent_id),
        View.RESOLVED: Conversation.status == Status.RESOLVED,
    }


def _rows(agent: SignedInAgent) -> Select[Conversation, str, str | None, Message]:
    newest = (
        select(func.max(Message.seq))
        .where(
            Message.conversation_id == Conversation.id,
            Message.visibility == Visibility.PUBLIC,
            Message.kind == MessageKind.TEXT,
            Message.state != MessageState.RETRACTED,
        )
        .correlate(Conversation)
        .scalar_subquery()
    )
    return (
        select(Conversation, Contact.name, Agent.name, Message)
        .join(Contact, Contact.id == Conversation.contact_id)
        .outerjoin(Agent, Agent.id == Conversation.assignee_id)
        .outerjoin(Message, (Message.conversation_id == Conversation.id) & (Message.seq == newest))
        .where(Conversation.workspace_id == agent.workspace_id)
    )


def _row(
    conversation: Conversation,
    contact_name: str,
    assignee_name: str | None,
    newest: Message | None,
) -> InboxRow:
    is_over = conversation.status not in _GOING_ON
    is_queued = conversation.control is Control.QUEUE and not is_over
    return InboxRow(
        id=conversation.id,
        number=conversation.number,
        contact_name=contact_name,
        subject=conversation.subject,
        snippet=_snippet(newest),
        control="resolved" if is_over else conversation.control.value,
        badge=badge(conversation, assignee_name),
        is_writing=newest is not None and newest.state is MessageState.STREAMING,
        waiting_since=conversation.waiting_since if is_queued else None,
        last_message_at=conversation.last_message_at,
    )


def badge(conversation: Conversation, assignee_name: str | None) -> str:
    """Who has the word, in two or three words."""
    if conversation.status not in _GOING_ON:
        return "Resolved"
    if conversation.control is Control.BOT:
        return "Bot"
    if conversation.control is Control.QUEUE:
        return "Waiting for a person"
    return assignee_name or "Person"


def _snippet(newest: Message | None) -> str:
    if newest is None:
        return ""
    text = " ".join(newest.text.split())[:_SNIPPET_CHARS]
    if newest.role is Role.BOT:
        return f"Bot: {text}"
    return f"{newest.author_name}: {text}" if newest.role is Role.AGENT else text
