"""Two processes on one PostgreSQL: what happens in one is seen by the sockets of the other."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager, suppress
from dataclasses import dataclass
from uuid import UUID

import asyncpg  # type: ignore[import-untyped]  # it has no stubs
import pytest

from app.clock import now
from app.conversations.answering import FinishedAnswer, begin_answer, complete_answer
from app.data_folder import DataFolder
from app.events import BegunAnswer
from app.live.bus import Bus
from app.main import build_parts
from app.parts import Parts
from app.settings import Settings
from tests.care_client import CareClient, agent_headers
from tests.conftest import Served, serving
from tests.factories import Shop
from tests.patience import PATIENCE_S

TEXT = "Standard delivery takes 3 to 5 working days. "


@pytest.fixture
def store() -> str:
    """Where processes can talk to each other."""
    return "postgres"


@dataclass(frozen=True)
class Pair:
    """Two processes, as far as they know."""

    first: Served
    second: Served


@asynccontextmanager
async def joined(parts: Parts) -> AsyncIterator[None]:
    """With an end of the bus, as `app.main` gives it one."""
    bus = Bus(parts.settings.database, parts.database, parts.hub)
    bus.listen(parts.dispatcher)
    running = asyncio.create_task(bus.run())
    try:
        yield
    finally:
        running.cancel()
        with suppress(asyncio.CancelledError):
            await running  # raises what the bus died of, if it did


@pytest.fixture
async def pair(settings: Settings, parts: Parts, shop: Shop) -> AsyncIterator[Pair]:
    other = build_parts(settings, DataFolder(settings.data, worker=1).prepare(), now)
    await until_listening(settings.database, 0)
    async with AsyncExitStack() as stack:
        stack.push_async_callback(other.database.close)
        ports = []
        for one in (parts, other):
            await stack.enter_async_context(joined(one))
            ports.append(await stack.enter_async_context(serving(one)))
        await until_listening(settings.database, 2)
        yield Pair(Served(parts, shop, ports[0]), Served(other, shop, ports[1]))


@asynccontextmanager
async def meeting(pair: Pair) -> AsyncIterator[tuple[CareClient, CareClient, UUID]]:
    """A customer on the first process, an agent who watches on the second, their conversation."""
    headers = await agent_headers(pair.second.parts, pair.second.shop.agent)
    async with pair.first.client() as customer, pair.second.client(**headers) as desk:
        await customer.hello()
        await desk.hello_agent(pair.second.shop.agent)
        c = str((await customer.say("Where is my parcel?"))["d"]["c"])
        await desk.send("watch", c=c)
        await desk.wait_for("snapshot")
        for one in (customer, desk):  # what is not stored reaches those who have joined
            start, seen = len(one.frames), await one.wait_for_seq(c, 1)
            await one.send("sync", c=c, after=seen.last_seq)
            await one.wait_for("synced", start=start)
        yield customer, desk, UUID(c)


async def begin(parts: Parts, conversation_id: UUID) -> BegunAnswer:
    async with parts.database.work() as work:
        return await begin_answer(work, conversation_id, epoch=0)


async def until_shown(desk: CareClient, text: str) -> None:
    """Until the deltas and snapshots that this socket has heard make up the text."""
    async with asyncio.timeout(PATIENCE_S):
        while (shown := written(desk)) != text:
            assert text.startswith(shown), shown
            await desk.wait_for_news()


def written(desk: CareClient) -> str:
    text = ""
    for frame in desk.frames:
        if frame["t"] == "answer.snapshot":
            text = frame["d"]["x"]
        elif frame["t"] == "answer.delta":
            text = text[: frame["d"]["o"]] + frame["d"]["x"]
    return text


async def test_an_answer_is_watched_as_it_is_written_elsewhere(pair: Pair) -> None:
    async with meeting(pair) as (customer, desk, c):
        parts = pair.first.parts
        answer = await begin(parts, c)
        live = parts.hub.answers.open(answer)
        await desk.wait_for("answer.started")
        for _ in range(60):  # more than fits into one note
            live.append(TEXT)
        live.flush()
        await until_shown(desk, 60 * TEXT)

        async with parts.database.work() as work:
            await complete_answer(work, answer, FinishedAnswer(text=60 * TEXT))
        ended = await desk.wait_for("message.completed")

        assert ended["d"]["message"]["text"] == 60 * TEXT
        assert await customer.wait_for_seq(str(c), ended["s"]) == desk.views[str(c)].public()
        await desk.wait_for("answer.ended")
        assert pair.second.parts.hub.answers.find(c) is None


async def test_a_takeover_elsewhere_ends_the_answer_and_keeps_what_was_shown(pair: Pair) -> None:
    async with meeting(pair) as (customer, desk, c):
        answer = await begin(pair.first.parts, c)
        live = pair.first.parts.hub.answers.open(answer)
        live.append(TEXT + "And then")
        await until_shown(desk, TEXT + "And then")

        await desk.send("takeover", c=str(c), epoch=0)
        async with asyncio.timeout(PATIENCE_S):
            await live.ended.wait()
        live.append(" more of it")
        await desk.wait_for("control.changed", to="human")
        reached = (await desk.wait_for("ack"))["d"]["s"]

        seen = await customer.wait_for_seq(str(c), reached)
        assert seen == (await desk.wait_for_seq(str(c), reached)).public()
        assert ("bot", TEXT.strip()) in seen.texts()
        assert "more of it" not in written(customer)


async def test_typing_and_new_conversations_cross(pair: Pair) -> None:
    async with meeting(pair) as (customer, desk, c):
        await customer.send("typing", c=str(c), on=True)
        assert (await desk.wait_for("typing"))["d"]["on"]
        await desk.send("typing", c=str(c), on=True)
        assert (await customer.wait_for("typing"))["d"]["by"]["kind"] == "agent"

    async with pair.first.client() as tab, pair.second.client() as other:
        session = (await tab.hello())["session"]
        await other.hello(session=session)
        await tab.say("I have just arrived")
        heard = await other.wait_for("message.created")
        assert heard["d"]["message"]["text"] == "I have just arrived"


async def test_who_comes_later_is_told_of_running_answers(
    settings: Settings, parts: Parts, shop: Shop
) -> None:
    async with joined(parts), serving(parts) as port, Served(parts, shop, port).client() as one:
        await one.hello()
        c = UUID((await one.say("Where is my parcel?"))["d"]["c"])
        parts.hub.answers.open(await begin(parts, c)).append(TEXT)
        other = build_parts(settings, DataFolder(settings.data, worker=1).prepare(), now)
        headers = await agent_headers(other, shop.agent)
        async with (
            joined(other),
            serving(other) as port,
            Served(other, shop, port).client(**headers) as desk,
        ):
            await desk.hello_agent(shop.agent)
            await desk.send("watch", c=str(c))
            await until_shown(desk, TEXT)
        await other.database.close()


async def test_what_a_cut_connection_loses_is_read_from_the_store(pair: Pair) -> None:
    async with meeting(pair) as (customer, desk, c):
        parts = pair.first.parts
        await cut_listeners(parts.settings.database)
        for number in range(5):
            await customer.say(f"Hello {number}?", c=str(c))
        await cut_listeners(parts.settings.database)
        last = (await customer.say("Is anybody there?", c=str(c)))["d"]["s"]

        assert (
            await customer.wait_for_seq(str(c), last)
            == (await desk.wait_for_seq(str(c), last)).public()
        )


_LISTENERS = (
    "FROM pg_stat_activity WHERE pid <> pg_backend_pid() AND datname = current_database() AND "
    "(query ILIKE 'LISTEN%' AND state = 'idle' OR query ILIKE '%pg_notify%')"
)


async def until_listening(url: str, number: int) -> None:
    """Until so many processes hear each other; what was told before is not heard."""
    connection = await asyncpg.connect(url.replace("+asyncpg", ""))
    async with asyncio.timeout(PATIENCE_S):
        while await connection.fetchval(f"SELECT count(*) {_LISTENERS}") != number:
            pass
    await connection.close()


async def cut_listeners(url: str) -> None:
    """As a restart of PostgreSQL, for the connections of the bus alone."""
    connection = await asyncpg.connect(url.replace("+asyncpg", ""))
    await connection.execute(f"SELECT pg_terminate_backend(pid) {_LISTENERS}")
    await connection.close()
