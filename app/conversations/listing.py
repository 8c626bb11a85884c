"""Lists of a company's conversations: filters that say what they do, and places to go on from."""

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Any
from uuid import UUID

from sqlalchemy import ColumnElement, exists, func, select
from sqlalchemy.ext.asyncio import AsyncSession
from sqlalchemy.orm import InstrumentedAttribute

from app import access
from app.api.seeking import Order, place_of_number, seek
from app.conversations.repository import ConversationRow, Conversations, as_row, rows
from app.errors import Invalid
from app.models import Conversation, ConversationLabel, Label, Message
from app.speakers import Speaker
from app.vocabulary import Control, Priority, Side, Status

Standing = tuple[datetime, UUID]
"""Where a conversation stands in a list."""
FEW = 1_000
"""Conversations that are sorted for a page at most."""


class Sort(StrEnum):
    """By what a list is ordered."""

    CREATED = "created"
    ACTIVITY = "activity"


_COLUMNS = (
    "status",
    "control",
    "waiting_on",
    "priority",
    "assignee_id",
    "contact_id",
    "inbox_id",
    "external_ref",
)


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

    @property
    def equal(self) -> list[tuple[str, Any]]:
        """Columns and what they must be."""
        wanted = ((name, getattr(self, name)) for name in _COLUMNS)
        return [(name, value) for name, value in wanted if value is not None]

    @property
    def is_any(self) -> bool:
        """Whether it leaves anything out."""
        ends = (self.created_after, self.created_before)
        return bool(self.equal) or any(one is not None for one in ends)


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
        one = row.conversation
        moment = one.created_at if self.sort is Sort.CREATED else one.last_message_at
        return [moment.isoformat(), str(one.id)]

    async def page(
        self, session: AsyncSession, after: list[str] | None, limit: int
    ) -> list[ConversationRow]:
        """The next `limit` rows behind a place.

        Raises:
            Invalid: there is no such place.
        """
        place, chosen = _moment_and_id(after), self.chosen
        label_id = await _label_id(session, chosen)
        if chosen.label is not None and label_id is None:
            return []
        few = None
        if label_id is not None or (self.sort is Sort.ACTIVITY and chosen.is_any):
            few = await self._few(session, label_id)
        if few is None:
            query = rows().where(*self._conditions(label_id))
            query = seek(query, [self._moment, Conversation.id], place, limit, self.order)
        else:
            query = rows().where(Conversation.id.in_(self._next(few, place, limit)))
        found = [as_row(each) for each in await session.execute(query)]
        if few is not None:
            found.sort(key=self._standing, reverse=self.order is Order.DESC)
        return await Conversations(session).labelled(found)

    @property
    def _moment(self) -> InstrumentedAttribute[Any]:
        is_created = self.sort is Sort.CREATED
        return Conversation.created_at if is_created else Conversation.last_message_at

    def _standing(self, row: ConversationRow) -> Standing:
        one = row.conversation
        is_created = self.sort is Sort.CREATED
        return one.created_at if is_created else one.last_message_at, one.id

    async def _few(self, session: AsyncSession, label_id: UUID | None) -> list[Standing] | None:
        """Where all that fit stand, if no index has them in order and they are few.

        Few are found by what they have in common, and sorted. Of many the next are not far: they
        are looked for in their order.
        """
        query = select(self._moment, Conversation.id)
        if label_id is None:
            query = query.where(*_conditions(self.chosen))
        else:
            own = ConversationLabel.label_id == label_id
            labelled = select(ConversationLabel.conversation_id).where(own)
            ids = list(await session.scalars(labelled.limit(FEW + 1)))
            if len(ids) > FEW:
                return None
            _mine, *others = _conditions(self.chosen)  # a label's conversations are its company's
            query = query.where(Conversation.id.in_(ids), *others)
        found = [(at, one) for at, one in await session.execute(query.limit(FEW + 1))]
        return found if len(found) <= FEW else None

    def _next(self, few: list[Standing], place: Standing | None, limit: int) -> list[UUID]:
        is_down = self.order is Order.DESC
        ahead = few
        if place is not None:
            ahead = [one for one in few if (one < place if is_down else one > place)]
        return [one for _, one in sorted(ahead, reverse=is_down)[:limit]]

    def _conditions(self, label_id: UUID | None) -> list[ColumnElement[bool]]:
        created = None
        if self.sort is Sort.ACTIVITY:  # or an index of it would be preferred, and all sorted
            created = func.coalesce(Conversation.created_at, Conversation.last_message_at)
        found = _conditions(self.chosen, created)
        if label_id is not None:
            has_label = exists().where(
                ConversationLabel.conversation_id == Conversation.id,
                ConversationLabel.label_id == label_id,
            )
            found.append(has_label)
        return found


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
    place = place_of_number(after)
    return list(await session.scalars(seek(query, [Message.seq], place, limit, order)))


async def _label_id(session: AsyncSession, chosen: Filter) -> UUID | None:
    if chosen.label is None:
        return None
    named = (Label.workspace_id == chosen.workspace_id, Label.name == chosen.label.lower())
    return (await session.scalars(select(Label.id).where(*named))).one_or_none()


def _conditions(
    chosen: Filter, created: ColumnElement[Any] | None = None
) -> list[ColumnElement[bool]]:
    """All but the label."""
    begun = Conversation.created_at if created is None else created
    found = [Conversation.workspace_id == chosen.workspace_id]
    found += [getattr(Conversation, name) == value for name, value in chosen.equal]
    if chosen.created_after is not None:
        found.append(begun > chosen.created_after)
    if chosen.created_before is not None:
        found.append(begun < chosen.created_before)
    return found


def _moment_and_id(after: list[str] | None) -> Standing | None:
    if after is None:
        return None
    try:
        return datetime.fromisoformat(after[0]), UUID(after[1])
    except (IndexError, ValueError) as error:
        raise Invalid("This cursor belongs to another list.") from error
