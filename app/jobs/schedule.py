"""Jobs as rows: put there by a transaction, claimed by one worker, gone with their effect.

A claim is one UPDATE of rows nobody holds: on PostgreSQL it skips what others have locked, on
SQLite there is one writer at a time. A worker that dies keeps its claim until the lease ends. What
a handler does and the deletion of its row are one transaction, so an effect happens once even where
a worker comes back after its lease; only what reaches outside the database can happen again.
"""

from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import UUID

from sqlalchemy import delete, func, or_, select, update
from sqlalchemy.ext.asyncio import AsyncSession

from app.database import Work
from app.events import JobStored
from app.ids import new_id
from app.models import Job, JsonObject

MAX_ATTEMPTS = 8
_FIRST_DELAY = timedelta(seconds=5)
_ERROR_CHARS = 400


@dataclass(frozen=True)
class Claim:
    """A job that is this worker's until its lease ends."""

    job_id: UUID
    claim_id: UUID
    kind: str
    payload: JsonObject
    attempts: int
    """This one included."""


async def schedule(
    work: Work, kind: str, run_at: datetime, payload: JsonObject, *, key: str | None = None
) -> None:
    """Do it then; a job of the same key that was waiting is replaced."""
    if key is not None:
        await cancel(work, key)
    work.session.add(Job(id=new_id(), kind=kind, key=key, run_at=run_at, payload=payload))
    await work.session.flush()
    work.outbox.add(JobStored(run_at))


async def cancel(work: Work, key: str) -> None:
    """It is not needed any more."""
    await work.session.execute(delete(Job).where(Job.key == key))


async def next_due(session: AsyncSession) -> datetime | None:
    """When the next job may be claimed, if there is one; in the past when it is due."""
    moment = func.min(func.coalesce(Job.locked_until, Job.run_at))
    query = select(moment).where(Job.failed_at.is_(None))
    found: datetime | None = (await session.execute(query)).scalar_one()
    return found


async def claim(work: Work, *, limit: int, lease: timedelta) -> list[Claim]:
    """Up to `limit` due jobs, from now on this worker's; the longest due first."""
    now = work.clock()
    is_free = or_(Job.locked_until.is_(None), Job.locked_until <= now)
    due = (
        select(Job.id)
        .where(Job.failed_at.is_(None), Job.run_at <= now, is_free)
        .order_by(Job.run_at, Job.id)
        .limit(limit)
        .with_for_update(skip_locked=True)
        .cte("due")  # run once, so that not more than the limit is locked
    )
    claim_id = new_id()
    taken = (
        update(Job)
        .where(Job.id.in_(select(due.c.id)))
        .values(claim_id=claim_id, locked_until=now + lease, attempts=Job.attempts + 1)
        .returning(Job.id, Job.kind, Job.payload, Job.attempts, Job.run_at)
        .execution_options(synchronize_session=False)
    )
    rows = (await work.session.execute(taken)).all()
    return [
        Claim(row.id, claim_id, row.kind, row.payload, row.attempts)
        for row in sorted(rows, key=lambda row: (row.run_at, row.id))
    ]


async def finish(work: Work, claimed: Claim) -> bool:
    """Delete it in the work that does it, and before; false if it is no longer this worker's.

    On false there is nothing to do: the job was replaced, or another worker has it.
    """
    gone = delete(Job).where(Job.id == claimed.job_id, Job.claim_id == claimed.claim_id)
    return (await work.session.execute(gone.returning(Job.id))).first() is not None


async def retry(work: Work, claimed: Claim, error: str) -> bool:
    """Try again later, twice as late each time; false after the last attempt."""
    now = work.clock()
    is_over = claimed.attempts >= MAX_ATTEMPTS
    delay = _FIRST_DELAY * 2 ** (claimed.attempts - 1)
    values: JsonObject = {"locked_until": None, "claim_id": None, "error": error[:_ERROR_CHARS]}
    values |= {"failed_at": now} if is_over else {"run_at": now + delay}
    mine = (Job.id == claimed.job_id, Job.claim_id == claimed.claim_id)
    await work.session.execute(update(Job).where(*mine).values(values))
    return not is_over
