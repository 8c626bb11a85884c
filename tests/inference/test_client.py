"""EngineClient: one answer out of any number of engines, or a clear error."""

import asyncio
import contextlib
from collections.abc import AsyncGenerator
from pathlib import Path

import pytest

from inference import (
    ChatMessage,
    ClientSettings,
    EngineClient,
    EngineSupervisor,
    EngineUnavailable,
    Exactly,
    FinishReason,
    InvalidRequest,
    SamplingParams,
    Words,
)
from inference.process.frames import (
    MAX_FRAME_BYTES,
)
from tests.engine_processes import (
    Line,
    full_text,
    quick_settings,
    running,
    until_running,
    words,
    write_script,
)
from tests.patience import PATIENCE_S

ANSWERS: list[Line] = [
    {"match": "^quick$", "chunks": words(5)},
    {"match": "^long$", "chunks": words(2000)},
    {"match": "^steady$", "chunks": words(60), "delay_ms": 5},
    {"match": "^forever$", "chunks": ["now ", "never"], "delay_ms": 1},
    {"match": "^never$", "chunks": ["never"], "delay_ms": 3_600_000},
]


@pytest.fixture(autouse=True)
async def patience() -> AsyncGenerator[None]:
    async with asyncio.timeout(PATIENCE_S):
        yield


@pytest.fixture(scope="module")
async def supervisor(
    tmp_path_factory: pytest.TempPathFactory,
) -> AsyncGenerator[EngineSupervisor]:
    folder = tmp_path_factory.mktemp("client")
    config = write_script(folder / "script.jsonl", *ANSWERS)
    async with running(quick_settings(config), folder) as one:
        yield one


@pytest.fixture
async def client(supervisor: EngineSupervisor) -> AsyncGenerator[EngineClient]:
    yield supervisor.client
    await until_running(supervisor.client, 0)


async def test_an_answer_arrives_whole_under_its_callers_id(client: EngineClient) -> None:
    stream = client.stream("steady", SamplingParams(), request_id="mine")
    async with contextlib.aclosing(stream) as chunks:
        heard = [chunk async for chunk in chunks]

    assert "".join(chunk.text for chunk in heard) == "".join(words(60))
    assert {chunk.request_id for chunk in heard} == {"mine"}
    assert heard[-1].finish_reason is FinishReason.STOP
    assert len(heard) > 10


async def test_messages_and_guides_cross_the_socket(client: EngineClient) -> None:
    params = SamplingParams(guide=(Words(), Exactly("30 days."), Words()))

    async with contextlib.aclosing(client.stream([ChatMessage("user", "quick")], params)) as chunks:
        heard = [chunk async for chunk in chunks]

    said: dict[int | None, str] = {}
    for chunk in heard:
        said[chunk.segment] = said.get(chunk.segment, "") + chunk.text
    assert said == {0: "word0 ", 1: "30 days.", 2: "".join(words(5)[1:])}


async def test_an_answer_begun_by_another_is_gone_on_with(client: EngineClient) -> None:
    stream = client.stream("quick", SamplingParams(), resume_token_ids=(0, 1, 2))
    async with contextlib.aclosing(stream) as chunks:
        assert "".join([chunk.text async for chunk in chunks]) == "word3 word4 "


async def test_a_closed_stream_aborts(client: EngineClient) -> None:
    async with contextlib.aclosing(client.stream("never", SamplingParams())) as chunks:
        waiting = asyncio.ensure_future(anext(chunks))
        while not (await client.stats())["num_running"]:
            pass
        waiting.cancel()
        await asyncio.gather(waiting, return_exceptions=True)

    assert (await client.stats())["num_running"] == 0


async def test_an_aborted_stream_ends_with_a_reason(client: EngineClient) -> None:
    heard = []
    async with contextlib.aclosing(
        client.stream("never", SamplingParams(), request_id="r")
    ) as chunks:
        aborting = asyncio.ensure_future(_abort_when_running(client, "r"))
        heard = [chunk async for chunk in chunks]
        await aborting

    assert [chunk.finish_reason for chunk in heard] == [FinishReason.ABORT]
    assert (await client.stats())["num_running"] == 0
    await client.abort("r")


async def test_an_id_can_be_used_again_but_not_twice_at_once(client: EngineClient) -> None:
    async with contextlib.aclosing(
        client.stream("steady", SamplingParams(), request_id="r")
    ) as first:
        await anext(first)
        with pytest.raises(InvalidRequest, match="already running"):
            await anext(client.stream("quick", SamplingParams(), request_id="r"))

    stream = client.stream("quick", SamplingParams(), request_id="r")
    async with contextlib.aclosing(stream) as chunks:
        assert "".join([chunk.text async for chunk in chunks]) == "".join(words(5))


async def test_a_thousand_aborts_leave_nothing_behind(client: EngineClient) -> None:
    before = await client.stats()

    async def give_up(number: int) -> None:
        prompt = ("never", "steady", "long", "forever")[number % 4]
        async with contextlib.aclosing(client.stream(prompt, SamplingParams())) as chunks:
            if number % 4:
                await anext(chunks)

    for start in range(0, 1000, 100):
        await asyncio.gather(*(give_up(number) for number in range(start, start + 100)))

    after = await client.stats()
    for name in ("num_running", "num_waiting", "num_free_blocks"):
        assert after[name] == before[name]


async def test_a_slow_consumer_holds_up_no_other(client: EngineClient) -> None:
    params = SamplingParams(max_tokens=4000)
    async with contextlib.aclosing(client.stream("long", params)) as slow:
        parts = [(await anext(slow)).text]
        assert await full_text(client, "steady", SamplingParams()) == "".join(words(60))
        parts += [chunk.text async for chunk in slow]

    assert "".join(parts) == "".join(words(2000))
    assert len(parts) < 1000, "what had come meanwhile came as one"


@pytest.mark.parametrize(
    ("prompt", "message"),
    [
        ("unheard of", "no line"),
        ([1, ChatMessage("user", "a")], "mixture"),
        (["a", "b"], "mixture"),
        ([None], "nothing else"),
        ("x" * (MAX_FRAME_BYTES + 1), "too long"),
    ],
    ids=["refused by the engine", "mixture", "texts", "nothing", "too long"],
)
async def test_a_wrong_prompt_is_refused(client: EngineClient, prompt: str, message: str) -> None:
    with pytest.raises(InvalidRequest, match=message):
        await full_text(client, prompt, SamplingParams())
    assert await full_text(client, "quick", SamplingParams()) == "".join(words(5))


async def test_it_knows_what_runs(client: EngineClient) -> None:
    assert (await client.info()).model == "scripted:script.jsonl"
    assert client.is_ready


async def test_without_an_engine_requests_fail_after_a_while_and_then_at_once(
    tmp_path: Path,
) -> None:
    settings = ClientSettings(unavailable_after_s=0.2)
    async with EngineClient(tmp_path / "none.sock", settings) as client:
        with pytest.raises(EngineUnavailable):
            await full_text(client, "quick", SamplingParams())

        assert not client.is_ready
        with pytest.raises(EngineUnavailable, match="for too long"):
            await full_text(client, "quick", SamplingParams())
        with pytest.raises(EngineUnavailable):
            await client.stats()
        with pytest.raises(EngineUnavailable):
            await client.info()


async def test_closing_the_client_ends_its_streams(tmp_path: Path) -> None:
    client = EngineClient(tmp_path / "none.sock")
    await client.start()
    asking = asyncio.ensure_future(full_text(client, "quick", SamplingParams()))
    await asyncio.sleep(0)  # One turn of the loop: it asks.

    await client.close()

    with pytest.raises(EngineUnavailable, match="closed"):
        await asking


async def _abort_when_running(client: EngineClient, request_id: str) -> None:
    while not (await client.stats())["num_running"]:
        pass
    await client.abort(request_id)
