"""The list of conversations as agents see it: views, filters, counts, and a line of each."""

from dataclasses import dataclass, replace
from datetime import datetime
from enum import StrEnum
from typing import Annotated
from urllib.parse import urlencode
from uuid import UUID

from pydantic import BaseModel, ConfigDict, Field
from sqlalchemy import ColumnElement, Select, UnaryExpression, func, or_, select
from sqlalchemy.ext.asyncio import AsyncSession

from app.conversations.repository import Conversations
from app.models import (
    Agent,
    Contact,
    Conversation,
    ConversationLabel,
    Label,
    Mention,
    Message,
    ReadMarker,
)
from app.speakers import SignedInAgent
from app.vocabulary import (
    AgentRole,
    Control,
    MessageKind,
    MessageState,
    Priority,
    Role,
    Side,
    Status,
    Visibility,
)

PAGE = 50
_SNIPPET_CHARS = 160
_GOING_ON = (Status.OPEN, Status.SNOOZED)


class View(StrEnum):
    """A part of the list."""

    ALL = "all"
    MINE = "mine"
    UNASSIGNED = "unassigned"
    WAITING = "waiting"
    BOT = "bot"
    MENTIONS = "mentions"
    SNOOZED = "snoozed"
    RESOLVED = "resolved"


class Chosen(BaseModel):
    """What of the list is asked for; the query of its address."""

    model_config = ConfigDict(frozen=True)

    view: View = View.ALL
    label: Annotated[str, Field(max_length=40)] = ""
    priority: Priority | None = None
    assignee: UUID | None = None
    q: Annotated[str, Field(max_length=200)] = ""
    limit: Annotated[int, Field(ge=1, le=500)] = PAGE

    @property
    def query(self) -> str:
        """For the address of a page that shows the same."""
        return self.query_with()

    def query_with(self, **changed: object) -> str:
        """For an address that differs in these; what is not given is left out."""
        values = self.model_dump(mode="json") | changed
        usual = Chosen().model_dump(mode="json")
        kept = {key: value for key, value in values.items() if value and value != usual[key]}
        return urlencode({"view": str(values["view"])} | kept)

    @property
    def is_filtered(self) -> bool:
        """Whether it shows less than the view has."""
        return bool(self.label or self.priority or self.assignee or self.q)


@dataclass(frozen=True)
class InboxRow:
    """A conversation in the list."""

    id: UUID
    number: int
    contact_id: UUID
    contact_name: str
    subject: str
    snippet: str
    """The newest message, prefixed with who wrote it unless that was the customer."""
    control: str
    """`bot`, `queue`, `human`, `snoozed` or `resolved`."""
    badge: str
    priority: Priority
    is_writing: bool
    """The bot is writing right now."""
    is_unread: bool
    waiting_since: datetime | None
    """Since when the customer has been waiting for a person."""
    snoozed_until: datetime | None
    last_message_at: datetime
    newest_seq: int
    """Of the newest message that customers see; 0 where there is none."""
    labels: tuple[Label, ...] = ()


@dataclass(frozen=True)
class InboxList:
    """A view with its rows, how many every view has, and the labels one can filter by."""

    chosen: Chosen
    rows: tuple[InboxRow, ...]
    counts: dict[View, int]
    labels: tuple[Label, ...]
    people: tuple[Agent, ...]
    """Who conversations can be assigned to."""
    has_more: bool

    @property
    def view(self) -> View:
        """The chosen one."""
        return self.chosen.view


async def read_inbox(session: AsyncSession, agent: SignedInAgent, chosen: Chosen) -> InboxList:
    """The first rows of a view: whoever waits longest first, else the newest activity first."""
    query = _filtered(_rows(agent).where(_views(agent)[chosen.view]), chosen)
    query = query.order_by(_order(chosen.view), Conversation.id).limit(chosen.limit + 1)
    found = [_row(*each) for each in await session.execute(query)]
    rows = found[: chosen.limit]
    labels = await Conversations(session).labels([row.id for row in rows])
    return InboxList(
        chosen,
        tuple(replace(row, labels=labels[row.id]) for row in rows),
        await _counts(session, agent),
        await read_labels(session, agent.workspace_id),
        await read_people(session, agent.workspace_id),
        has_more=len(found) > chosen.limit,
    )


async def find_conversations(
    session: AsyncSession, agent: SignedInAgent, words: str, limit: int
) -> list[InboxRow]:
    """Conversations of any state that hold these words, the newest first."""
    query = _filtered(_rows(agent), Chosen(q=words))
    query = query.order_by(_order(View.ALL), Conversation.id).limit(limit)
    return [_row(*each) for each in await session.execute(query)]


async def read_unread(session: AsyncSession, agent: SignedInAgent, limit: int) -> list[InboxRow]:
    """Customers whose newest words this agent, or nobody, has to answer, the newest first."""
    is_theirs = (Conversation.assignee_id == agent.agent_id) | (
        Conversation.control == Control.QUEUE
    )
    query = _rows(agent).where(
        Conversation.status == Status.OPEN,
        Conversation.control != Control.BOT,
        is_theirs,
        Message.role == Role.CUSTOMER,
        Message.seq > func.coalesce(ReadMarker.seq, 0),
    )
    query = query.order_by(_order(View.ALL), Conversation.id).limit(limit)
    return [_row(*each) for each in await session.execute(query)]


async def read_people(session: AsyncSession, workspace_id: UUID) -> tuple[Agent, ...]:
    """Everybody who can have a conversation, by name."""
    may_converse = (
        select(Agent)
        .where(
            Agent.workspace_id == workspace_id,
            Agent.disabled_at.is_(None),
            Agent.role != AgentRole.VIEWER,
        )
        .order_by(Agent.name)
    )
    return tuple(await session.scalars(may_converse))


async def read_labels(session: AsyncSession, workspace_id: UUID) -> tuple[Label, ...]:
    """All labels of the company, by name."""
    query = select(Label).where(Label.workspace_id == workspace_id).order_by(Label.name)
    return tuple(await session.scalars(query))


def badge(conversation: Conversation, assignee_name: str | None) -> str:
    """Who has the word, in two or three words."""
    if conversation.status is Status.SNOOZED:
        return "Snoozed"
    if conversation.status not in _GOING_ON:
        return "Archived" if conversation.status is Status.ARCHIVED else "Resolved"
    if conversation.control is Control.BOT:
        return "Bot"
    if conversation.control is Control.QUEUE:
        return "Waiting for a person"
    return assignee_name or "Person"


def look(conversation: Conversation) -> str:
    """The kind of badge it has."""
    if conversation.status is Status.SNOOZED:
        return "snoozed"
    return conversation.control.value if conversation.status is Status.OPEN else "resolved"


def _order(view: View) -> UnaryExpression[datetime | None] | UnaryExpression[datetime]:
    if view in (View.WAITING, View.UNASSIGNED):
        return Conversation.waiting_since.asc()
    return Conversation.last_message_at.desc()


async def _counts(session: AsyncSession, agent: SignedInAgent) -> dict[View, int]:
    views = _views(agent)
    counted = [func.count().filter(chosen).label(view) for view, chosen in views.items()]
    query = select(*counted).where(Conversation.workspace_id == agent.workspace_id)
    found = (await session.execute(query)).one()
    return dict(zip(views, found, strict=True))


def _views(agent: SignedInAgent) -> dict[View, ColumnElement[bool]]:
    is_open = Conversation.status == Status.OPEN
    for_people = is_open & (Conversation.control != Control.BOT)
    named = select(Mention.id).where(
        Mention.conversation_id == Conversation.id, Mention.agent_id == agent.agent_id
    )
    return {
        View.ALL: is_open,
        View.MINE: is_open & (Conversation.assignee_id == agent.agent_id),
        View.UNASSIGNED: for_people & (Conversation.control == Control.QUEUE),
        View.WAITING: for_people & (Conversation.waiting_on == Side.US),
        View.BOT: is_open & (Conversation.control == Control.BOT),
        View.MENTIONS: Conversation.status.in_(_GOING_ON) & named.correlate(Conversation).exists(),
        View.SNOOZED: Conversation.status == Status.SNOOZED,
        View.RESOLVED: Conversation.status.in_((Status.RESOLVED, Status.ARCHIVED)),
    }


_Found = Select[Conversation, str, str | None, Message, int | None]


def _filtered(query: _Found, chosen: Chosen) -> _Found:
    if chosen.label:
        labelled = (
            select(ConversationLabel.id)
            .join(Label, Label.id == ConversationLabel.label_id)
            .where(ConversationLabel.conversation_id == Conversation.id, Label.name == chosen.label)
        )
        query = query.where(labelled.correlate(Conversation).exists())
    if chosen.priority is not None:
        query = query.where(Conversation.priority == chosen.priority)
    if chosen.assignee is not None:
        query = query.where(Conversation.assignee_id == chosen.assignee)
    words = chosen.q.split()
    if words and words[0].removeprefix("#").isdecimal() and len(words) == 1:
        return query.where(Conversation.number == min(int(words[0].removeprefix("#")), 2**31 - 1))
    for word in words:
        said = select(Message.id).where(
            Message.conversation_id == Conversation.id,
            Message.text.icontains(word, autoescape=True),
        )
        query = query.where(
            or_(
                Contact.name.icontains(word, autoescape=True),
                Contact.email.icontains(word, autoescape=True),
                said.correlate(Conversation).exists(),
            )
        )
    return query


def _rows(agent: SignedInAgent) -> _Found:
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
    my_marker = (ReadMarker.conversation_id == Conversation.id) & (
        ReadMarker.reader_id == agent.agent_id
    )
    return (
        select(Conversation, Contact.name, Agent.name, Message, ReadMarker.seq)
        .join(Contact, Contact.id == Conversation.contact_id)
        .outerjoin(Agent, Agent.id == Conversation.assignee_id)
        .outerjoin(Message, (Message.conversation_id == Conversation.id) & (Message.seq == newest))
        .outerjoin(ReadMarker, my_marker)
        .where(Conversation.workspace_id == agent.workspace_id)
    )


def _row(
    conversation: Conversation,
    contact_name: str,
    assignee_name: str | None,
    newest: Message | None,
    read_seq: int | None,
) -> InboxRow:
    is_ours = conversation.status is Status.OPEN and conversation.control is not Control.BOT
    is_waiting = is_ours and conversation.waiting_on is Side.US
    is_new = newest is not None and newest.seq > (read_seq or 0)
    return InboxRow(
        id=conversation.id,
        number=conversation.number,
        contact_id=conversation.contact_id,
        contact_name=contact_name,
        subject=conversation.subject,
        snippet=_snippet(newest),
        control=look(conversation),
        badge=badge(conversation, assignee_name),
        priority=conversation.priority,
        is_writing=newest is not None and newest.state is MessageState.STREAMING,
        is_unread=is_ours and is_new and newest is not None and newest.role is Role.CUSTOMER,
        waiting_since=conversation.waiting_since if is_waiting else None,
        snoozed_until=conversation.snoozed_until,
        last_message_at=conversation.last_message_at,
        newest_seq=newest.seq if newest is not None else 0,
    )


def _snippet(newest: Message | None) -> str:
    if newest is None:
        return ""
    said = newest.text or ", ".join(file["name"] for file in newest.files)
    text = " ".join(said.split())[:_SNIPPET_CHARS]
    if newest.role is Role.BOT:
        return f"Bot: {text}"
    return f"{newest.author_name}: {text}" if newest.role is Role.AGENT else text
