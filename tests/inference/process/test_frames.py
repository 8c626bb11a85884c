"""What crosses the socket: it arrives as it was sent, or it is refused at once."""

import asyncio
import struct

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from inference.document import Document
from inference.errors import (
    AlreadyRunning,
    EngineError,
    EngineUnavailable,
    InvalidConfig,
    InvalidRequest,
    ModelLoadError,
    ProtocolError,
    QueueFull,
    ScriptError,
)
from inference.metrics import Histogram, MetricsSnapshot
from inference.process.frames import (
    MAX_FRAME_BYTES,
    VERSION,
    Abort,
    AskStats,
    Chunks,
    ClientFrame,
    Crash,
    Failure,
    Goodbye,
    Heartbeat,
    Hello,
    InFlight,
    Learn,
    Learned,
    Question,
    Refused,
    ServerFrame,
    Stats,
    Submit,
    Welcome,
    client_frames,
    encode,
    pack_question,
    read_frame,
    server_frames,
    to_error,
    to_failure,
    unpack_question,
)
from inference.request import (
    ChatMessage,
    EngineInfo,
    Exactly,
    FinishReason,
    SamplingParams,
    TokenChunk,
    TokenLogprob,
    Words,
)

INFO = EngineInfo(
    model="m", speculator=None, max_model_len=1, fingerprint="f", device="cpu", dtype="float32"
)
PARAMS = SamplingParams(
    temperature=0.5, seed=7, stop=("x",), logit_bias={3: -1.0}, guide=(Words(), Exactly("é"))
)


async def received(data: bytes, *, is_closed: bool = True) -> ClientFrame | ServerFrame | None:
    reader = asyncio.StreamReader()
    reader.feed_data(data)
    if is_closed:
        reader.feed_eof()
    return await read_frame(reader, client_frames)


@pytest.mark.parametrize(
    "frame",
    [
        Hello("c"),
        Submit("r", pack_question(Question(name="r", text="hi", params=PARAMS)), 2, True),
        Abort("r"),
        AskStats(3),
        Learn(4, b"salt", (Document("a", "text"), Document("b", (1, 2), is_lasting=True)), ("c",)),
    ],
    ids=lambda frame: type(frame).__name__,
)
async def test_a_clients_frame_arrives_as_it_was_sent(frame: ClientFrame) -> None:
    assert encode(await received(encode(frame)) or Hello("")) == encode(frame)


@pytest.mark.parametrize(
    "frame",
    [
        Welcome("i", INFO, 1.0, 99, Crash("old", (InFlight("c", "r", 1),))),
        Chunks(
            (
                TokenChunk(
                    request_id="r",
                    token_ids=(1, 2),
                    text="né",
                    finish_reason=FinishReason.STOP,
                    segment=1,
                    logprobs=(TokenLogprob(1, -0.5, {1: -0.5}, {1: b"\xc3"}),),
                ),
            )
        ),
        Refused("r", to_failure(QueueFull(2.5))),
        Heartbeat(7, 0.25),
        Stats(
            3,
            MetricsSnapshot(
                {"num_running": 1, "rate": 0.5}, {"step_s": Histogram((0.5, 1.0), (1, 0, 2), 7.5)}
            ),
        ),
        Learned(4),
        Learned(5, Failure("invalid_request", "no")),
        Goodbye(to_failure(ProtocolError("no"))),
    ],
    ids=lambda frame: type(frame).__name__,
)
async def test_an_engines_frame_arrives_as_it_was_sent(frame: ServerFrame) -> None:
    reader = asyncio.StreamReader()
    reader.feed_data(encode(frame))
    assert await read_frame(reader, server_frames) == frame


@pytest.mark.parametrize(
    "prompt",
    [
        {"text": "hello"},
        {"token_ids": (1, 2, 3)},
        {"messages": (ChatMessage("system", "a", public=True), ChatMessage("user", "b"))},
    ],
    ids=lambda prompt: next(iter(prompt)),
)
def test_a_question_arrives_as_it_was_asked(prompt: dict[str, object]) -> None:
    packed = msgspec.msgpack.encode(
        {"name": "r", "params": PARAMS, "salt": b"\x00", "resume_token_ids": [5], **prompt}
    )

    question = unpack_question(msgspec.Raw(packed))

    assert question.prompt == next(iter(prompt.values()))
    assert (question.params, question.salt, question.resume_token_ids) == (PARAMS, b"\x00", (5,))


@pytest.mark.parametrize(
    "fields",
    [
        {"params": {"max_tokens": -1}, "text": "a"},
        {"params": {"max_tokens": "many"}, "text": "a"},
        {"params": {}, "text": 3},
        {"params": {}, "text": "a", "more": 1},
        {"text": "a"},
    ],
    ids=["out of range", "wrong type", "no prompt", "unknown field", "no parameters"],
)
def test_a_question_that_does_not_fit_is_an_invalid_request(fields: dict[str, object]) -> None:
    with pytest.raises(InvalidRequest):
        unpack_question(msgspec.Raw(msgspec.msgpack.encode({"name": "r", **fields})))


def test_a_question_has_exactly_one_prompt() -> None:
    with pytest.raises(InvalidRequest, match="got 2"):
        _ = Question(name="r", text="a", token_ids=(1,), params=PARAMS).prompt
    with pytest.raises(InvalidRequest, match="got 0"):
        _ = Question(name="r", params=PARAMS).prompt


async def test_the_end_between_two_frames_is_no_error() -> None:
    assert await received(b"") is None


@pytest.mark.parametrize("size", [1, 7, 8, 12])
async def test_a_frame_cut_off_is_a_lost_connection(size: int) -> None:
    with pytest.raises(ConnectionResetError):
        await received(encode(Hello("client"))[:size])


@pytest.mark.parametrize(
    "header",
    [
        b"GET / HT",
        struct.pack(">2sHI", b"\xca\x7e", VERSION + 1, 0),
        struct.pack(">2sHI", b"\xca\x7e", VERSION, 2 << 30),
        struct.pack(">2sHI", b"\xca\x7e", VERSION, MAX_FRAME_BYTES + 1),
    ],
    ids=["another protocol", "another version", "2 GiB", "one byte too many"],
)
async def test_a_bad_header_is_refused_before_its_body_comes(header: bytes) -> None:
    with pytest.raises(ProtocolError):
        await received(header, is_closed=False)


@pytest.mark.parametrize(
    "body",
    [
        b"\xc1" * 20,
        msgspec.msgpack.encode(3),
        msgspec.msgpack.encode({"type": "hello", "client_id": 5}),
        msgspec.msgpack.encode({"type": "hello", "client_id": "c", "more": 1}),
        msgspec.msgpack.encode({"type": "eval", "code": "1"}),
    ],
    ids=["no msgpack", "no frame", "wrong type", "unknown field", "unknown frame"],
)
async def test_a_body_that_is_no_frame_is_refused(body: bytes) -> None:
    with pytest.raises(ProtocolError):
        await received(struct.pack(">2sHI", b"\xca\x7e", VERSION, len(body)) + body)


@given(data=st.binary(max_size=64), has_header=st.booleans())
def test_no_bytes_do_more_than_end_the_connection(data: bytes, has_header: bool) -> None:
    header = struct.pack(">2sHI", b"\xca\x7e", VERSION, len(data)) if has_header else b""
    try:
        frame = asyncio.run(received(header + data))
    except (ProtocolError, ConnectionResetError):
        return
    assert frame is None or encode(frame)


def test_a_frame_too_long_to_be_read_is_not_written() -> None:
    with pytest.raises(ProtocolError, match="at most 100"):
        encode(Hello("c" * 200), max_frame_bytes=100)


@pytest.mark.parametrize(
    "error",
    [
        InvalidConfig("num_blocks: 0"),
        InvalidRequest("top_p: 2"),
        QueueFull(1.5),
        EngineUnavailable("away"),
        ModelLoadError("/models/none", "there is no config.json"),
        ScriptError("script.jsonl", 3, "not JSON"),
        AlreadyRunning("taken"),
        ProtocolError("garbage"),
        EngineError("on fire"),
        EngineError("it kills", code="poisoned"),
    ],
    ids=lambda error: error.code,
)
def test_an_error_arrives_as_it_was_raised(error: EngineError) -> None:
    packed = msgspec.msgpack.encode(Goodbye(to_failure(error)))

    arrived = to_error(msgspec.msgpack.decode(packed, type=Goodbye).failure)

    assert type(arrived) is type(error)
    assert vars(arrived) == vars(error)
    assert str(arrived) == str(error)
