"""Does what is due, in this process, beside any number of others that do the same.

Between jobs it sleeps until the next one is due, or until a transaction of this process stores an
earlier one; other processes' jobs it finds at the next look.
"""

import asyncio
import contextlib
import logging
from collections.abc import Awaitable, Callable, Mapping
from datetime import timedelta

from app.clock import Clock
from app.database import Database, Work
from app.errors import AppError, Unavailable
from app.events import Dispatcher, JobStored
from app.jobs.schedule import Claim, claim, finish, next_due, retry
from app.models import JsonObject

log = logging.getLogger(__name__)

Handler = Callable[[Work, JsonObject], Awaitable[None]]
"""Does one job inside the given unit of work; it reads anew what it acts on."""

_AT_ONCE = 20


async def lock_nothing(_work: Work, _payload: JsonObject) -> None:
    """Where nobody replaces a job while they hold what its handler locks."""


class JobRunner:
    """Runs handlers by the kind of job as long as `run()` runs."""

    def __init__(
        self,
        database: Database,
        handlers: Mapping[str, Handler],
        clock: Clock,
        *,
        poll_s: float,
        lease_s: float,
        lock_first: Handler = lock_nothing,
    ) -> None:
        """`lock_first` takes what others hold when they replace a job that is running.

        They hold it and want the job's row; had we the row and wanted theirs, both would wait.
        """
        self._database = database
        self._handlers = handlers
        self._clock = clock
        self._lock_first = lock_first
        self._poll_s = poll_s
        self._lease = timedelta(seconds=lease_s)
        self._stored = asyncio.Event()

    def listen(self, dispatcher: Dispatcher) -> None:
        """Hear of jobs that this process stores."""
        dispatcher.on(JobStored, lambda _: self._stored.set())

    async def run(self) -> None:
        """Until cancelled; an unreachable store is waited for."""
        while True:
            self._stored.clear()
            try:
                await self.run_due()
                pause_s = await self._pause_s()
            except Unavailable:
                pause_s = self._poll_s
            except Exception:
                log.exception("jobs failed")
                pause_s = self._poll_s
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(pause_s):
                    await self._stored.wait()

    async def run_due(self) -> int:
        """Do everything that is due now; returns how many jobs were tried."""
        num_tried = 0
        while await self._is_any_due():
            async with self._database.work() as work:
                claimed = await claim(work, limit=_AT_ONCE, lease=self._lease)
            for one in claimed:
                await self._do(one)
            num_tried += len(claimed)
            if not claimed:  # others hold them
                break
        return num_tried

    async def _is_any_due(self) -> bool:
        """Reading first: a writer's place is not taken for nothing."""
        now = self._clock()
        async with self._database.snapshot() as session:
            due = await next_due(session)
        return due is not None and due <= now

    async def _pause_s(self) -> float:
        now = self._clock()
        async with self._database.snapshot() as session:
            due = await next_due(session)
        until_due_s = self._poll_s if due is None else (due - now).total_seconds()
        return min(self._poll_s, max(until_due_s, 0.0))

    async def _do(self, claimed: Claim) -> None:
        try:
            async with self._database.work() as work:
                await self._lock_first(work, claimed.payload)
                if await finish(work, claimed):
                    await self._handlers[claimed.kind](work, claimed.payload)
                else:
                    log.info("job was taken away", extra={"kind": claimed.kind})
        except Exception as error:
            await self._put_back(claimed, error)

    async def _put_back(self, claimed: Claim, error: Exception) -> None:
        known = isinstance(error, AppError)
        told = error.sentence if isinstance(error, AppError) else type(error).__name__
        async with self._database.work() as work:
            will_retry = await retry(work, claimed, told)
        fields = {"kind": claimed.kind, "attempts": claimed.attempts, "again": will_retry}
        log.warning("job failed", extra=fields, exc_info=None if known else error)
