"""Engine processes for tests: scripts to answer from, and settings with short time-outs."""

import asyncio
import contextlib
import json
import os
import signal
from collections.abc import AsyncGenerator, Generator
from pathlib import Path

from inference import (
    ClientSettings,
    EngineClient,
    EngineConfig,
    EngineProcessSettings,
    EngineSupervisor,
    SamplingParams,
    ServerSettings,
)
from tests.patience import PATIENCE_S

Line = dict[str, object]


def write_script(path: Path, *lines: Line) -> EngineConfig:
    """An engine that answers from these lines."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("".join(json.dumps(line) + "\n" for line in lines))
    return EngineConfig(model=f"scripted:{path}")


def words(count: int) -> list[str]:
    """Pieces that differ, so that a lost or repeated one shows."""
    return [f"word{number} " for number in range(count)]


def quick_settings(
    engine: EngineConfig, *, hang_timeout_s: float = PATIENCE_S
) -> EngineProcessSettings:
    """Real processes with heartbeats and restarts in quick succession."""
    return EngineProcessSettings(
        engine=engine,
        server=ServerSettings(heartbeat_s=0.05, stop_grace_s=2.0),
        client=ClientSettings(hang_timeout_s=hang_timeout_s),
        first_pause_s=0.01,
        max_pause_s=0.05,
        stop_grace_s=5.0,
    )


@contextlib.asynccontextmanager
async def running(
    settings: EngineProcessSettings, folder: Path
) -> AsyncGenerator[EngineSupervisor]:
    """A supervised engine under `folder`, stopped at the end."""
    supervisor = EngineSupervisor(settings, folder / "run")
    async with asyncio.timeout(PATIENCE_S * 2), supervisor:
        yield supervisor


@contextlib.contextmanager
def held(engine: EngineSupervisor) -> Generator[None]:
    """Stop the process for the block, so that no answer ends before the test has acted."""
    pid = engine.pid
    assert pid is not None
    os.kill(pid, signal.SIGSTOP)
    try:
        yield
    finally:
        os.kill(pid, signal.SIGCONT)


async def until_replaced(engine: EngineSupervisor, pid: int) -> None:
    """Wait for the next process; an answer may have been whole in the socket when `pid` died."""
    async with asyncio.timeout(PATIENCE_S):
        while engine.pid in (None, pid):  # noqa: ASYNC110 - it has no event of its own
            await asyncio.sleep(0)


async def full_text(client: EngineClient, prompt: str, params: SamplingParams) -> str:
    """The whole answer to a prompt."""
    async with contextlib.aclosing(client.stream(prompt, params)) as chunks:
        return "".join([chunk.text async for chunk in chunks])


async def until_running(client: EngineClient, number: int) -> None:
    """Wait until the engine works on so many requests."""
    async with asyncio.timeout(PATIENCE_S):
        while (await client.stats())["num_running"] != number:
            pass
