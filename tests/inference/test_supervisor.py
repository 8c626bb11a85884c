"""An engine process may die in any way; the answers do not notice, the supervisor does."""

import asyncio
import contextlib
import dataclasses
import json
import os
import signal
import sys
import time
from collections.abc import AsyncGenerator, Callable
from pathlib import Path

import psutil  # type: ignore[import-untyped]  # It ships no types.
import pytest

from inference import (
    AlreadyRunning,
    Engine,
    EngineConfig,
    EngineError,
    EngineProcessSettings,
    EngineSupervisor,
    EngineUnavailable,
    Exactly,
    ModelLoadError,
    SamplingParams,
    ScriptError,
    ServerSettings,
    Words,
)
from tests.engine_processes import (
    Line,
    full_text,
    quick_settings,
    running,
    until_replaced,
    words,
    write_script,
)
from tests.patience import PATIENCE_S

ANSWERS: list[Line] = [
    {"match": "^quick$", "chunks": words(5)},
    {"match": "^steady$", "chunks": words(100), "delay_ms": 5},
    {"match": "^crash$", "chunks": ["Well, "], "delay_ms": 5, "then": "crash"},
    {"match": "^hang$", "chunks": ["Well, "], "delay_ms": 5, "then": "hang"},
    {"match": "^garbage$", "chunks": ["Well, "], "delay_ms": 5, "then": "garbage"},
    {"match": "^crash at once$", "then": "crash"},
]
HANG_TIMEOUT_S = 2.0
"""Short where a hang is waited for, but a healthy engine on a busy machine must not seem hung."""


@pytest.fixture(autouse=True)
async def patience() -> AsyncGenerator[None]:
    async with asyncio.timeout(2 * PATIENCE_S):
        yield


def scripted(folder: Path, hang_timeout_s: float = PATIENCE_S) -> EngineProcessSettings:
    config = write_script(folder / "script.jsonl", *ANSWERS)
    return quick_settings(config, hang_timeout_s=hang_timeout_s)


async def test_a_killed_engine_is_back_in_mid_answer(tmp_path: Path) -> None:
    async with running(scripted(tmp_path), tmp_path) as supervisor:
        first = supervisor.pid
        texts = await asyncio.gather(
            *(full_text(supervisor.client, "steady", SamplingParams()) for _ in range(4)),
            _after_tokens(supervisor, 20, lambda: _signal(supervisor, signal.SIGKILL)),
        )
        assert first is not None
        await until_replaced(supervisor, first)

        assert set(texts) == {"".join(words(100))}
        assert supervisor.restarts == {"killed": 1}
        assert not supervisor.gave_up.is_set()


async def test_a_stopped_engine_is_noticed_and_replaced(tmp_path: Path) -> None:
    async with running(scripted(tmp_path, HANG_TIMEOUT_S), tmp_path) as supervisor:
        first = supervisor.pid
        assert first is not None
        text = await _after_tokens(supervisor, 20, lambda: _signal(supervisor, signal.SIGSTOP))
        await until_replaced(supervisor, first)

        assert text == "".join(words(100))
        assert supervisor.restarts == {"hang": 1}


async def test_a_busy_web_process_is_no_reason_to_kill_the_engine(tmp_path: Path) -> None:
    async with running(scripted(tmp_path, HANG_TIMEOUT_S), tmp_path) as supervisor:
        text = await _after_tokens(supervisor, 5, _block_for_long)
        await asyncio.sleep(0)

        assert text == "".join(words(100))
        assert supervisor.num_restarts == 0


@pytest.mark.parametrize("kind", ["crash", "crash at once", "hang", "garbage"])
async def test_a_request_that_kills_the_engine_is_failed_alone(tmp_path: Path, kind: str) -> None:
    timeout_s = HANG_TIMEOUT_S if kind == "hang" else PATIENCE_S
    async with running(scripted(tmp_path, timeout_s), tmp_path) as supervisor:
        client = supervisor.client
        innocent = [
            asyncio.ensure_future(full_text(client, "steady", SamplingParams())) for _ in range(4)
        ]
        with pytest.raises(EngineError) as caught:
            await full_text(client, kind, SamplingParams())

        assert caught.value.code == "poisoned"
        assert set(await asyncio.gather(*innocent)) == {"".join(words(100))}
        assert await full_text(client, "quick", SamplingParams()) == "".join(words(5))
        assert supervisor.num_restarts in (2, 3)
        assert supervisor.restarts.keys() == {"exited" if "crash" in kind else kind}


async def test_a_request_alone_may_kill_the_engine_twice_and_no_more(tmp_path: Path) -> None:
    async with running(scripted(tmp_path), tmp_path) as supervisor:
        with pytest.raises(EngineError) as caught:
            await full_text(supervisor.client, "crash at once", SamplingParams())

        assert caught.value.code == "poisoned"
        await supervisor.client.connected()
        assert supervisor.restarts == {"exited": 2}


async def test_an_engine_that_cannot_come_back_is_given_up(tmp_path: Path) -> None:
    async with running(scripted(tmp_path), tmp_path) as supervisor:
        asking = asyncio.ensure_future(
            _after_tokens(supervisor, 3, lambda: _break_and_kill(supervisor, tmp_path))
        )

        await supervisor.gave_up.wait()

        with pytest.raises(ScriptError, match="line 1"):
            await asking
        assert isinstance(supervisor.failure, ScriptError)
        assert supervisor.num_restarts == 5
        assert not supervisor.client.is_ready
        with pytest.raises(ScriptError):
            await full_text(supervisor.client, "quick", SamplingParams())


async def test_an_engine_that_only_ever_dies_is_given_up(tmp_path: Path) -> None:
    async with running(scripted(tmp_path), tmp_path) as supervisor:
        while not supervisor.gave_up.is_set():
            _signal(supervisor, signal.SIGKILL)
            await asyncio.sleep(0)

        assert isinstance(supervisor.failure, EngineUnavailable)
        assert supervisor.num_restarts == 5


@pytest.mark.parametrize(
    ("content", "error"), [(None, ModelLoadError), ("{", ScriptError)], ids=["missing", "bad"]
)
async def test_a_wrong_model_is_told_by_the_start(
    tmp_path: Path, content: str | None, error: type[EngineError]
) -> None:
    path = tmp_path / "script.jsonl"
    if content is not None:
        path.write_text(content)
    supervisor = EngineSupervisor(
        quick_settings(EngineConfig(model=f"scripted:{path}")), tmp_path / "run"
    )

    with pytest.raises(error) as caught:
        await supervisor.start()

    assert str(path) in caught.value.message
    assert supervisor.pid is None
    assert {one.name for one in (tmp_path / "run").iterdir()} == {"engine.lock"}


async def test_a_second_engine_for_the_same_folder_does_not_start(tmp_path: Path) -> None:
    settings = scripted(tmp_path)
    hasty = dataclasses.replace(settings, server=ServerSettings(lock_timeout_s=0.1))
    async with running(settings, tmp_path) as first:
        second = EngineSupervisor(hasty, tmp_path / "run")

        with pytest.raises(AlreadyRunning):
            await second.start()

        assert await full_text(first.client, "quick", SamplingParams()) == "".join(words(5))
        assert first.num_restarts == 0
        assert (tmp_path / "run/engine.pid").read_text() == f"{first.pid}\n"


async def test_a_folder_that_cannot_be_made_is_told_by_the_start(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("in the way")
    supervisor = EngineSupervisor(scripted(tmp_path), tmp_path / "file" / "run")

    with pytest.raises(EngineError) as caught:
        await supervisor.start()

    assert caught.value.code == "run_dir"
    assert str(tmp_path / "file") in caught.value.message


async def test_an_engine_that_does_not_get_ready_is_told_by_the_start(tmp_path: Path) -> None:
    script = tmp_path / "script.jsonl"
    os.mkfifo(script)  # Whoever reads it waits for ever.
    settings = EngineProcessSettings(
        engine=EngineConfig(model=f"scripted:{script}"),
        start_timeout_s=0.3,
        stop_grace_s=0.3,
    )
    supervisor = EngineSupervisor(settings, tmp_path / "run")

    with pytest.raises(EngineError, match=r"after 0\.3 s") as caught:
        await supervisor.start()

    assert caught.value.code == "start_timeout"

    assert supervisor.pid is None


async def test_it_stops_what_it_has_started(tmp_path: Path) -> None:
    async with running(scripted(tmp_path), tmp_path) as supervisor:
        pid = supervisor.pid
        assert pid is not None
        assert (tmp_path / "run/engine.pid").read_text() == f"{pid}\n"
        asking = asyncio.ensure_future(full_text(supervisor.client, "steady", SamplingParams()))
        await asyncio.sleep(0)

    with pytest.raises(EngineUnavailable):
        await asking
    assert not psutil.pid_exists(pid)
    assert {one.name for one in (tmp_path / "run").iterdir()} == {"engine.lock"}
    assert "stopping" in (tmp_path / "logs/engine.log").read_text()


@pytest.mark.parametrize("state", ["running", "hanging", "stopped"])
async def test_a_killed_web_process_leaves_no_orphan(tmp_path: Path, state: str) -> None:
    config = write_script(tmp_path / "script.jsonl", *ANSWERS)
    parent = await asyncio.create_subprocess_exec(
        sys.executable, "-c", PARENT, config.model, str(tmp_path), stdout=asyncio.subprocess.PIPE
    )
    assert parent.stdout is not None
    engine = psutil.Process(json.loads(await parent.stdout.readline()))
    if state == "hanging":
        await parent.stdout.readline()
    if state == "stopped":
        engine.suspend()

    parent.kill()
    await parent.wait()

    await asyncio.to_thread(engine.wait, PATIENCE_S)
    assert not engine.is_running()


PARENT = """
import asyncio, contextlib, sys
from pathlib import Path
from inference import EngineConfig, EngineProcessSettings, EngineSupervisor, SamplingParams

async def main():
    settings = EngineProcessSettings(engine=EngineConfig(model=sys.argv[1]))
    async with EngineSupervisor(settings, Path(sys.argv[2]) / "run") as supervisor:
        print(supervisor.pid, flush=True)
        async for chunk in supervisor.client.stream("hang", SamplingParams()):
            print(chunk.text, flush=True)

asyncio.run(main())
"""


async def test_the_text_is_that_of_an_uninterrupted_run_wherever_the_engine_dies(
    tiny_target: Path, tmp_path: Path
) -> None:
    """The real engine: greedy, sampled, guided, with drafts, killed five times in mid-answer."""
    config = EngineConfig(
        model=str(tiny_target),
        speculator="ngram",
        device="cpu",
        dtype="float32",
        num_blocks=128,
        max_step_tokens=64,
    )
    quote = Exactly(
        "You have 30 days to send it back, free of charge – naïve, but true. " * 4, True
    )
    every = [
        SamplingParams(max_tokens=320, ignore_eos=True),
        SamplingParams(max_tokens=320, ignore_eos=True, temperature=0.9, seed=11),
        SamplingParams(
            max_tokens=400, seed=3, temperature=1.0, guide=(Words(20), quote, Words(20))
        ),
    ]
    prompt = "Where is my parcel? Where is my parcel? "
    whole = Engine(config).generate([prompt] * 3, every)
    expected = [output.text for output in whole]

    async with running(quick_settings(config), tmp_path) as supervisor:
        killed: set[int] = set()

        async def answer(params: SamplingParams, kill_at: list[int]) -> str:
            num_tokens, text = 0, ""
            async with contextlib.aclosing(supervisor.client.stream(prompt, params)) as chunks:
                async for chunk in chunks:
                    num_tokens += len(chunk.token_ids)
                    text += chunk.text
                    pid = supervisor.pid
                    if kill_at and num_tokens >= kill_at[0] and pid and pid not in killed:
                        kill_at.pop(0)
                        killed.add(pid)
                        os.kill(pid, signal.SIGKILL)
            return text

        texts = await asyncio.gather(
            answer(every[0], []), answer(every[1], [1, 40, 90, 150, 230]), answer(every[2], [])
        )

    assert len(killed) == 5
    assert list(texts) == expected


async def _after_tokens(supervisor: EngineSupervisor, count: int, act: Callable[[], None]) -> str:
    """The text of "steady"; after so many tokens of it something is done."""
    text, num_tokens = "", 0
    async with contextlib.aclosing(supervisor.client.stream("steady", SamplingParams())) as chunks:
        async for chunk in chunks:
            text += chunk.text
            before, num_tokens = num_tokens, num_tokens + len(chunk.token_ids)
            if before < count <= num_tokens:
                act()
    return text


def _block_for_long() -> None:
    """The mistake of a web process that waits in its event loop; the engine has the processor."""
    time.sleep(1.5 * HANG_TIMEOUT_S)


def _signal(supervisor: EngineSupervisor, number: signal.Signals) -> None:
    if supervisor.pid is not None:
        with contextlib.suppress(ProcessLookupError):
            os.kill(supervisor.pid, number)


def _break_and_kill(supervisor: EngineSupervisor, folder: Path) -> None:
    (folder / "script.jsonl").write_text("{")
    _signal(supervisor, signal.SIGKILL)
