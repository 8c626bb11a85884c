"""Sends what is due, in this process, beside any number of others that do the same.

Every delivery under way is a task of its own, so a receiver that hangs holds up nobody else; how
many go to one receiver at once is its window (`pacing.py`).
"""

import asyncio
import contextlib
import logging
import random
from collections.abc import Awaitable, Callable, Mapping
from datetime import timedelta

from app.clock import Clock
from app.database import Database
from app.errors import AppError, Unavailable
from app.events import Dispatcher
from app.vocabulary import EndpointKind
from app.webhooks.claims import Attempt, Parcel, claim, is_any_due, next_due, record
from app.webhooks.feed import DeliveryStored

log = logging.getLogger(__name__)

Sender = Callable[[Parcel], Awaitable[Attempt]]
Jitter = Callable[[], float]
_AT_ONCE = 64


class DeliveryRunner:
    """Sends by the kind of endpoint as long as `run()` runs."""

    def __init__(
        self,
        database: Database,
        senders: Mapping[EndpointKind, Sender],
        clock: Clock,
        *,
        poll_s: float,
        lease_s: float,
        jitter: Jitter = random.random,
    ) -> None:
        self._database = database
        self._senders = senders
        self._clock = clock
        self._poll_s = poll_s
        self._lease = timedelta(seconds=lease_s)
        self._jitter = jitter
        self._news = asyncio.Event()
        self._num_running = 0

    def listen(self, dispatcher: Dispatcher) -> None:
        """Hear of deliveries that this process stores."""
        dispatcher.on(DeliveryStored, lambda _: self._news.set())

    async def run(self) -> None:
        """Until cancelled; an unreachable store is waited for."""
        async with asyncio.TaskGroup() as tasks:
            while True:
                self._news.clear()
                try:
                    for parcel in await self._claim():
                        tasks.create_task(self._deliver(parcel))
                    pause_s = await self._pause_s()
                except Unavailable:
                    pause_s = self._poll_s
                except Exception:
                    log.exception("deliveries could not be claimed")
                    pause_s = self._poll_s
                with contextlib.suppress(TimeoutError):
                    async with asyncio.timeout(pause_s):
                        await self._news.wait()

    async def run_due(self) -> int:
        """Send everything that is due now; returns how many attempts were made."""
        num_made = 0
        while parcels := await self._claim():
            await asyncio.gather(*map(self._deliver, parcels))
            num_made += len(parcels)
        return num_made

    async def _claim(self) -> list[Parcel]:
        """Reading first: a writer's place is not taken for nothing."""
        room = _AT_ONCE - self._num_running
        async with self._database.snapshot() as session:
            if room <= 0 or not await is_any_due(session, self._clock()):
                return []
        async with self._database.work() as work:
            parcels = await claim(work, limit=room, lease=self._lease)
        self._num_running += len(parcels)
        return parcels

    async def _pause_s(self) -> float:
        """What is due and was not claimed waits for others; they tell when they are done."""
        async with self._database.snapshot() as session:
            due = await next_due(session)
        until_due_s = self._poll_s if due is None else (due - self._clock()).total_seconds()
        return min(until_due_s, self._poll_s) if until_due_s > 0 else self._poll_s

    async def _deliver(self, parcel: Parcel) -> None:
        try:
            attempt = await self._try(parcel)
            async with self._database.work() as work:
                await record(work, parcel, attempt, self._jitter())
        except Unavailable:
            log.warning("a delivery could not be noted; it is sent again after its lease")
        finally:
            self._num_running -= 1
            self._news.set()

    async def _try(self, parcel: Parcel) -> Attempt:
        at = self._clock()
        try:
            return await self._senders[parcel.to.kind](parcel)
        except AppError as error:
            return Attempt(at, 0, error=error.sentence)
        except Exception as error:
            log.exception("a delivery failed here", extra={"delivery": str(parcel.delivery_id)})
            return Attempt(at, 0, error=f"It failed here: {type(error).__name__}.")
