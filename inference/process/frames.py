"""The frames between web processes and the engine process.

A frame is a header of 8 bytes (two fixed bytes, the version, the length of the body, big-endian)
and a body of msgpack that decodes into exactly one of the structs below, or not at all. The header
is checked before a byte of the body is awaited, so garbage and absurd lengths end a connection at
once and cost no memory. Nothing here can run code of the sender's choice, as pickle would.
"""

import asyncio
import struct
from typing import TypeVar

import msgspec

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
from inference.metrics import MetricsSnapshot
from inference.request import ChatMessage, EngineInfo, Prompt, SamplingParams, TokenChunk

VERSION = 2
MAX_FRAME_BYTES = 8 << 20

_HEADER = struct.Struct(">2sHI")
_MAGIC = b"\xca\x7e"
_encoder = msgspec.msgpack.Encoder()

Frame = TypeVar("Frame")


class Question(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """What a request asks; exactly one of the three kinds of prompt is given.

    `name` is the id its caller gave it; a request without a seed draws from the name's.
    """

    name: str

    text: str | None = None
    token_ids: tuple[int, ...] | None = None
    messages: tuple[ChatMessage, ...] | None = None
    params: SamplingParams
    salt: bytes = b""
    resume_token_ids: tuple[int, ...] = ()

    @property
    def prompt(self) -> Prompt:
        """The prompt as the engine takes it.

        Raises:
            InvalidRequest: none is given, or several are.
        """
        given = [one for one in (self.text, self.token_ids, self.messages) if one is not None]
        if len(given) != 1:
            raise InvalidRequest(
                f"prompt: needs one of text, token ids, messages; got {len(given)}"
            )
        return given[0]


class InFlight(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A request that was inside the engine; `strikes` as its client counted them."""

    client_id: str
    request_id: str
    strikes: int


class Crash(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Who was inside an earlier engine process when it died.

    One that was killed from outside says less about those inside than one that crashed or hung.
    """

    incarnation: str
    requests: tuple[InFlight, ...]
    is_from_outside: bool = False


class Failure(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """An EngineError on its way; the later fields belong to those errors that have them."""

    code: str
    message: str
    retry_after_s: float = 0.0
    path: str = ""
    line: int = 0
    reason: str = ""


class Hello(msgspec.Struct, frozen=True, forbid_unknown_fields=True, tag="hello"):
    """First frame of a client, which keeps its id when it connects again."""

    client_id: str


class Submit(msgspec.Struct, frozen=True, forbid_unknown_fields=True, tag="submit"):
    """Start a request, or go on with one.

    The question is decoded apart, so that one that does not fit is refused alone. `is_again` marks
    a request that was accepted before; it waits where a new one would be refused.
    """

    request_id: str
    question: msgspec.Raw
    strikes: int = 0
    is_again: bool = False


class Abort(msgspec.Struct, frozen=True, forbid_unknown_fields=True, tag="abort"):
    """Forget a request; nothing more is said about it."""

    request_id: str


class AskStats(msgspec.Struct, frozen=True, forbid_unknown_fields=True, tag="ask_stats"):
    """Answered by Stats with the same number."""

    number: int


class Learn(msgspec.Struct, frozen=True, forbid_unknown_fields=True, tag="learn"):
    """Answered by Learned with the same number, once drafts of this salt may come from these texts.

    What stands under the `forgotten` keys is forgotten first.
    """

    number: int
    salt: bytes
    documents: tuple[Document, ...] = ()
    forgotten: tuple[str, ...] = ()


class Welcome(msgspec.Struct, frozen=True, forbid_unknown_fields=True, tag="welcome"):
    """The answer to Hello; `incarnation` is another for each engine process."""

    incarnation: str
    info: EngineInfo
    heartbeat_s: float
    max_frame_bytes: int
    crash: Crash | None


class Chunks(msgspec.Struct, frozen=True, forbid_unknown_fields=True, tag="chunks"):
    """News of any number of requests, per request in order."""

    chunks: tuple[TokenChunk, ...]


class Refused(msgspec.Struct, frozen=True, forbid_unknown_fields=True, tag="refused"):
    """A request that was submitted will not run."""

    request_id: str
    failure: Failure


class Heartbeat(msgspec.Struct, frozen=True, forbid_unknown_fields=True, tag="heartbeat"):
    """Sign of life: steps since the start, and for how long the present one has lasted.

    `step_age_s` is 0 while the engine has nothing to do.
    """

    num_steps: int
    step_age_s: float


class Stats(msgspec.Struct, frozen=True, forbid_unknown_fields=True, tag="stats"):
    """The engine's figures between two steps."""

    number: int
    snapshot: MetricsSnapshot


class Learned(msgspec.Struct, frozen=True, forbid_unknown_fields=True, tag="learned"):
    """The answer to Learn; with a failure nothing was learned."""

    number: int
    failure: Failure | None = None


class Goodbye(msgspec.Struct, frozen=True, forbid_unknown_fields=True, tag="goodbye"):
    """Why the connection, or the start of the engine, ends here."""

    failure: Failure


class Ready(msgspec.Struct, frozen=True, forbid_unknown_fields=True, tag="ready"):
    """To the supervisor only: the model is loaded and the socket is open."""

    pid: int


ClientFrame = Hello | Submit | Abort | AskStats | Learn
ServerFrame = Welcome | Chunks | Refused | Heartbeat | Stats | Learned | Goodbye
StartFrame = Ready | Goodbye

client_frames: msgspec.msgpack.Decoder[ClientFrame] = msgspec.msgpack.Decoder(ClientFrame)
server_frames: msgspec.msgpack.Decoder[ServerFrame] = msgspec.msgpack.Decoder(ServerFrame)
start_frames: msgspec.msgpack.Decoder[StartFrame] = msgspec.msgpack.Decoder(StartFrame)
_questions = msgspec.msgpack.Decoder(Question)


def encode(
    frame: ClientFrame | ServerFrame | StartFrame, max_frame_bytes: int = MAX_FRAME_BYTES
) -> bytes:
    """The frame with its header.

    Raises:
        ProtocolError: the other end would refuse it for its size.
    """
    body = _encoder.encode(frame)
    if len(body) > max_frame_bytes:
        raise ProtocolError(f"a frame of {len(body)} bytes; at most {max_frame_bytes} are sent")
    return _HEADER.pack(_MAGIC, VERSION, len(body)) + body


async def read_frame(
    reader: asyncio.StreamReader,
    decoder: msgspec.msgpack.Decoder[Frame],
    max_frame_bytes: int = MAX_FRAME_BYTES,
) -> Frame | None:
    """The next frame; None when the other end has closed between two frames.

    Raises:
        ProtocolError: what arrived is no frame, of another version, or too long.
        ConnectionResetError: the other end is gone in the middle of a frame.
    """
    try:
        header = await reader.readexactly(_HEADER.size)
    except asyncio.IncompleteReadError as error:
        if not error.partial:
            return None
        raise ConnectionResetError(f"{len(error.partial)} bytes of a header came") from None
    magic, version, size_bytes = _HEADER.unpack(header)
    if magic != _MAGIC:
        raise ProtocolError(f"a frame begins with {_MAGIC.hex()}, not with {magic.hex()}")
    if version != VERSION:
        raise ProtocolError(f"the other end speaks version {version}, this one {VERSION}")
    if size_bytes > max_frame_bytes:
        raise ProtocolError(f"a frame of {size_bytes} bytes; at most {max_frame_bytes} are read")
    try:
        return decoder.decode(await reader.readexactly(size_bytes))
    except asyncio.IncompleteReadError as error:
        raise ConnectionResetError(f"{len(error.partial)} of {size_bytes} bytes came") from None
    except msgspec.DecodeError as error:
        raise ProtocolError(f"not a frame: {error}") from None


def pack_question(question: Question) -> msgspec.Raw:
    """The question as Submit carries it."""
    return msgspec.Raw(_encoder.encode(question))


def unpack_question(packed: msgspec.Raw) -> Question:
    """The question inside a Submit.

    Raises:
        InvalidRequest: it does not fit, or one of its parameters is out of range.
    """
    try:
        return _questions.decode(packed)
    except msgspec.DecodeError as error:
        raise InvalidRequest(str(error)) from None


def to_failure(error: EngineError) -> Failure:
    """The error as data."""
    match error:
        case QueueFull():
            return Failure(error.code, error.message, retry_after_s=error.retry_after_s)
        case ModelLoadError():
            return Failure(error.code, error.message, path=error.path, reason=error.reason)
        case ScriptError(path=path, line=line, reason=reason):
            return Failure(error.code, error.message, path=path, line=line, reason=reason)
        case _:
            return Failure(error.code, error.message)


def to_error(failure: Failure) -> EngineError:
    """The same error at the other end; of an unknown code an EngineError with that code."""
    match failure.code:
        case QueueFull.default_code:
            return QueueFull(failure.retry_after_s)
        case ModelLoadError.default_code:
            return ModelLoadError(failure.path, failure.reason)
        case ScriptError.default_code:
            return ScriptError(failure.path, failure.line, failure.reason)
        case code:
            kind = _PLAIN.get(code, EngineError)
            return kind(failure.message, code=code)


_PLAIN: dict[str, type[EngineError]] = {
    kind.default_code: kind
    for kind in (InvalidConfig, InvalidRequest, EngineUnavailable, AlreadyRunning, ProtocolError)
}
