"""Connections and the unit of work: all or nothing, events after the commit.

One writer at a time on SQLite (`BEGIN IMMEDIATE` on a pool of one connection, so writers queue here
and not in busy loops); on PostgreSQL writers meet at the row lock of their conversation. Reads run
in a snapshot of their own on both.
"""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any
from uuid import UUID

from sqlalchemy import event, text
from sqlalchemy.engine import Connection, make_url
from sqlalchemy.exc import DBAPIError, IntegrityError, ProgrammingError
from sqlalchemy.exc import TimeoutError as PoolTimeoutError
from sqlalchemy.ext.asyncio import AsyncEngine, AsyncSession, create_async_engine

from app.clock import Clock, now
from app.errors import Unavailable
from app.events import Dispatcher, Event
from app.ids import new_id

_SQLITE_PRAGMAS = (
    "PRAGMA journal_mode=WAL",
    "PRAGMA synchronous=FULL",  # a commit survives a power cut, not only a crash
    "PRAGMA busy_timeout=5000",
    "PRAGMA foreign_keys=ON",
)
_WAIT_FOR_CONNECTION_S = 10.0


class Outbox:
    """Events waiting for the commit that makes them true."""

    def __init__(self) -> None:
        self.events: list[Event] = []

    def add(self, happened: Event) -> None:
        """Deliver it after the commit, in this order; never when the work is rolled back."""
        self.events.append(happened)


@dataclass(frozen=True)
class Work:
    """One unit of work: everything in it is stored, or nothing."""

    session: AsyncSession
    clock: Clock
    worker_id: UUID
    """Of the process that does it."""
    outbox: Outbox = field(default_factory=Outbox)


class Database:
    """The store of the application; closed by `close()`."""

    def __init__(
        self,
        url: str,
        dispatcher: Dispatcher,
        clock: Clock = now,
        *,
        worker_id: UUID | None = None,
    ) -> None:
        """`worker_id` tells this process from others on the same store; absent: a new one."""
        self._dispatcher = dispatcher
        self._clock = clock
        self.worker_id = worker_id or new_id()
        self.is_sqlite = make_url(url).get_backend_name() == "sqlite"
        if self.is_sqlite:
            self._writer = _sqlite_engine(url, begin="BEGIN IMMEDIATE", pool_size=1)
            self._reader = _sqlite_engine(url, begin="BEGIN", pool_size=4)
        else:
            self._writer = create_async_engine(
                url, pool_timeout=_WAIT_FOR_CONNECTION_S, hide_parameters=True
            )
            self._reader = self._writer.execution_options(isolation_level="REPEATABLE READ")

    @asynccontextmanager
    async def work(self) -> AsyncIterator[Work]:
        """Commit at the end of the block, then deliver the outbox; roll back when it raises.

        Raises:
            Unavailable: the database does not answer or refuses to write.
        """
        async with _told_plainly(), AsyncSession(self._writer, expire_on_commit=False) as session:
            await session.connection()  # SQLite: take the writer's place before the first read
            work = Work(session, self._clock, self.worker_id)
            yield work
            await _uninterrupted(self._commit(work))

    @asynccontextmanager
    async def snapshot(self) -> AsyncIterator[AsyncSession]:
        """A session whose reads all see one moment; nothing it changes is kept."""
        async with _told_plainly(), AsyncSession(self._reader, expire_on_commit=False) as session:
            yield session

    async def ping(self) -> None:
        """Raises: Unavailable when the database does not answer."""
        async with self.snapshot() as session:
            await session.execute(text("SELECT 1"))

    async def run_sync(self, function: Any) -> Any:
        """Call `function(connection)` with a plain connection in a transaction (migrations).

        Raises:
            Unavailable: the database does not answer or refuses to write.
        """
        async with _told_plainly(), self._writer.begin() as connection:
            return await connection.run_sync(function)

    async def close(self) -> None:
        """Give all connections back."""
        await self._writer.dispose()
        if self.is_sqlite:
            await self._reader.dispose()

    async def _commit(self, work: Work) -> None:
        await self._dispatcher.prepare(work, tuple(work.outbox.events))
        await work.session.commit()
        self._dispatcher.deliver(work.outbox.events)


@asynccontextmanager
async def _told_plainly() -> AsyncIterator[None]:
    """What the driver raises about the store itself becomes one error of ours."""
    try:
        yield
    except (IntegrityError, ProgrammingError):
        raise  # these are ours
    except (DBAPIError, PoolTimeoutError, OSError) as error:
        raise Unavailable("The conversation store does not answer; try again soon.") from error


async def _uninterrupted(commit: Any) -> None:
    """Finish the commit and its delivery even when this task is cancelled meanwhile."""
    task = asyncio.ensure_future(commit)
    try:
        await asyncio.shield(task)
    except asyncio.CancelledError:
        await asyncio.wait([task])
        raise


def _sqlite_engine(url: str, *, begin: str, pool_size: int) -> AsyncEngine:
    engine = create_async_engine(
        url,
        pool_size=pool_size,
        max_overflow=0,
        pool_timeout=_WAIT_FOR_CONNECTION_S,
        hide_parameters=True,  # errors are logged, customers' words are not
    )

    @event.listens_for(engine.sync_engine, "connect")
    def set_up(connection: Any, _record: object) -> None:
        connection.isolation_level = None  # the driver must not begin on its own
        cursor = connection.cursor()
        for pragma in _SQLITE_PRAGMAS:
            cursor.execute(pragma)
        cursor.close()

    @event.listens_for(engine.sync_engine, "begin")
    def begin_now(connection: Connection) -> None:
        connection.exec_driver_sql(begin)

    return engine
