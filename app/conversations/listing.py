"""Lists of a company's conversations: filters that say what they do, and places to go on from.

No page reads more because there are more conversations. One filter alone is an index in the order
of the list. Of several, one that few fit is looked up and the rest is checked; where many fit each
of them, a page looks through `LOOKED_THROUGH` and says where it stopped.
"""

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Any
from uuid import UUID

from sqlalchemy import ColumnElement, Select, SQLColumnExpression, and_, exists, func, select, true
from sqlalchemy.ext.asyncio import AsyncSession
from sqlalchemy.orm import InstrumentedAttribute

from app import access
from app.api.seeking import Order, place_of_number, seek, up_to
from app.conversations.repository import ConversationRow, Conversations, as_row, rows
from app.errors import Invalid
from app.models import Conversation, ConversationLabel, Label, Message
from app.speakers import Speaker
from app.vocabulary import Control, Priority, Side, Status

Standing = tuple[datetime, UUID]
"""Where a conversation stands in a list."""
FEW = 1_000
"""Conversations that are sorted for a page at most."""
LOOKED_THROUGH = 10_000
"""Conversations that one page of a list with several filters looks at."""


class Sort(StrEnum):
    """By what a list is ordered."""

    CREATED = "created"
    ACTIVITY = "activity"


_COLUMNS = (
    "external_ref",
    "contact_id",
    "assignee_id",
    "priority",
    "control",
    "waiting_on",
    "status",
    "inbox_id",
)
"""What fewer have comes first."""


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
    def equal(self) -> list[ColumnElement[bool]]:
        """What columns must be."""
        wanted = ((name, getattr(self, name)) for name in _COLUMNS)
        return [getattr(Conversation, name) == value for name, value in wanted if value is not None]

    def ends(self, created: SQLColumnExpression[Any]) -> list[ColumnElement[bool]]:
        """Between which moments it began."""
        found = []
        if self.created_after is not None:
            found.append(created > self.created_after)
        if self.created_before is not None:
            found.append(created < self.created_before)
        return found


@dataclass(frozen=True)
class Found:
    """Rows, and where looking stopped if not at the end of the list."""

    rows: list[ConversationRow]
    stopped_at: list[str] | None = None


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
        return _written(self._standing(row))

    async def page(self, session: AsyncSession, after: list[str] | None, limit: int) -> Found:
        """The next `limit` rows behind a place, or those among `LOOKED_THROUGH`.

        Raises:
            Invalid: there is no such place.
        """
        place, label_id = _moment_and_id(after), await _label_id(session, self.chosen)
        if self.chosen.label is not None and label_id is None:
            return Found([])
        conditions = self.chosen.equal
        if self._is_indexed(label_id):
            return Found(await self._walk(session, conditions, place, limit))
        if label_id is not None:
            conditions.append(_has_label(label_id))
        for query in self._lookups(label_id):
            ids = list(await session.scalars(query.limit(FEW + 1)))
            if len(ids) <= FEW:
                return Found(await self._sorted(session, ids, conditions, place, limit))
        last = await self._last_of_stretch(session, place)
        if last is None:
            return Found(await self._walk(session, conditions, place, limit))
        conditions.append(up_to(self._by, last, self.order))
        return Found(await self._walk(session, conditions, place, limit), _written(last))

    def _is_indexed(self, label_id: UUID | None) -> bool:
        """Whether an index knows all that fit, in the order of the list."""
        if label_id is not None:
            return False
        num_equal = len(self.chosen.equal)
        if self.sort is Sort.CREATED:
            return num_equal <= 1
        return not num_equal and not self.chosen.ends(Conversation.created_at)

    def _lookups(self, label_id: UUID | None) -> list[Select[UUID]]:
        """The ids of all that fit one of the conditions, for each."""
        of_company = select(Conversation.id).where(self._is_mine)
        found = [of_company.where(one) for one in self.chosen.equal]
        if label_id is not None:
            own = ConversationLabel.label_id == label_id
            found.append(select(ConversationLabel.conversation_id).where(own))
        if ends := self.chosen.ends(Conversation.created_at):
            found.append(of_company.where(*ends))
        return found

    async def _walk(
        self,
        session: AsyncSession,
        conditions: list[ColumnElement[bool]],
        place: Standing | None,
        limit: int,
    ) -> list[ConversationRow]:
        """In the order of the list."""
        created: SQLColumnExpression[Any] = Conversation.created_at
        if self.sort is Sort.ACTIVITY:  # or an index of it would be preferred, and all sorted
            created = func.coalesce(Conversation.created_at, Conversation.last_message_at)
        query = rows().where(self._is_mine, *conditions, *self.chosen.ends(created))
        query = seek(query, self._by, place, limit, self.order)
        found = [as_row(each) for each in await session.execute(query)]
        return await Conversations(session).labelled(found)

    async def _sorted(
        self,
        session: AsyncSession,
        ids: list[UUID],
        conditions: list[ColumnElement[bool]],
        place: Standing | None,
        limit: int,
    ) -> list[ConversationRow]:
        """Those of few that fit the rest, put in order here."""
        # The rest is asked for and not filtered by, or an index of it would be preferred.
        fits = and_(true(), *conditions, *self.chosen.ends(Conversation.created_at))
        query = select(self._by[0], Conversation.id, fits).where(Conversation.id.in_(ids))
        fit = [(at, one) for at, one, is_fit in await session.execute(query) if is_fit]
        next_ids = self._next(fit, place, limit)
        shown = await session.execute(rows().where(Conversation.id.in_(next_ids)))
        found = [as_row(each) for each in shown]
        found.sort(key=self._standing, reverse=self.order is Order.DESC)
        return await Conversations(session).labelled(found)

    async def _last_of_stretch(
        self, session: AsyncSession, place: Standing | None
    ) -> Standing | None:
        """How far one page looks; None where the list ends before."""
        query = select(self._by[0], Conversation.id).where(self._is_mine)
        if self.sort is Sort.CREATED:  # the first filter's index is walked, else the company's
            query = query.where(*self.chosen.equal[:1], *self.chosen.ends(Conversation.created_at))
        stretch = seek(query, self._by, place, 2, self.order).offset(LOOKED_THROUGH - 1)
        found = [(at, one) for at, one in await session.execute(stretch)]
        return found[0] if len(found) == 2 else None

    @property
    def _is_mine(self) -> ColumnElement[bool]:
        return Conversation.workspace_id == self.chosen.workspace_id

    @property
    def _by(self) -> list[InstrumentedAttribute[Any]]:
        is_created = self.sort is Sort.CREATED
        moment = Conversation.created_at if is_created else Conversation.last_message_at
        return [moment, Conversation.id]

    def _standing(self, row: ConversationRow) -> Standing:
        one = row.conversation
        is_created = self.sort is Sort.CREATED
        return one.created_at if is_created else one.last_message_at, one.id

    def _next(self, few: list[Standing], place: Standing | None, limit: int) -> list[UUID]:
        is_down = self.order is Order.DESC
        ahead = few
        if place is not None:
            ahead = [one for one in few if (one < place if is_down else one > place)]
        return [one for _, one in sorted(ahead, reverse=is_down)[:limit]]


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


def _has_label(label_id: UUID) -> ColumnElement[bool]:
    return exists().where(
        ConversationLabel.conversation_id == Conversation.id,
        ConversationLabel.label_id == label_id,
    )


def _written(standing: Standing) -> list[str]:
    return [standing[0].isoformat(), str(standing[1])]


def _moment_and_id(after: list[str] | None) -> Standing | None:
    if after is None:
        return None
    try:
        return datetime.fromisoformat(after[0]), UUID(after[1])
    except (IndexError, ValueError) as error:
        raise Invalid("This cursor belongs to another list.") from error
