"""All or nothing, and events only after the commit."""

import asyncio
from collections.abc import Sequence

import pytest
from sqlalchemy import select, text, update
from sqlalchemy.exc import IntegrityError

from app.database import Database, Work
from app.errors import NotFound, Unavailable
from app.events import ControlChanged, Dispatcher, Event, TextsErased
from app.ids import new_id
from app.models import Label, Workspace
from app.parts import Parts
from app.vocabulary import Control
from tests.factories import Shop


def happened(shop: Shop) -> ControlChanged:
    return ControlChanged(shop.workspace_id, new_id(), control=Control.HUMAN, epoch=1)


async def test_events_are_delivered_after_the_commit_and_in_order(parts: Parts, shop: Shop) -> None:
    delivered: list[ControlChanged] = []
    parts.dispatcher.on(ControlChanged, delivered.append)
    events = [happened(shop), happened(shop)]

    async with parts.database.work() as work:
        for event in events:
            work.outbox.add(event)
        assert delivered == []

    assert delivered == events


async def test_failed_work_stores_nothing_and_tells_nobody(parts: Parts, shop: Shop) -> None:
    delivered: list[ControlChanged] = []
    parts.dispatcher.on(ControlChanged, delivered.append)

    async def fail() -> None:
        async with parts.database.work() as work:
            work.session.add(Workspace(slug="other", name="Other"))
            await work.session.flush()
            work.outbox.add(happened(shop))
            raise NotFound

    with pytest.raises(NotFound):
        await fail()

    async with parts.database.snapshot() as session:
        slugs = list(await session.scalars(select(Workspace.slug)))
    assert slugs == [shop.site]
    assert delivered == []


async def test_work_that_the_store_refuses_at_its_end_tells_nobody(
    parts: Parts, shop: Shop
) -> None:
    delivered: list[ControlChanged] = []
    parts.dispatcher.on(ControlChanged, delivered.append)

    async def fail() -> None:
        async with parts.database.work() as work:
            work.outbox.add(happened(shop))
            work.session.add(Workspace(slug=shop.site, name="Twin"))  # sent with the commit

    with pytest.raises(IntegrityError):
        await fail()

    assert delivered == []


async def test_a_failing_listener_disturbs_neither_the_work_nor_the_others(
    parts: Parts, shop: Shop, caplog: pytest.LogCaptureFixture
) -> None:
    def fail(_event: ControlChanged) -> None:
        raise ValueError("a listener's bug")

    delivered: list[ControlChanged] = []
    parts.dispatcher.on(ControlChanged, fail)
    parts.dispatcher.on(ControlChanged, delivered.append)

    async with parts.database.work() as work:
        work.outbox.add(happened(shop))

    assert len(delivered) == 1
    assert "event handler failed" in caplog.text


async def test_a_cancelled_writer_still_delivers_what_it_committed(
    parts: Parts, shop: Shop
) -> None:
    delivered: list[ControlChanged] = []
    parts.dispatcher.on(ControlChanged, delivered.append)

    async def write() -> None:
        async with parts.database.work() as work:
            await work.session.execute(update(Workspace).values(name="Renamed"))
            work.outbox.add(happened(shop))
            asyncio.get_running_loop().call_soon(writing.cancel)

    writing = asyncio.create_task(write())
    with pytest.raises(asyncio.CancelledError):
        await writing

    async with parts.database.snapshot() as session:
        name = (await session.scalars(select(Workspace.name))).one()
    assert (name == "Renamed") == (len(delivered) == 1)


async def test_many_writers_at_once_lose_no_update(parts: Parts, shop: Shop) -> None:
    async def count_up() -> None:
        async with parts.database.work() as work:
            workspace = (await work.session.scalars(select(Workspace).with_for_update())).one()
            await asyncio.sleep(0)
            workspace.last_number += 1

    async with asyncio.TaskGroup() as tasks:
        for _ in range(20):
            tasks.create_task(count_up())

    async with parts.database.snapshot() as session:
        assert (await session.scalars(select(Workspace.last_number))).one() == 20


async def test_a_snapshot_sees_one_moment(parts: Parts, shop: Shop) -> None:
    async with parts.database.snapshot() as session:
        before = (await session.scalars(select(Workspace.name))).one()
        async with parts.database.work() as work:
            await work.session.execute(update(Workspace).values(name="Renamed"))
        again = (await session.execute(select(Workspace.name))).scalar_one()

    assert again == before


@pytest.mark.parametrize("store", ["sqlite"], indirect=True)
async def test_sqlite_commits_survive_a_power_cut(parts: Parts, store: str) -> None:
    async with parts.database.work() as work:
        found = {
            name: (await work.session.execute(text(f"PRAGMA {name}"))).scalar_one()
            for name in ("journal_mode", "synchronous", "foreign_keys")
        }

    assert found == {"journal_mode": "wal", "synchronous": 2, "foreign_keys": 1}


async def test_an_error_does_not_tell_what_was_to_be_stored(parts: Parts, shop: Shop) -> None:
    async with parts.database.work() as work:
        work.session.add(Workspace(slug=shop.site, name="a customer's words"))
        with pytest.raises(IntegrityError) as refused:
            await work.session.flush()
        await work.session.rollback()

    assert "customer" not in str(refused.value)


async def test_a_store_that_does_not_answer_is_told_plainly() -> None:
    database = Database("postgresql+asyncpg://nobody@127.0.0.1:1/none", Dispatcher())

    with pytest.raises(Unavailable, match="does not answer"):
        await database.ping()

    await database.close()


async def test_what_is_prepared_within_the_work_is_stored_with_it_or_not_at_all(
    parts: Parts, shop: Shop
) -> None:
    async def keep(work: Work, events: Sequence[ControlChanged]) -> None:
        work.session.add(Label(workspace_id=shop.workspace_id, name=f"{len(events)} events"))

    async def refuse(_work: Work, _events: Sequence[TextsErased]) -> None:
        raise NotFound

    async def happen(*events: Event) -> None:
        async with parts.database.work() as work:
            for event in events:
                work.outbox.add(event)

    parts.dispatcher.within(ControlChanged, keep)
    parts.dispatcher.within(TextsErased, refuse)
    await happen(happened(shop), happened(shop))
    with pytest.raises(NotFound):
        await happen(happened(shop), TextsErased(shop.workspace_id, ()))

    async with parts.database.snapshot() as session:
        assert list(await session.scalars(select(Label.name))) == ["2 events"]
