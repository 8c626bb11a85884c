"""Batches: done once, in order, whatever dies in between; on both databases."""

import asyncio
from collections.abc import Awaitable, Callable
from datetime import timedelta
from uuid import UUID

import httpx
from sqlalchemy import func, select, update

from app.errors import Unavailable
from app.ids import new_id
from app.models import Job, JsonObject, TriageBatch, TriageTicket
from app.triage.batches import (
    AT_ONCE,
    MAX_AT_ONCE,
    MAX_AWAY,
    BatchRunner,
    begin_batch,
    forget_batch,
)
from inference import EngineClient
from tests.api_client import told
from tests.app.triage.conftest import WARRANTY, until, working
from tests.conftest import Served
from tests.engine_processes import until_running
from tests.patience import PATIENCE_S


async def test_a_batch_is_done_once_in_order_and_pages(
    served: Served, http: httpx.AsyncClient
) -> None:
    tickets = [{"text": f"How long is the warranty, number {n}?"} for n in range(5)]
    body = {"tickets": [*tickets, WARRANTY], "name": "Monday"}
    key = {"Idempotency-Key": "one"}
    begun = told(await http.post("/v1/triage/batches", json=body, headers=key), 202)
    again = told(await http.post("/v1/triage/batches", json=body, headers=key), 202)
    async with working(served):
        done = await until(http, begun["id"], state="done")

    assert begun["id"] == again["id"]
    assert (begun["state"], begun["num_total"], begun["num_done"]) == ("running", 6, 0)
    assert (done["num_done"], done["num_failed"], done["name"]) == (6, 0, "Monday")
    assert done["finished_at"]
    link, results = f"/v1/triage/batches/{begun['id']}/results?limit=4", []
    while link:
        page = told(await http.get(link))
        results += page["data"]
        link = page["links"]["next"]
    assert [one["position"] for one in results] == list(range(6))
    assert results[-1]["external_ref"] == results[-1]["result"]["external_ref"] == "T-7"
    assert all(one["result"]["outcome"] == "answered" for one in results)
    async with served.parts.database.snapshot() as session:
        kept = (await session.scalars(select(TriageTicket.ticket))).all()
    assert all(text == {} for text in kept), "no customer's words are kept beside the result"


async def test_what_a_dead_process_left_another_takes_up(
    served: Served, http: httpx.AsyncClient, scripted: EngineClient
) -> None:
    tickets = [{"text": "How long is the warranty?"}] * 2 + [
        {"text": "How long does delivery to Hawaii take?"}
    ]
    begun = told(await http.post("/v1/triage/batches", json={"tickets": tickets}), 202)
    async with working(served):
        await until(http, begun["id"], num_done=2)
        await until_running(scripted, 1)
    await until_running(scripted, 0)

    async with served.parts.database.work() as work:  # the lease and the job's time go by
        past = work.clock() - timedelta(seconds=1)
        await work.session.execute(update(TriageBatch).values(locked_until=past))
        await work.session.execute(update(Job).values(run_at=past))
    async with working(served):
        await until_running(scripted, 1)
        middle = told(await http.get(f"/v1/triage/batches/{begun['id']}"))
        assert (await http.delete(f"/v1/triage/batches/{begun['id']}")).status_code == 204

    assert (middle["num_done"], middle["state"]) == (2, "running")
    assert told(await http.get(f"/v1/triage/batches/{begun['id']}"), 404)
    async with served.parts.database.snapshot() as session:
        for table in (TriageBatch, TriageTicket, Job):
            assert (await session.execute(select(func.count(table.id)))).scalar_one() == 0


async def test_an_engine_that_is_away_costs_no_ticket_and_one_that_never_answers_only_its_own(
    served: Served,
) -> None:
    asked: list[str] = []

    async def look_over(_workspace_id: UUID, ticket: JsonObject) -> JsonObject:
        asked.append(ticket["text"])
        if ticket["text"] == "poison" or len(asked) <= 2:
            raise Unavailable
        return {"text": ticket["text"]}

    database = served.parts.database
    runner = BatchRunner(database, look_over)
    async with database.work() as work:
        tickets = [(None, {"text": text}) for text in ("first", "poison", "last")]
        batch = await begin_batch(work, served.shop.workspace_id, "", tickets)
    stands: list[tuple[str, int, int]] = []
    for _ in range(MAX_AWAY + 1):
        await runner.serve(batch.id)
        async with database.snapshot() as session:
            now = await session.get_one(TriageBatch, batch.id)
            stands.append((now.state.value, now.num_done, now.num_failed))

    assert stands == [
        ("running", 0, 0),
        ("running", 1, 0),
        ("running", 2, 0),
        ("done", 3, 1),
    ]
    async with database.snapshot() as session:
        rows = (await session.scalars(select(TriageTicket).order_by(TriageTicket.position))).all()
    assert [bool(one.error) for one in rows] == [False, True, False]


async def test_many_batches_at_once_take_turns_at_the_engine(served: Served) -> None:
    num_at_once, most = 0, 0
    is_full = asyncio.Event()

    async def look_over(_workspace_id: UUID, _ticket: JsonObject) -> JsonObject:
        nonlocal num_at_once, most
        num_at_once += 1
        most = max(most, num_at_once)
        if num_at_once == MAX_AT_ONCE:
            is_full.set()
        await is_full.wait()
        num_at_once -= 1
        return {}

    database = served.parts.database
    runner = BatchRunner(database, look_over)
    async with database.work() as work:
        ticket: list[tuple[str | None, JsonObject]] = [(None, {"text": "Hi"})]
        workspace_id = served.shop.workspace_id
        begun = [
            await begin_batch(work, workspace_id, "", ticket * AT_ONCE) for _ in range(MAX_AT_ONCE)
        ]
    await asyncio.gather(*(runner.serve(one.id) for one in begun))

    assert most == MAX_AT_ONCE


async def test_who_looks_long_keeps_the_batch(served: Served) -> None:
    async def look_over(_workspace_id: UUID, _ticket: JsonObject) -> JsonObject:
        first = now = await locked_until()
        while now == first:
            now = await locked_until()
        return {}

    async def locked_until() -> object:
        async with database.snapshot() as session:
            return (await session.get_one(TriageBatch, batch.id)).locked_until

    database = served.parts.database
    runner = BatchRunner(database, look_over, renew_s=0.01)
    batch = await _begin(served)

    async with asyncio.timeout(PATIENCE_S):
        await runner.serve(batch.id)

    async with database.snapshot() as session:
        done = await session.get_one(TriageBatch, batch.id)
    assert (done.state.value, done.num_done) == ("done", 1)


async def test_a_batch_that_is_forgotten_or_lost_is_left_at_once(served: Served) -> None:
    database = served.parts.database

    async def forget(batch_id: UUID) -> None:
        async with database.work() as work:
            await forget_batch(work, batch_id)

    async def lose(batch_id: UUID) -> None:
        async with database.work() as work:
            await work.session.execute(update(TriageBatch).values(claim_id=new_id()))

    for happens in (forget, lose):
        await _is_left(served, happens)


async def _is_left(served: Served, happens: Callable[[UUID], Awaitable[None]]) -> None:
    left = asyncio.Event()
    batch = await _begin(served)

    async def look_over(_workspace_id: UUID, _ticket: JsonObject) -> JsonObject:
        await happens(batch.id)
        try:
            await asyncio.Event().wait()
        finally:
            left.set()
        return {}

    async with asyncio.timeout(PATIENCE_S):
        await BatchRunner(served.parts.database, look_over, renew_s=0.01).serve(batch.id)
    assert left.is_set()


async def _begin(served: Served) -> TriageBatch:
    async with served.parts.database.work() as work:
        ticket: list[tuple[str | None, JsonObject]] = [(None, {"text": "Hi"})]
        return await begin_batch(work, served.shop.workspace_id, "", ticket)
