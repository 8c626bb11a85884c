"""Jobs run once, by whichever worker comes first, on both databases."""

import asyncio
from collections.abc import AsyncIterator, Mapping
from datetime import datetime, timedelta

import pytest
from sqlalchemy import select

from app.clock import now
from app.database import Database, Work
from app.errors import Unavailable
from app.jobs.runner import Handler, JobRunner
from app.jobs.schedule import MAX_ATTEMPTS, cancel, claim, finish, schedule
from app.models import Job, JsonObject, Label
from app.parts import Parts
from tests.factories import Shop
from tests.patience import PATIENCE_S

LEASE = timedelta(seconds=30)


class Time:
    """A clock that tests turn."""

    def __init__(self) -> None:
        self.moment = now()

    def __call__(self) -> datetime:
        return self.moment

    def go_on(self, **by: float) -> None:
        self.moment += timedelta(**by)


@pytest.fixture
def time() -> Time:
    return Time()


@pytest.fixture
async def database(parts: Parts, time: Time) -> AsyncIterator[Database]:
    """The test's database under the test's clock."""
    opened = Database(parts.settings.database, parts.dispatcher, time)
    yield opened
    await opened.close()


def runner(database: Database, time: Time, handlers: Mapping[str, Handler]) -> JobRunner:
    return JobRunner(database, handlers, time, poll_s=60, lease_s=LEASE.total_seconds())


async def store(database: Database, run_at: datetime, name: str, key: str | None = None) -> None:
    async with database.work() as work:
        await schedule(work, "label", run_at, {"name": name}, key=key)


def labelling(shop: Shop) -> Handler:
    """A handler whose effect is a row."""

    async def handle(work: Work, payload: JsonObject) -> None:
        work.session.add(Label(workspace_id=shop.workspace_id, name=payload["name"]))

    return handle


async def labels(database: Database) -> list[str]:
    async with database.snapshot() as session:
        return list(await session.scalars(select(Label.name).order_by(Label.name)))


async def jobs(database: Database) -> list[Job]:
    async with database.snapshot() as session:
        return list(await session.scalars(select(Job)))


async def test_a_job_runs_when_it_is_due_and_is_gone_with_its_effect(
    database: Database, time: Time, shop: Shop
) -> None:
    await store(database, time() + timedelta(hours=1), "later")
    worker = runner(database, time, {"label": labelling(shop)})

    assert await worker.run_due() == 0
    time.go_on(hours=1)
    assert await worker.run_due() == 1

    assert await labels(database) == ["later"]
    assert await jobs(database) == []


async def test_of_many_workers_each_job_is_done_by_one(
    database: Database, time: Time, shop: Shop
) -> None:
    names = [f"job {i:02}" for i in range(30)]
    for name in names:
        await store(database, time(), name)
    workers = [runner(database, time, {"label": labelling(shop)}) for _ in range(4)]

    async with asyncio.TaskGroup() as tasks:
        for worker in workers:
            tasks.create_task(worker.run_due())

    assert await labels(database) == names  # a second run of one would break the unique name
    assert await jobs(database) == []


async def test_a_job_of_the_same_key_replaces_the_one_that_waits(
    database: Database, time: Time, shop: Shop
) -> None:
    await store(database, time(), "first", key="wake")
    await store(database, time(), "second", key="wake")
    await store(database, time(), "other", key="gone")
    async with database.work() as work:
        await cancel(work, "gone")

    await runner(database, time, {"label": labelling(shop)}).run_due()

    assert await labels(database) == ["second"]


async def test_a_dead_workers_job_is_free_when_its_lease_ends_and_then_no_longer_its_own(
    database: Database, time: Time, shop: Shop
) -> None:
    await store(database, time(), "once")
    async with database.work() as work:
        [lost] = await claim(work, limit=1, lease=LEASE)
    worker = runner(database, time, {"label": labelling(shop)})

    assert await worker.run_due() == 0
    time.go_on(seconds=LEASE.total_seconds())
    async with database.work() as work:
        [mine] = await claim(work, limit=1, lease=LEASE)
    async with database.work() as work:
        assert not await finish(work, lost)
        assert await finish(work, mine)

    assert mine.attempts == 2
    assert await jobs(database) == []


async def test_what_another_holds_is_not_taken_along_with_what_is_free(
    database: Database, time: Time
) -> None:
    await store(database, time(), "held")
    async with database.work() as work:
        [held] = await claim(work, limit=9, lease=LEASE)
    await store(database, time(), "free")

    async with database.work() as work:
        taken = await claim(work, limit=9, lease=LEASE)

    assert [one.payload["name"] for one in taken] == ["free"]
    async with database.work() as work:
        assert await finish(work, held)


async def test_what_is_due_for_longest_goes_first(database: Database, time: Time) -> None:
    for hours in (1, 3, 2):
        await store(database, time() - timedelta(hours=hours), f"{hours} h")

    async with database.work() as work:
        taken = await claim(work, limit=2, lease=LEASE)

    assert [one.payload["name"] for one in taken] == ["3 h", "2 h"]


async def test_a_job_may_ask_to_come_again_under_its_own_key(
    database: Database, time: Time, shop: Shop
) -> None:
    await store(database, time(), "not yet", key="k")

    async def later(work: Work, payload: JsonObject) -> None:
        at = time() + timedelta(hours=1)
        await schedule(work, "label", at, payload, key="k")

    await runner(database, time, {"label": later}).run_due()
    time.go_on(hours=1)
    await runner(database, time, {"label": labelling(shop)}).run_due()

    assert await labels(database) == ["not yet"]
    assert await jobs(database) == []


async def test_what_a_failing_job_did_is_rolled_back(
    database: Database, time: Time, shop: Shop
) -> None:
    await store(database, time(), "half")

    async def fail(work: Work, payload: JsonObject) -> None:
        await labelling(shop)(work, payload)
        await work.session.flush()
        raise Unavailable

    await runner(database, time, {"label": fail}).run_due()

    assert await labels(database) == []
    assert len(await jobs(database)) == 1


async def test_a_failing_job_is_tried_ever_later_and_then_kept_for_people(
    database: Database, time: Time
) -> None:
    await store(database, time(), "never")
    tries: list[datetime] = []

    async def fail(_work: Work, _payload: JsonObject) -> None:
        tries.append(time())
        raise Unavailable("The mail server does not answer.")

    worker = runner(database, time, {"label": fail})
    for _ in range(MAX_ATTEMPTS + 2):
        await worker.run_due()
        time.go_on(hours=1)

    [kept] = await jobs(database)
    assert len(tries) == MAX_ATTEMPTS
    assert (kept.attempts, kept.error) == (MAX_ATTEMPTS, "The mail server does not answer.")
    assert kept.failed_at is not None


async def test_a_running_worker_wakes_for_a_job_that_its_process_stores(
    parts: Parts, shop: Shop
) -> None:
    done = asyncio.Event()

    async def handle(_work: Work, _payload: JsonObject) -> None:
        done.set()

    worker = JobRunner(parts.database, {"label": handle}, now, poll_s=3_600, lease_s=30)
    worker.listen(parts.dispatcher)
    running = asyncio.create_task(worker.run())
    async with asyncio.timeout(PATIENCE_S):
        await store(parts.database, now(), "soon")
        await done.wait()

    running.cancel()
    await asyncio.gather(running, return_exceptions=True)
    assert done.is_set()
