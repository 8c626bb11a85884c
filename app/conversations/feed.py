"""The events of all conversations in one row, for programs that ask instead of being called.

Times and ids say when an event was made, not when it was committed; who reads on behind the newest
one would miss what was begun earlier and committed later. So an event gets its place when somebody
first reads that far: what is committed by then is numbered, what comes later gets a later number.
One reading numbers no more than `AT_ONCE` and what they carry along, however long nobody read.
"""

from dataclasses import dataclass
from uuid import UUID

from sqlalchemy import BigInteger, Subquery, cast, func, select, update
from sqlalchemy.ext.asyncio import AsyncSession

from app.conversations.replay import announced
from app.conversations.repository import LoggedEvent, logged_events
from app.database import Database, Work
from app.events import EventStored
from app.models import ConversationEvent, Workspace

AT_ONCE = 1_000
"""More than a page holds."""


@dataclass(frozen=True)
class Placed:
    """An event and its place in the feed."""

    place: int
    event: EventStored


@dataclass(frozen=True)
class Stretch:
    """A part of the feed; `last` is where to go on."""

    events: list[Placed]
    last: int
    has_more: bool


async def read_feed(database: Database, workspace_id: UUID, *, after: int, limit: int) -> Stretch:
    """The next events behind a place, in one order for everybody and for ever."""
    assert limit < AT_ONCE
    found, has_new = await _look(database, workspace_id, after, limit)
    if has_new and len(found) <= limit:
        async with database.work() as work:
            await _number(work, workspace_id)
        found, _ = await _look(database, workspace_id, after, limit)
    shown = found[:limit]
    last = shown[-1].place if shown else after
    return Stretch(shown, last, has_more=len(found) > limit)


async def _look(
    database: Database, workspace_id: UUID, after: int, limit: int
) -> tuple[list[Placed], bool]:
    """One more than `limit` behind a place, if they have places; and whether others have none."""
    async with database.snapshot() as session:
        found = await _read(session, workspace_id, after, limit + 1)
        return found, await _has_new(session, workspace_id)


async def _has_new(session: AsyncSession, workspace_id: UUID) -> bool:
    new = select(ConversationEvent.id).where(
        ConversationEvent.workspace_id == workspace_id, ConversationEvent.feed_seq.is_(None)
    )
    return (await session.scalars(new.limit(1))).first() is not None


async def _number(work: Work, workspace_id: UUID) -> None:
    """Places for the oldest that have none, conversation by conversation in their own order."""
    session = work.session
    mine = select(Workspace.last_feed_seq).where(Workspace.id == workspace_id)
    last = (await session.execute(mine.with_for_update())).scalar_one()
    new = _in_order(workspace_id)
    numbering = (
        update(ConversationEvent)
        .where(ConversationEvent.id == new.c.id)
        .values(feed_seq=cast(last + new.c.place, BigInteger))
        .execution_options(synchronize_session=False)
    )
    await session.execute(numbering)
    reached = select(func.max(ConversationEvent.feed_seq)).where(
        ConversationEvent.workspace_id == workspace_id
    )
    newest = (await session.execute(reached)).scalar_one()
    await session.execute(
        update(Workspace).where(Workspace.id == workspace_id).values(last_feed_seq=newest)
    )


def _in_order(workspace_id: UUID) -> Subquery:
    """By time; within a conversation by `seq`, whatever the clock did.

    The oldest by time, and of their conversations what comes before them.
    """
    one = ConversationEvent
    is_new = (one.workspace_id == workspace_id, one.feed_seq.is_(None))
    oldest = (
        select(one.conversation_id, one.seq)
        .where(*is_new)
        .order_by(one.created_at, one.id)
        .limit(AT_ONCE)
        .subquery("oldest")
    )
    reached = (
        select(oldest.c.conversation_id, func.max(oldest.c.seq).label("seq"))
        .group_by(oldest.c.conversation_id)
        .subquery("reached")
    )
    moment = func.max(one.created_at).over(partition_by=one.conversation_id, order_by=one.seq)
    timed = (
        select(one.id, one.conversation_id, one.seq, moment.label("moment"))
        .join(reached, reached.c.conversation_id == one.conversation_id)
        .where(*is_new, one.seq <= reached.c.seq)
        .subquery("timed")
    )
    by = (timed.c.moment, timed.c.conversation_id, timed.c.seq)
    place = func.row_number().over(order_by=by).label("place")
    return select(timed.c.id, place).subquery("new")


async def _read(session: AsyncSession, workspace_id: UUID, after: int, limit: int) -> list[Placed]:
    query = (
        logged_events()
        .where(ConversationEvent.workspace_id == workspace_id, ConversationEvent.feed_seq > after)
        .order_by(ConversationEvent.feed_seq)
        .limit(limit)
    )
    return [
        Placed(event.feed_seq or 0, announced(LoggedEvent(event, message, rating)))
        for event, message, rating in await session.execute(query)
    ]
