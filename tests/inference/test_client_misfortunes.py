"""EngineClient against engines that break off, talk garbage or die."""

import asyncio
import contextlib
import struct
from collections.abc import AsyncGenerator
from pathlib import Path

import pytest

from inference import (
    EngineClient,
    EngineError,
    SamplingParams,
)
from inference.process.frames import (
    MAX_FRAME_BYTES,
    VERSION,
    Crash,
    Heartbeat,
    InFlight,
    Welcome,
    encode,
    unpack_question,
)
from tests.engine_double import INFO, Double, listening, token
from tests.engine_processes import (
    full_text,
)
from tests.patience import PATIENCE_S


@pytest.fixture(autouse=True)
async def patience() -> AsyncGenerator[None]:
    async with asyncio.timeout(PATIENCE_S):
        yield


async def test_a_request_goes_on_where_the_connection_broke(tmp_path: Path) -> None:
    seen: list[tuple[int, ...]] = []

    async def behave(double: Double) -> None:
        await double.welcome(f"incarnation {len(seen)}")
        frame = await double.submission()
        seen.append(unpack_question(frame.question).resume_token_ids)
        at = len(seen) - 1
        double.say(token(frame, 10 + at, f"part{at} ", is_last=at == 3))
        if at == 3:
            await double.hear()

    async with listening(tmp_path / "s", behave), EngineClient(tmp_path / "s") as client:
        text = await full_text(client, "x", SamplingParams())

    assert text == "part0 part1 part2 part3 "
    assert seen == [(), (10,), (10, 11), (10, 11, 12)]


GARBAGE = [
    b"\x00\xff" * 50,
    struct.pack(">2sHI", b"\xca\x7e", VERSION, 2 << 30),
    struct.pack(">2sHI", b"\xca\x7e", VERSION + 1, 10) + b"x" * 10,
    struct.pack(">2sHI", b"\xca\x7e", VERSION, 4) + b"\xc1" * 4,
    encode(Welcome("again", INFO, 1.0, MAX_FRAME_BYTES, None)),
]
GARBAGE_IDS = ["noise", "2 GiB", "another version", "no msgpack", "welcome twice"]


@pytest.mark.parametrize("garbage", GARBAGE, ids=GARBAGE_IDS)
async def test_garbage_is_noticed_at_once_and_the_answer_goes_on(
    tmp_path: Path, garbage: bytes
) -> None:
    complaints: list[float] = []
    connections: list[Double] = []

    async def behave(double: Double) -> None:
        connections.append(double)
        await double.welcome()
        frame = await double.submission()
        if len(connections) == 1:
            double.say(token(frame, 0, "Hello "))
            double.writer.write(garbage)
        else:
            double.say(token(frame, 1, "there.", is_last=True))
        await double.hear()

    client = EngineClient(
        tmp_path / "s", on_garbage=lambda: complaints.append(asyncio.get_running_loop().time())
    )
    async with listening(tmp_path / "s", behave), client:
        text = await full_text(client, "x", SamplingParams())

    assert text == "Hello there."
    assert len(complaints) == 1


@pytest.mark.parametrize("garbage", GARBAGE[:3], ids=GARBAGE_IDS[:3])
async def test_a_request_that_brings_garbage_twice_is_failed(
    tmp_path: Path, garbage: bytes
) -> None:
    num_connections = 0

    async def behave(double: Double) -> None:
        nonlocal num_connections
        num_connections += 1
        await double.welcome()
        await double.submission()
        double.writer.write(garbage)
        await double.hear()

    async with listening(tmp_path / "s", behave), EngineClient(tmp_path / "s") as client:
        with pytest.raises(EngineError, match="2 times") as caught:
            await full_text(client, "x", SamplingParams())

    assert (caught.value.code, num_connections) == ("poisoned", 2)


async def test_only_the_request_inside_a_dead_engine_is_blamed(tmp_path: Path) -> None:
    """Two requests, four engines: the guilty is alone inside two that die without a token."""
    ids: dict[str, str] = {}
    num_connections = 0

    async def behave(double: Double) -> None:
        nonlocal num_connections
        num_connections += 1
        incarnation, before = f"engine {num_connections}", f"engine {num_connections - 1}"
        inside = tuple(InFlight(ids["client"], ids[name], 0) for name in ("guilty",) if ids)
        ids["client"] = await double.welcome(incarnation, Crash(before, inside))
        for _ in range(2 if num_connections < 3 else 1):
            frame = await double.submission()
            ids[unpack_question(frame.question).name] = frame.request_id
        if num_connections == 3:
            double.say(token(frame, 0, "fine", is_last=True))
            await double.hear()

    async with listening(tmp_path / "s", behave), EngineClient(tmp_path / "s") as client:
        innocent = asyncio.ensure_future(_text_of(client, "innocent"))
        with pytest.raises(EngineError) as caught:
            await _text_of(client, "guilty")
        assert await innocent == "fine"

    assert (caught.value.code, num_connections) == ("poisoned", 3)


async def test_a_deadline_goes_on_through_a_restart(tmp_path: Path) -> None:
    left: list[float] = []

    async def behave(double: Double) -> None:
        await double.welcome(str(len(left)))
        frame = await double.submission()
        left.append(unpack_question(frame.question).params.deadline_s or 0.0)
        if len(left) == 2:
            double.say(token(frame, 0, "done", is_last=True))
            await double.hear()

    async with listening(tmp_path / "s", behave), EngineClient(tmp_path / "s") as client:
        assert await full_text(client, "x", SamplingParams(deadline_s=1000.0)) == "done"

    assert 900.0 < left[1] < left[0] <= 1000.0


async def test_an_engine_in_one_long_step_is_not_ready(tmp_path: Path) -> None:
    has_looked = asyncio.Event()

    async def behave(double: Double) -> None:
        await double.welcome()
        frame = await double.submission()
        double.say(Heartbeat(1, 0.1), token(frame, 0, "quick"))
        await has_looked.wait()
        double.say(Heartbeat(1, 11.0), token(frame, 1, "slow", is_last=True))
        await double.hear()

    is_ready: dict[str, bool] = {}
    async with (
        listening(tmp_path / "s", behave),
        EngineClient(tmp_path / "s") as client,
        contextlib.aclosing(client.stream("x", SamplingParams())) as chunks,
    ):
        async for chunk in chunks:
            is_ready[chunk.text] = client.is_ready
            has_looked.set()

    assert is_ready == {"quick": True, "slow": False}


async def _text_of(client: EngineClient, name: str) -> str:
    async with contextlib.aclosing(client.stream("x", SamplingParams(), request_id=name)) as chunks:
        return "".join([chunk.text async for chunk in chunks])
