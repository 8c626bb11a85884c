"""EngineClient: one answer out of any number of engines, or a clear error."""

import asyncio
import contextlib
import struct
from collections.abc import AsyncGenerator, Awaitable, Callable
from pathlib import Path

import pytest

from inference import (
    ChatMessage,
    ClientSettings,
    EngineClient,
    EngineError,
    EngineInfo,
    EngineSupervisor,
    EngineUnavailable,
    Exactly,
    FinishReason,
    InvalidRequest,
    SamplingParams,
    TokenChunk,
    Words,
)
from inference.process.frames import (
    MAX_FRAME_BYTES,
    Chunks,
    ClientFrame,
    Crash,
    Heartbeat,
    Hello,
    InFlight,
    ServerFrame,
    Submit,
    Welcome,
    client_frames,
    encode,
    read_frame,
    unpack_question,
)
from tests.engine_processes import (
    PATIENCE_S,
    Line,
    full_text,
    quick_settings,
    running,
    words,
    write_script,
)

ANSWERS: list[Line] = [
    {"match": "^quick$", "chunks": words(5)},
    {"match": "^long$", "chunks": words(2000)},
    {"match": "^steady$", "chunks": words(60), "delay_ms": 5},
    {"match": "^forever$", "chunks": ["now ", "never"], "delay_ms": 1},
    {"match": "^never$", "chunks": ["never"], "delay_ms": 3_600_000},
]
INFO = EngineInfo(
    model="m", speculator=None, max_model_len=1, fingerprint="f", device="cpu", dtype="float32"
)


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
    while (await supervisor.client.stats())["num_running"]:
        pass


class Double:
    """The engine's end of a socket; a test says what it does with each connection."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.reader = reader
        self.writer = writer

    async def hear(self) -> ClientFrame | None:
        return await read_frame(self.reader, client_frames)

    def say(self, *frames: ServerFrame) -> None:
        for frame in frames:
            self.writer.write(encode(frame))

    async def welcome(self, incarnation: str = "one", crash: Crash | None = None) -> str:
        """The id of the client that came."""
        hello = await self.hear()
        assert isinstance(hello, Hello)
        self.say(Welcome(incarnation, INFO, 0.05, MAX_FRAME_BYTES, crash), Heartbeat(0, 0.0))
        return hello.client_id

    async def submission(self) -> Submit:
        frame = await self.hear()
        assert isinstance(frame, Submit), frame
        return frame


@contextlib.asynccontextmanager
async def listening(
    path: Path, behave: Callable[[Double], Awaitable[None]]
) -> AsyncGenerator[None]:
    """What an engine may do that is not ours, or not in its right mind."""

    async def handle(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with contextlib.suppress(ConnectionError):
            await behave(Double(reader, writer))
        writer.close()

    server = await asyncio.start_unix_server(handle, path)
    try:
        yield
    finally:
        server.close()


def token(frame: Submit, token_id: int, text: str, *, is_last: bool = False) -> Chunks:
    reason = FinishReason.STOP if is_last else None
    return Chunks(
        (
            TokenChunk(
                request_id=frame.request_id,
                token_ids=(token_id,),
                text=text,
                finish_reason=reason,
            ),
        )
    )


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
    struct.pack(">2sHI", b"\xca\x7e", 1, 2 << 30),
    struct.pack(">2sHI", b"\xca\x7e", 2, 10) + b"x" * 10,
    struct.pack(">2sHI", b"\xca\x7e", 1, 4) + b"\xc1" * 4,
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


async def _abort_when_running(client: EngineClient, request_id: str) -> None:
    while not (await client.stats())["num_running"]:
        pass
    await client.abort(request_id)
