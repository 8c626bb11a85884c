"""Lists of a company's conversations: filters that say what they do, and places to go on from."""

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Any
from uuid import UUID

from sqlalchemy import ColumnElement, select
from sqlalchemy.ext.asyncio import AsyncSession

from app import access
from app.api.seeking import Order, place_of_id, seek
from app.conversations.repository import ConversationRow, Conversations, as_row, rows
from app.errors import Invalid
from app.models import Conversation, ConversationLabel, Label, Message
from app.speakers import Speaker
from app.vocabulary import Control, Priority, Side, Status


class Sort(StrEnum):
    """By what a list is ordered."""

    CREATED = "created"
    ACTIVITY = "activity"


@dataclass(frozen=True)
class Filter:
    """Which conversations of a company; None means any."""

    workspace_id: UUID
    status: Status | None = None
    control: Control | None = None
    waiting_on: Side | None = None
    priority: Priority | None = None
    assignee_id: UUID | None = None
    contact_id: UUID | None = None
    inbox_id: UUID | None = None
    label: str | None = None
    external_ref: str | None = None
    created_after: datetime | None = None
    created_before: datetime | None = None


@dataclass(frozen=True)
class Listing:
    """A list: what is in it and in which order."""

    chosen: Filter
    sort: Sort = Sort.CREATED
    order: Order = Order.DESC

    @property
    def name(self) -> str:
        """Of its cursors: one of another order leads nowhere here."""
        return f"conversations:{self.sort}:{self.order}"

    def place(self, row: ConversationRow) -> list[str]:
        """Where a row stands."""
        mine = str(row.conversation.id)
        if self.sort is Sort.CREATED:
            return [mine]
        return [row.conversation.last_message_at.isoformat(), mine]

    async def page(
        self, session: AsyncSession, after: list[str] | None, limit: int
    ) -> list[ConversationRow]:
        """The next `limit` rows behind a place.

        Raises:
            Invalid: there is no such place.
        """
        query = rows().where(*_conditions(self.chosen))
        if self.sort is Sort.CREATED:
            query = seek(query, [Conversation.id], place_of_id(after), limit, self.order)
        else:
            columns = [Conversation.last_message_at, Conversation.id]
            query = seek(query, columns, _moment_and_id(after), limit, self.order)
        found = [as_row(each) for each in await session.execute(query)]
        return await Conversations(session).labelled(found)


async def read_messages(
    session: AsyncSession,
    speaker: Speaker,
    conversation_id: UUID,
    after: list[str] | None,
    limit: int,
    order: Order,
) -> list[Message]:
    """The next messages of a thread behind the one of a `seq`, internal ones too.

    Raises:
        NotFound: no such conversation, or not this speaker's.
        Invalid: there is no such place.
    """
    conversation = await access.conversation(session, speaker, conversation_id)
    query = select(Message).where(Message.conversation_id == conversation.id)
    place = None
    if after is not None:
        if not after[0].isdecimal():
            raise Invalid("This cursor belongs to another list.")
        place = (int(after[0]),)
    return list(await session.scalars(seek(query, [Message.seq], place, limit, order)))


def _conditions(chosen: Filter) -> list[ColumnElement[bool]]:
    wanted: list[tuple[Any, Any]] = [
        (Conversation.status, chosen.status),
        (Conversation.control, chosen.control),
        (Conversation.waiting_on, chosen.waiting_on),
        (Conversation.priority, chosen.priority),
        (Conversation.assignee_id, chosen.assignee_id),
        (Conversation.contact_id, chosen.contact_id),
        (Conversation.inbox_id, chosen.inbox_id),
        (Conversation.external_ref, chosen.external_ref),
    ]
    found = [Conversation.workspace_id == chosen.workspace_id]
    found += [column == value for column, value in wanted if value is not None]
    if chosen.created_after is not None:
        found.append(Conversation.created_at > chosen.created_after)
    if chosen.created_before is not None:
        found.append(Conversation.created_at < chosen.created_before)
    if chosen.label is not None:
        labelled = (
            select(ConversationLabel.conversation_id)
            .join(Label, Label.id == ConversationLabel.label_id)
            .where(Label.workspace_id == chosen.workspace_id, Label.name == chosen.label.lower())
        )
        found.append(Conversation.id.in_(labelled))
    return found


def _moment_and_id(after: list[str] | None) -> tuple[datetime, UUID] | None:
    if after is None:
        return None
    try:
        return datetime.fromisoformat(after[0]), UUID(after[1])
    except (IndexError, ValueError) as error:
        raise Invalid("This cursor belongs to another list.") from error
