"""Tickets in bulk: stored with the request, looked over by one process, once each.

A job watches over each batch: it wakes a process, and comes back after the batch's lease as long as
there is something left. So a process that dies loses only what it was looking at; another goes on
behind the last stored result. The engine gets these tickets at a low priority, a few at a time.
"""

import asyncio
import logging
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Any
from uuid import UUID

from sqlalchemy import CursorResult, delete, or_, select, update
from sqlalchemy.ext.asyncio import AsyncSession

from app.api.seeking import Order, place_of_number, seek
from app.database import Database, Work
from app.errors import AppError, NotFound, Unavailable
from app.events import Dispatcher, Event
from app.ids import new_id
from app.jobs.schedule import cancel, schedule
from app.models import JsonObject, TriageBatch, TriageTicket
from app.vocabulary import BatchState

log = logging.getLogger(__name__)

AT_ONCE = 2
"""Tickets of a batch that the engine has at a time."""
MAX_AT_ONCE = 8
"""Of all batches together, in one process; they take turns."""
MAX_AWAY = 3
"""After so many times in vain a ticket has failed, and those behind it are looked over."""
KEPT = timedelta(days=7)
"""After that a batch is forgotten with its results."""
WATCH_JOB = "triage.watch"
FORGET_JOB = "triage.forget"
_LEASE = timedelta(seconds=90)
_RENEW_S = 30.0
"""How often a lease is renewed while tickets take long, as they do beside many live answers."""
_ERROR_CHARS = 400

Looked = tuple[UUID, JsonObject | AppError]
"""A ticket and what was found, or why nothing was."""
LookOver = Callable[[UUID, JsonObject], Awaitable[JsonObject]]
"""The result of a workspace's ticket, both as they are stored."""


@dataclass(frozen=True)
class BatchDue(Event):
    """Somebody should work on it."""

    batch_id: UUID


async def begin_batch(
    work: Work, workspace_id: UUID, name: str, tickets: Sequence[tuple[str | None, JsonObject]]
) -> TriageBatch:
    """Store tickets, each with its own reference, to be looked over soon."""
    batch = TriageBatch(
        id=new_id(),
        created_at=work.clock(),
        workspace_id=workspace_id,
        name=name,
        num_total=len(tickets),
    )
    work.session.add(batch)
    await work.session.flush()
    work.session.add_all(
        TriageTicket(id=new_id(), batch_id=batch.id, position=at, external_ref=ref, ticket=ticket)
        for at, (ref, ticket) in enumerate(tickets)
    )
    await work.session.flush()
    await _watch(work, batch.id, timedelta())
    return batch


async def find_batch(session: AsyncSession, workspace_id: UUID, batch_id: UUID) -> TriageBatch:
    """Raises: NotFound when it is unknown, or another company's."""
    found = await session.get(TriageBatch, batch_id)
    if found is None or found.workspace_id != workspace_id:
        raise NotFound("There is no such batch.")
    return found


async def read_results(
    session: AsyncSession, batch_id: UUID, after: list[str] | None, limit: int
) -> Sequence[TriageTicket]:
    """Tickets behind a place, in their order.

    Raises:
        Invalid: there is no such place.
    """
    query = select(TriageTicket).where(TriageTicket.batch_id == batch_id)
    place = place_of_number(after)
    return (
        await session.scalars(seek(query, [TriageTicket.position], place, limit, Order.ASC))
    ).all()


async def forget_batch(work: Work, batch_id: UUID) -> None:
    """With all tickets and results; who works on it notices and stops."""
    await cancel(work, _key(batch_id))
    await work.session.execute(delete(TriageTicket).where(TriageTicket.batch_id == batch_id))
    await work.session.execute(delete(TriageBatch).where(TriageBatch.id == batch_id))


async def watch(work: Work, payload: JsonObject) -> None:
    """The job: wake this process, and look again when the lease would be over."""
    batch_id = UUID(payload["batch_id"])
    batch = await work.session.get(TriageBatch, batch_id)
    if batch is None or batch.state is not BatchState.RUNNING:
        return
    await _watch(work, batch_id, _LEASE)
    work.outbox.add(BatchDue(batch_id))


async def forget(work: Work, payload: JsonObject) -> None:
    """The job: nobody needs it any more."""
    await forget_batch(work, UUID(payload["batch_id"]))


HANDLERS = {WATCH_JOB: watch, FORGET_JOB: forget}


class BatchRunner:
    """Works on batches as long as `run()` runs."""

    def __init__(
        self, database: Database, look_over: LookOver, *, renew_s: float = _RENEW_S
    ) -> None:
        self._database = database
        self._look_over = look_over
        self._renew_s = renew_s
        self._tasks: asyncio.TaskGroup | None = None
        self._running: set[UUID] = set()
        self._places = asyncio.Semaphore(MAX_AT_ONCE)
        self._num_away: dict[UUID, int] = {}
        """How often each found no engine since something was found."""

    def listen(self, dispatcher: Dispatcher) -> None:
        """Hear of batches that are due."""
        dispatcher.on(BatchDue, self._on_due)

    async def run(self) -> None:
        """Until cancelled."""
        async with asyncio.TaskGroup() as self._tasks:
            try:
                await asyncio.get_running_loop().create_future()
            finally:
                self._tasks = None

    def _on_due(self, due: BatchDue) -> None:
        if self._tasks is not None and due.batch_id not in self._running:
            self._running.add(due.batch_id)
            self._tasks.create_task(self._serve(due.batch_id))

    async def _serve(self, batch_id: UUID) -> None:
        """The edge of the task: what it leaves, the watching job finds."""
        try:
            await self.serve(batch_id)
        except Exception:
            log.exception("batch stopped", extra={"batch": str(batch_id)})
        finally:
            self._running.discard(batch_id)

    async def serve(self, batch_id: UUID) -> None:
        """Work on it until nothing is left, somebody else has it, or the engine is away."""
        claim_id = new_id()
        workspace_id = await self._take(batch_id, claim_id)
        while workspace_id is not None and await self._go_on(batch_id, claim_id, workspace_id):
            pass

    async def _take(self, batch_id: UUID, claim_id: UUID) -> UUID | None:
        """The batch's workspace, if nobody else works on it."""
        async with self._database.work() as work:
            now = work.clock()
            is_free = or_(TriageBatch.locked_until.is_(None), TriageBatch.locked_until <= now)
            taken = (
                update(TriageBatch)
                .where(TriageBatch.id == batch_id, TriageBatch.state == BatchState.RUNNING, is_free)
                .values(claim_id=claim_id, locked_until=now + _LEASE)
                .returning(TriageBatch.workspace_id)
            )
            return (await work.session.execute(taken)).scalar_one_or_none()

    async def _go_on(self, batch_id: UUID, claim_id: UUID, workspace_id: UUID) -> bool:
        """Look the next ones over and store what was found; false when there is nothing left."""
        async with self._database.snapshot() as session:
            waiting = select(TriageTicket.id, TriageTicket.ticket).where(
                TriageTicket.batch_id == batch_id,
                TriageTicket.result.is_(None),
                TriageTicket.error.is_(None),
            )
            chosen = waiting.order_by(TriageTicket.position).limit(AT_ONCE)
            tickets = (await session.execute(chosen)).all()
        looking = asyncio.gather(*(self._found(workspace_id, ticket) for _, ticket in tickets))
        try:
            while not (await asyncio.wait([looking], timeout=self._renew_s))[0]:
                if not await self._renew(batch_id, claim_id):
                    return False
            found = await looking
        finally:
            looking.cancel()
            await asyncio.wait([looking])
        results = list(zip((ticket_id for ticket_id, _ in tickets), found, strict=True))
        has_time = self._num_away.get(batch_id, 0) < MAX_AWAY
        kept = [one for one in results if not (has_time and isinstance(one[1], Unavailable))]
        if len(kept) < len(results):
            await self._put_off(batch_id, claim_id, kept)
            return False
        self._num_away.pop(batch_id, None)
        async with self._database.work() as work:
            return await _store(work, batch_id, claim_id, results)

    async def _renew(self, batch_id: UUID, claim_id: UUID) -> bool:
        """Keep it; false when it is forgotten, or somebody else's."""
        async with self._database.work() as work:
            mine = update(TriageBatch).where(
                TriageBatch.id == batch_id, TriageBatch.claim_id == claim_id
            )
            changed = await work.session.execute(
                mine.values({TriageBatch.locked_until: work.clock() + _LEASE})
            )
            assert isinstance(changed, CursorResult)
            return bool(changed.rowcount)

    async def _put_off(self, batch_id: UUID, claim_id: UUID, kept: Sequence[Looked]) -> None:
        """Give it back until it is looked for again; that the engine is away costs no ticket."""
        self._num_away[batch_id] = self._num_away.get(batch_id, 0) + 1
        log.warning("a batch waits for the engine", extra={"batch": str(batch_id)})
        async with self._database.work() as work:
            if kept:
                await _store(work, batch_id, claim_id, kept)
            mine = TriageBatch.claim_id == claim_id
            free = update(TriageBatch).where(TriageBatch.id == batch_id, mine)
            await work.session.execute(free.values(locked_until=None))

    async def _found(self, workspace_id: UUID, ticket: JsonObject) -> JsonObject | AppError:
        async with self._places:
            try:
                return await self._look_over(workspace_id, ticket)
            except AppError as error:
                return error


async def _store(
    work: Work,
    batch_id: UUID,
    claim_id: UUID,
    results: Sequence[Looked],
) -> bool:
    """Nothing is stored for who has lost the batch."""
    now = work.clock()
    num_failed = sum(isinstance(one, AppError) for _, one in results)
    values: dict[Any, Any] = {
        TriageBatch.num_done: TriageBatch.num_done + len(results),
        TriageBatch.num_failed: TriageBatch.num_failed + num_failed,
        TriageBatch.locked_until: now + _LEASE,
    }
    if not results:
        values |= {TriageBatch.state: BatchState.DONE, TriageBatch.finished_at: now}
    mine = update(TriageBatch).where(
        TriageBatch.id == batch_id,
        TriageBatch.claim_id == claim_id,
        TriageBatch.state == BatchState.RUNNING,
    )
    changed = await work.session.execute(mine.values(values))
    assert isinstance(changed, CursorResult)
    if not changed.rowcount:
        return False
    for ticket_id, one in results:
        own = update(TriageTicket).where(TriageTicket.id == ticket_id)
        found: JsonObject = {"result": one}
        if isinstance(one, AppError):
            found = {"error": one.sentence[:_ERROR_CHARS]}
        await work.session.execute(own.values(ticket={}, **found))
    if not results:
        await cancel(work, _key(batch_id))
        payload = {"batch_id": str(batch_id)}
        await schedule(work, FORGET_JOB, now + KEPT, payload, key=_key(batch_id))
    return bool(results)


async def _watch(work: Work, batch_id: UUID, delay: timedelta) -> None:
    payload = {"batch_id": str(batch_id)}
    await schedule(work, WATCH_JOB, work.clock() + delay, payload, key=_key(batch_id))


def _key(batch_id: UUID) -> str:
    return f"triage/{batch_id}"
