"""The processes that serve one store: which of them are there.

Each notes on PostgreSQL now and then that it is; who was not seen for a while is gone, and what it
was writing is taken up by the others. SQLite has one process at a time, so it notes nothing.
"""

import asyncio
import contextlib
import logging
from datetime import datetime, timedelta
from pathlib import Path
from uuid import UUID

from sqlalchemy import ColumnElement, delete, select
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncSession
from sqlalchemy.orm import InstrumentedAttribute

from app.clock import Clock
from app.database import Database
from app.errors import Unavailable
from app.ids import new_id
from app.models import Worker

log = logging.getLogger(__name__)

GONE_AFTER = timedelta(seconds=15)
"""Without a note a process counts as gone."""
NOTE_EVERY_S = 4.0
_FORGOTTEN_AFTER = timedelta(days=1)


def read_worker_id(path: Path) -> UUID:
    """The lasting id of the process that holds this data folder; made at the first start.

    So a process that comes back knows at once which unfinished work is its own.
    """
    with contextlib.suppress(OSError, ValueError):
        return UUID(path.read_text(encoding="ascii").strip())
    made = new_id()
    path.write_text(f"{made}\n", encoding="ascii")
    return made


def is_there(worker_id: InstrumentedAttribute[UUID | None], now: datetime) -> ColumnElement[bool]:
    """Whether the process of this id was seen lately; false of none."""
    return worker_id.in_(select(Worker.id).where(Worker.seen_at > now - GONE_AFTER))


async def has_others(session: AsyncSession, own: UUID, now: datetime) -> bool:
    """Whether another process serves this store too."""
    others = select(Worker.id).where(Worker.id != own, Worker.seen_at > now - GONE_AFTER)
    return (await session.scalars(others.limit(1))).first() is not None


class Membership:
    """This process among the others."""

    def __init__(self, database: Database, clock: Clock) -> None:
        self._database = database
        self._clock = clock

    async def note(self) -> None:
        """Write down that this process is there."""
        now = self._clock()
        mine = insert(Worker).values(id=self._database.worker_id, created_at=now, seen_at=now)
        async with self._database.work() as work:
            await work.session.execute(
                mine.on_conflict_do_update(index_elements=["id"], set_={"seen_at": now})
            )
            await work.session.execute(
                delete(Worker).where(Worker.seen_at < now - _FORGOTTEN_AFTER)
            )

    async def run(self) -> None:
        """Again and again until cancelled; for good where there is nobody else."""
        while not self._database.is_sqlite:
            try:
                await self.note()
            except Unavailable:
                log.warning("the store was not told that this process is there")
            await asyncio.sleep(NOTE_EVERY_S)
