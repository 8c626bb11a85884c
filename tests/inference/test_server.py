"""The engine process seen from its socket, byte by byte."""

import asyncio
import contextlib
import stat
import struct
from collections.abc import AsyncGenerator
from pathlib import Path

import msgspec
import psutil  # type: ignore[import-untyped]  # It ships no types.
import pytest

from inference.process.frames import (
    VERSION,
    Abort,
    Chunks,
    Goodbye,
    Hello,
    Ready,
    Refused,
    ServerFrame,
    Submit,
    Welcome,
    encode,
)
from inference.request import FinishReason, SamplingParams
from tests.engine_processes import Line, words, write_script
from tests.engine_socket import Process, Talk, process
from tests.patience import PATIENCE_S

ANSWERS: list[Line] = [
    {"match": "^quick$", "chunks": words(5)},
    {"match": "^long$", "chunks": words(3000)},
    {"match": "^steady$", "chunks": words(60), "delay_ms": 5},
    {"match": "^forever$", "chunks": ["never"], "delay_ms": 3_600_000},
    {"match": "^hang$", "chunks": ["and "], "then": "hang", "delay_ms": 20},
    {"match": "^big$", "chunks": ["x" * 100_000] * 100},
]


@contextlib.asynccontextmanager
async def started(folder: Path, *options: str) -> AsyncGenerator[Process]:
    """A process that answers from the script above."""
    config = write_script(folder / "script.jsonl", *ANSWERS)
    async with process(folder, f"--model={config.model}", *options) as one:
        assert one.start == Ready(one.pid), one.log_path.read_text()
        yield one


@pytest.fixture(autouse=True)
async def patience() -> AsyncGenerator[None]:
    """Nothing here may wait for ever."""
    async with asyncio.timeout(PATIENCE_S):
        yield


@pytest.fixture(scope="module")
async def shared(tmp_path_factory: pytest.TempPathFactory) -> AsyncGenerator[Process]:
    """One process for all tests that must leave it unharmed, which each of them proves."""
    async with started(tmp_path_factory.mktemp("server")) as one:
        yield one


@pytest.fixture
async def server(shared: Process) -> AsyncGenerator[Process]:
    yield shared
    async with shared.talk() as talk:
        talk.ask("after", "quick")
        heard = await talk.chunks_until_the_end("after")
        assert "".join(chunk.text for chunk in heard["after"]) == "".join(words(5))
        while await talk.num_running():
            pass


async def test_the_socket_is_for_its_owner_alone(server: Process) -> None:
    assert stat.S_IMODE(server.socket_path.stat().st_mode) == 0o600


async def test_two_clients_may_use_one_id(server: Process) -> None:
    async with server.talk("a") as one, server.talk("b") as other:
        one.ask("r", "steady")
        other.ask("r", "quick")

        heard = await one.chunks_until_the_end("r"), await other.chunks_until_the_end("r")

    texts = ["".join(chunk.text for chunk in each["r"]) for each in heard]
    assert texts == ["".join(words(60)), "".join(words(5))]


@pytest.mark.parametrize(
    "data",
    [
        b"GET / HTTP/1.1\r\nHost: engine\r\n\r\n",
        struct.pack(">2sHI", b"\xca\x7e", VERSION + 1, 4) + b"\x00" * 4,
        struct.pack(">2sHI", b"\xca\x7e", VERSION, 2 << 30),
        struct.pack(">2sHI", b"\xca\x7e", VERSION, 20) + b"\xc1" * 20,
        encode(Abort("r")),
        encode(Hello("c")) + encode(Hello("c")),
    ],
    ids=["HTTP", "another version", "2 GiB", "garbage", "no hello", "hello twice"],
)
async def test_a_client_that_breaks_the_protocol_is_told_and_dropped(
    server: Process, data: bytes
) -> None:
    async with server.talk("bystander") as bystander, server.raw() as talk:
        bystander.ask("r", "steady")
        talk.writer.write(data)

        heard = [frame async for frame in _frames(talk)]

        assert isinstance(heard[-1], Goodbye)
        assert heard[-1].failure.code == "protocol"
        text = (await bystander.chunks_until_the_end("r"))["r"]
    assert "".join(chunk.text for chunk in text) == "".join(words(60))


async def test_an_absurd_length_costs_no_memory(server: Process) -> None:
    before = server.rss_bytes
    for _ in range(20):
        async with server.raw() as talk:
            talk.writer.write(struct.pack(">2sHI", b"\xca\x7e", VERSION, 2 << 30) + b"\x00" * 65536)
            assert isinstance(await talk.hear(), Goodbye)

    assert server.rss_bytes - before < 8 << 20


async def test_a_client_that_vanishes_in_mid_frame_harms_nobody(server: Process) -> None:
    for size in (1, 8, 11):
        async with server.raw() as talk:
            talk.writer.write(encode(Hello("client"))[:size])


async def test_a_bad_question_is_refused_alone(server: Process) -> None:
    async with server.talk() as talk:
        talk.ask("good", "steady")
        bad = msgspec.msgpack.encode({"name": "bad", "text": "quick", "params": {"top_p": 7.0}})
        talk.say(Submit("bad", msgspec.Raw(bad)))

        refused = await talk.hear()
        while not isinstance(refused, Refused):
            refused = await talk.hear()
        heard = await talk.chunks_until_the_end("good")

    assert (refused.request_id, refused.failure.code) == ("bad", "invalid_request")
    assert "top_p" in refused.failure.message
    assert heard["good"][-1].finish_reason is FinishReason.STOP


async def test_a_thousand_aborts_leave_nothing_behind(server: Process) -> None:
    async with server.talk() as talk:
        engine = psutil.Process(server.pid)
        num_fds, num_threads = engine.num_fds(), engine.num_threads()
        for number in range(1000):
            talk.ask(f"r{number}", ("forever", "steady", "long")[number % 3])
            talk.say(Abort(f"r{number}"))
            if number % 50 == 0:
                await talk.num_running()

        assert await talk.num_running() == 0
        # Those of the test before may still have been open when we counted.
        assert engine.num_fds() <= num_fds
        assert engine.num_threads() == num_threads


async def test_an_abort_takes_effect_within_one_step(server: Process) -> None:
    async with server.talk() as talk:
        talk.ask("r", "forever")
        assert await talk.num_running() == 1

        talk.say(Abort("r"))

        assert await talk.num_running() == 0


async def test_a_closed_connection_takes_its_requests_with_it(server: Process) -> None:
    async with server.talk() as watching:
        async with server.talk() as leaving:
            for number in range(20):
                leaving.ask(f"r{number}", "forever")
            assert await leaving.num_running() == 20

        while await watching.num_running():
            pass


async def test_a_client_that_reads_late_gets_fewer_and_longer_chunks(server: Process) -> None:
    async with server.talk("late") as late, server.talk("prompt") as prompt:
        stop_reading(late)
        for number in range(30):
            late.ask(f"r{number}", "long", SamplingParams(max_tokens=4000))
        prompt.ask("r", "steady")
        on_time = (await prompt.chunks_until_the_end("r"))["r"]
        while await prompt.num_running():
            pass
        resume_reading(late)
        heard = await late.chunks_until_the_end(*(f"r{number}" for number in range(30)))

    assert "".join(chunk.text for chunk in on_time) == "".join(words(60))
    for chunks in heard.values():
        assert "".join(chunk.text for chunk in chunks) == "".join(words(3000))
        assert [one for chunk in chunks for one in chunk.token_ids] == list(range(3000))
    assert sum(len(chunks) for chunks in heard.values()) < 30 * 3000 / 2


async def test_a_client_that_never_reads_is_let_go(tmp_path: Path) -> None:
    async with started(tmp_path, "--max-pending-bytes=1000000") as server, server.talk() as other:
        before = server.rss_bytes
        async with server.talk() as stuck:
            stop_reading(stuck)
            for number in range(50):
                stuck.ask(f"r{number}", "big")

            while "bytes are waiting" not in server.log_path.read_text():
                await other.num_running()
            while await other.num_running():
                pass
            assert server.rss_bytes - before < 24 << 20


async def test_a_client_that_stops_reading_is_let_go_after_a_while(tmp_path: Path) -> None:
    options = ("--stall-timeout-s=0.2", "--max-pending-bytes=100000000")
    async with (
        started(tmp_path, *options) as server,
        server.talk() as other,
        server.talk() as stuck,
    ):
        stop_reading(stuck)
        stuck.ask("r", "forever")
        stuck.ask("q", "big")

        while "nothing was read for 0.2 s" not in server.log_path.read_text():
            await other.num_running()
        while await other.num_running():
            pass


async def test_a_full_house_is_told(tmp_path: Path) -> None:
    options = ("--max-connections=1", "--max-requests=2")
    async with started(tmp_path, *options) as server, server.talk() as talk:
        async with server.raw() as late:
            late.say(Hello("late"))
            goodbye = await late.hear()
        for number in range(3):
            talk.ask(f"r{number}", "forever")
        refused = await talk.hear()

    assert isinstance(goodbye, Goodbye)
    assert goodbye.failure.code == "engine_unavailable"
    assert isinstance(refused, Refused)
    assert (refused.request_id, refused.failure.code) == ("r2", "queue_full")
    assert refused.failure.retry_after_s > 0


async def test_a_second_engine_on_the_same_socket_does_not_start(server: Process) -> None:
    options = ("--model=scripted:none", "--lock-timeout-s=0.05")
    async with process(server.socket_path.parent, *options) as other:
        assert isinstance(other.start, Goodbye)
        assert other.start.failure.code == "already_running"


@pytest.mark.parametrize(
    ("option", "code"),
    [
        ("--model=scripted:/nowhere/script.jsonl", "model_load_failed"),
        ("--model=/nowhere/model", "model_load_failed"),
        ("--num-blocks=0", "invalid_config"),
    ],
)
async def test_an_engine_that_cannot_start_says_why(tmp_path: Path, option: str, code: str) -> None:
    async with process(tmp_path, "--model=m", option) as one:
        assert isinstance(one.start, Goodbye)
        assert one.start.failure.code == code
        assert await one.child.wait() == 2
        assert not one.socket_path.exists()
        assert code in one.log_path.read_text()


async def test_a_closed_leash_ends_the_process_whatever_it_does(tmp_path: Path) -> None:
    async with started(tmp_path) as one, one.talk() as talk:
        talk.ask("r", "hang")
        assert isinstance(await talk.hear(), Chunks)

    assert one.child.returncode == 0


async def test_it_stops_in_good_order(tmp_path: Path) -> None:
    async with started(tmp_path) as server, server.talk() as talk:
        talk.ask("r", "forever")
        await talk.num_running()

        server.child.terminate()

        assert await server.child.wait() == 0
        assert await talk.hear() is None
        left = {path.suffix for path in server.socket_path.parent.iterdir()}
    assert left == {".jsonl", ".lock", ""}


async def test_a_step_that_never_ends_does_not_keep_it_from_stopping(tmp_path: Path) -> None:
    async with started(tmp_path, "--stop-grace-s=0.1") as server, server.talk() as talk:
        talk.ask("r", "hang")
        assert isinstance(await talk.hear(), Chunks)

        server.child.terminate()

        assert await server.child.wait() == 0


async def test_a_killed_process_tells_the_next_who_was_inside(tmp_path: Path) -> None:
    async with started(tmp_path) as server, server.talk("client") as talk:
        talk.ask("inside", "forever")
        talk.ask("over", "quick")
        await talk.chunks_until_the_end("over")
        assert await talk.num_running() == 1
        server.child.kill()
        await server.child.wait()

    async with started(tmp_path) as server, server.raw() as talk:
        talk.say(Hello("client"))
        welcome = await talk.hear()

    assert isinstance(welcome, Welcome)
    assert welcome.crash is not None
    inside = [(one.client_id, one.request_id) for one in welcome.crash.requests]
    assert inside == [("client", "inside")]
    assert welcome.crash.incarnation != welcome.incarnation


def stop_reading(talk: Talk) -> None:
    """As a client does whose event loop is busy."""
    assert isinstance(talk.writer.transport, asyncio.ReadTransport)
    talk.writer.transport.pause_reading()


def resume_reading(talk: Talk) -> None:
    """The event loop has time again."""
    assert isinstance(talk.writer.transport, asyncio.ReadTransport)
    talk.writer.transport.resume_reading()


async def _frames(talk: Talk) -> AsyncGenerator[ServerFrame]:
    while (frame := await talk.hear()) is not None:
        yield frame
