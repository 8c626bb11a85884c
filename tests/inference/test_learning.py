"""Documents on their way through the socket into a real engine, and into the next one."""

import asyncio
import os
import signal
from collections.abc import AsyncGenerator
from pathlib import Path

import pytest

from inference import (
    ClientSettings,
    Document,
    EngineClient,
    EngineConfig,
    EngineSupervisor,
    EngineUnavailable,
    InvalidRequest,
)
from inference.process.frames import Learn
from tests.engine_double import Double, listening
from tests.engine_processes import quick_settings, running
from tests.patience import PATIENCE_S

ARTICLE = Document("article", "Returns are free within thirty days.", is_lasting=True)
ANSWER = Document("answer", tuple(range(30, 60)))


@pytest.fixture(autouse=True)
async def patience() -> AsyncGenerator[None]:
    async with asyncio.timeout(PATIENCE_S):
        yield


@pytest.fixture(scope="module")
async def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("learning")


@pytest.fixture(scope="module")
async def supervisor(tiny_target: Path, folder: Path) -> AsyncGenerator[EngineSupervisor]:
    config = EngineConfig(
        model=str(tiny_target), speculator="suffix", device="cpu", dtype="float32", num_blocks=64
    )
    async with running(quick_settings(config), folder) as one:
        yield one


async def num_learned(client: EngineClient) -> int:
    return int((await client.stats())["num_corpus_tokens"])


async def test_an_engine_learns_forgets_and_refuses(supervisor: EngineSupervisor) -> None:
    client = supervisor.client

    await client.learn([ARTICLE, ANSWER], salt=b"a")
    assert await num_learned(client) == 36 + 30
    await client.learn([ANSWER], salt=b"b", forgotten=["article"])
    assert await num_learned(client) == 36 + 30 + 30
    await client.learn([], salt=b"a", forgotten=["article", "unknown"])
    assert await num_learned(client) == 30 + 30
    with pytest.raises(InvalidRequest, match="id 266 is outside"):
        await client.learn([ARTICLE, Document("bad", (266,))], salt=b"a")
    assert await num_learned(client) == 30 + 30


async def test_what_is_many_frames_long_is_learned_whole(
    supervisor: EngineSupervisor, folder: Path
) -> None:
    client = EngineClient(folder / "run" / "engine.sock", ClientSettings(max_frame_bytes=4_000))
    documents = [Document(str(number), "word " * 20) for number in range(100)]
    before = await num_learned(supervisor.client)

    async with client:
        await client.connected()
        await client.learn(documents, salt=b"many")
        with pytest.raises(InvalidRequest, match=r"50\d\d bytes, a frame has 4000"):
            await client.learn([Document("book", "word " * 1_000)], salt=b"many")

    assert await num_learned(supervisor.client) - before == 100 * 100


async def test_the_next_engine_knows_nothing_and_is_heard_of(supervisor: EngineSupervisor) -> None:
    client = supervisor.client
    first = await client.incarnation_after(None)
    await client.learn([ANSWER], salt=b"a")
    waiting = asyncio.create_task(client.incarnation_after(first))

    assert supervisor.pid is not None
    os.kill(supervisor.pid, signal.SIGKILL)

    second = await waiting
    assert second != first
    assert await client.incarnation_after(first) == second
    assert await num_learned(client) == 0


async def test_an_engine_that_goes_while_it_learns_is_told(tmp_path: Path) -> None:
    async def behave(double: Double) -> None:
        await double.welcome()
        assert isinstance(await double.hear(), Learn)

    async with listening(tmp_path / "s", behave), EngineClient(tmp_path / "s") as client:
        await client.connected()
        with pytest.raises(EngineUnavailable):
            await client.learn([ARTICLE], salt=b"")
