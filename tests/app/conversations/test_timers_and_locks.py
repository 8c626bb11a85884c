"""A timer that comes while somebody moves its conversation: neither waits for the other."""

import asyncio
from datetime import timedelta
from uuid import UUID

import pytest
from sqlalchemy import select, text

from app import access
from app.conversations import by_itself, service, timers
from app.jobs.runner import JobRunner
from app.models import Job
from app.parts import Parts
from tests.factories import Shop, message, nothing_shown, stranger
from tests.patience import PATIENCE_S


@pytest.fixture
def store() -> str:
    """On SQLite there is one writer at a time."""
    return "postgres"


async def until_somebody_waits(parts: Parts) -> None:
    """For a lock, in this database."""
    waiting = text(
        "SELECT count(*) FROM pg_stat_activity "
        "WHERE wait_event_type = 'Lock' AND datname = current_database()"
    )
    async with asyncio.timeout(PATIENCE_S):
        while True:
            async with parts.database.snapshot() as session:
                if (await session.execute(waiting)).scalar_one():
                    return


async def begin(parts: Parts, shop: Shop) -> UUID:
    async with parts.database.work() as work:
        posted = await service.post_message(
            work, stranger(shop), message(), shown=nothing_shown, reopen_days=7
        )
    return posted.conversation_id


async def test_who_replaces_a_timer_while_it_comes_is_not_held_up(
    parts: Parts, shop: Shop, caplog: pytest.LogCaptureFixture
) -> None:
    c = await begin(parts, shop)
    now = parts.clock()
    async with parts.database.work() as work:
        await timers.set_timer(work, timers.FELL_SILENT, c, now)
    runner = JobRunner(
        parts.database,
        by_itself.HANDLERS,
        parts.clock,
        poll_s=60,
        lease_s=60,
        lock_first=by_itself.lock_first,
    )
    later = now + timedelta(days=1)

    async with parts.database.work() as work:
        await access.lock_any_conversation(work, c)
        coming = asyncio.create_task(runner.run_due())
        await until_somebody_waits(parts)
        await timers.set_timer(work, timers.FELL_SILENT, c, later)
    await coming

    async with parts.database.snapshot() as session:
        [job] = await session.scalars(select(Job))
    assert job.run_at == later
    failed = [one.message for one in caplog.records if one.message == "job failed"]
    assert not failed, "PostgreSQL has ended one of two that waited for each other"
