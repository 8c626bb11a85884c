"""EngineClient: an engine in another process, whose death its callers do not notice.

Every request is journaled with the tokens that came. When the engine process is gone, the client
connects to the next one and submits the requests again behind their last token; as the engine draws
by position, the text goes on as if nothing had happened. A request that keeps killing the engine is
failed alone, with the code "poisoned".
"""

import asyncio
import itertools
import logging
import time
import uuid
from collections.abc import AsyncGenerator, Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Self

from inference.document import Document
from inference.errors import EngineError, EngineUnavailable, InvalidRequest, ProtocolError
from inference.metrics import MetricsSnapshot, Numbers
from inference.process.exchanges import Exchanges
from inference.process.frames import (
    MAX_FRAME_BYTES,
    Abort,
    AskStats,
    Chunks,
    ClientFrame,
    Goodbye,
    Heartbeat,
    Hello,
    Learn,
    Learned,
    Refused,
    ServerFrame,
    Stats,
    Welcome,
    encode,
    read_frame,
    server_frames,
    to_error,
)
from inference.process.journal import Entry
from inference.process.lessons import lessons
from inference.request import EngineInfo, FinishReason, Prompt, SamplingParams, TokenChunk

logger = logging.getLogger(__name__)

POISONED = "poisoned"


@dataclass(frozen=True, kw_only=True)
class ClientSettings:
    """Time-outs and limits of a client.

    `hang_timeout_s`: an engine whose step lasts longer, or that is silent for longer, is not ready.
    `unavailable_after_s`: requests wait that long for an engine to come (back) before they fail.
    """

    connect_timeout_s: float = 5.0
    reconnect_s: float = 0.02
    reconnect_max_s: float = 0.1
    hang_timeout_s: float = 10.0
    unavailable_after_s: float = 60.0
    stats_timeout_s: float = 5.0
    learn_timeout_s: float = 60.0
    max_frame_bytes: int = MAX_FRAME_BYTES


class EngineClient:
    """One connection to the engine process, shared by all requests of this process.

    `on_garbage` is called when the engine writes what is no frame, before the connection is given
    up: such a process should be killed by whoever can.
    """

    def __init__(
        self,
        socket_path: Path,
        settings: ClientSettings | None = None,
        *,
        on_garbage: Callable[[], None] | None = None,
    ) -> None:
        self._path = socket_path
        self._settings = settings or ClientSettings()
        self._on_garbage = on_garbage
        self._id = uuid.uuid4().hex
        self._numbers = itertools.count(1)
        self._entries: dict[str, Entry] = {}
        self._exchanges = Exchanges()
        self._writer: asyncio.StreamWriter | None = None
        self._welcome: Welcome | None = None
        self._task: asyncio.Task[None] | None = None
        self._failure: EngineError | None = None
        self._last_heard = time.monotonic()
        self._step_age_s = 0.0
        self._connected = asyncio.Event()
        self._next_welcome = asyncio.Event()

    async def start(self) -> None:
        """Begin to connect; returns at once."""
        assert self._task is None, "a client is started once"
        self._last_heard = time.monotonic()
        self._task = asyncio.create_task(self._run(), name="engine-client")

    async def close(self) -> None:
        """Disconnect; unfinished streams raise EngineUnavailable."""
        self.fail(EngineUnavailable("the engine client is closed"))
        if self._task is not None:
            self._task.cancel()
            await asyncio.gather(self._task, return_exceptions=True)

    async def __aenter__(self) -> Self:
        await self.start()
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.close()

    @property
    def is_ready(self) -> bool:
        """Whether the engine is connected, alive, and making progress when it has work."""
        return self._writer is not None and self.stalled_s < self._settings.hang_timeout_s

    @property
    def stalled_s(self) -> float:
        """For how long there has been no sign of progress: silence, or one long step."""
        return max(time.monotonic() - self._last_heard, self._step_age_s)

    async def connected(self) -> None:
        """Wait until an engine answers."""
        await self._connected.wait()

    async def stream(
        self,
        prompt: Prompt,
        params: SamplingParams | None = None,
        *,
        salt: bytes = b"",
        request_id: str | None = None,
        resume_token_ids: Sequence[int] = (),
    ) -> AsyncGenerator[TokenChunk]:
        """Answer one prompt chunk by chunk; use under `contextlib.aclosing`, closing aborts.

        The last chunk has a finish reason. `resume_token_ids` go on with an answer that somebody
        else has begun; nothing of them is repeated. A consumer that falls behind gets fewer, longer
        chunks.

        Raises:
            InvalidRequest: the request is wrong, or its id is in use.
            QueueFull: too many requests wait.
            EngineUnavailable: no engine has come back in time, or ever will.
            EngineError: code "poisoned": the request has killed the engine repeatedly.
        """
        entry = self._open(prompt, params or SamplingParams(), salt, request_id, resume_token_ids)
        try:
            finish_reason = None
            while finish_reason is None:
                chunk = await entry.next_chunk()
                finish_reason = chunk.finish_reason
                yield chunk
        finally:
            self._forget(entry)

    async def abort(self, request_id: str) -> None:
        """End a stream; its consumer gets a last chunk with the reason "abort"."""
        for entry in list(self._entries.values()):
            if entry.name == request_id:
                self._forget(entry)
                entry.take_in(TokenChunk(request_id=request_id, finish_reason=FinishReason.ABORT))

    async def stats(self) -> Numbers:
        """The engine's counters; raises as `metrics` does."""
        return (await self.metrics()).values

    async def metrics(self) -> MetricsSnapshot:
        """The engine's counters and distributions.

        Raises:
            EngineUnavailable: it does not answer.
        """
        reply = await self._ask(AskStats(next(self._numbers)), self._settings.stats_timeout_s)
        assert isinstance(reply, Stats), f"counters were asked for, not {type(reply).__name__}"
        return reply.snapshot

    async def learn(
        self, documents: Sequence[Document], *, salt: bytes, forgotten: Sequence[str] = ()
    ) -> None:
        """Let answers of this salt be drafted from these texts, in this life of the engine.

        What stands under the `forgotten` keys is forgotten.

        Raises:
            InvalidRequest: a document is larger than a frame, or does not fit the vocabulary.
            EngineUnavailable: the engine does not answer.
        """
        settings = self._settings
        for lesson in lessons(documents, salt, forgotten, self._numbers, settings.max_frame_bytes):
            reply = await self._ask(lesson, settings.learn_timeout_s)
            if isinstance(reply, Learned) and reply.failure is not None:
                raise to_error(reply.failure)

    async def incarnation_after(self, incarnation: str | None) -> str:
        """Wait for an engine other than this one, which knows nothing that it had learned."""
        while (welcome := self._welcome) is None or welcome.incarnation == incarnation:
            await self._next_welcome.wait()
        return welcome.incarnation

    async def info(self) -> EngineInfo:
        """What the engine runs, or ran when it was last connected.

        Raises:
            EngineUnavailable: it has never been connected.
        """
        if self._welcome is None:
            raise EngineUnavailable("the engine is not connected")
        return self._welcome.info

    def fail(self, error: EngineError) -> None:
        """End all streams, and every later one, with this error: there will be no engine."""
        self._failure = error
        self._fail_all(error)

    def _open(
        self,
        prompt: Prompt,
        params: SamplingParams,
        salt: bytes,
        request_id: str | None,
        resume_token_ids: Sequence[int],
    ) -> Entry:
        assert self._task is not None, "the client is not started"
        if self._failure is not None:
            raise self._failure
        if self.stalled_s > self._settings.unavailable_after_s:
            raise EngineUnavailable("the engine has not answered for too long")
        name = request_id or uuid.uuid4().hex
        if any(entry.name == name for entry in self._entries.values()):
            raise InvalidRequest(f"request_id: {name!r} is already running")
        wire_id = f"{name}#{next(self._numbers)}"
        entry = Entry(wire_id, name, prompt, params, salt, resume_token_ids)
        submission = self._submission(entry)
        self._entries[wire_id] = entry
        self._submit(entry, submission)
        return entry

    async def _ask(self, frame: AskStats | Learn, timeout_s: float) -> Stats | Learned:
        if self._writer is None:
            raise EngineUnavailable("the engine is not connected")
        return await self._exchanges.ask(frame, self._send, timeout_s)

    def _submission(self, entry: Entry) -> bytes:
        limit = self._settings.max_frame_bytes
        if self._welcome is not None:
            limit = min(limit, self._welcome.max_frame_bytes)
        try:
            return encode(entry.submission(), limit)
        except ProtocolError as error:
            raise InvalidRequest(f"prompt: too long, {error.message}") from None

    def _submit(self, entry: Entry, submission: bytes) -> None:
        if self._writer is not None and self._welcome is not None:
            self._writer.write(submission)
            entry.sent_to(self._welcome.incarnation)

    def _forget(self, entry: Entry) -> None:
        """The consumer is done with it; if the engine is not, tell it."""
        if self._entries.pop(entry.wire_id, None) is not None:
            self._send(Abort(entry.wire_id))

    def _send(self, frame: ClientFrame) -> None:
        if self._writer is not None:
            self._writer.write(encode(frame))

    def _fail_all(self, error: EngineError) -> None:
        for entry in self._entries.values():
            entry.fail(error)
        self._entries.clear()

    async def _run(self) -> None:
        """Connect and listen, again and again."""
        pause_s = self._settings.reconnect_s
        while True:
            try:
                await self._converse()
            except EngineError as error:
                logger.warning("a connection is given up", extra={"reason": error.message})
            except (OSError, TimeoutError):
                logger.debug("no engine", exc_info=True)
            except Exception:  # The edge of the task: without it, every stream would wait for ever.
                logger.exception("a connection failed")
            if self._connected.is_set():
                self._connected.clear()
                self._step_age_s = 0.0
                pause_s = self._settings.reconnect_s
            if self.stalled_s > self._settings.unavailable_after_s:
                self._fail_all(EngineUnavailable("no engine has come back in time"))
            await asyncio.sleep(pause_s)
            pause_s = min(pause_s * 1.5, self._settings.reconnect_max_s)

    async def _converse(self) -> None:
        """One connection from its first frame to its last."""
        settings = self._settings
        async with asyncio.timeout(settings.connect_timeout_s):
            reader, writer = await asyncio.open_unix_connection(self._path)
        try:
            writer.write(encode(Hello(self._id)))
            async with asyncio.timeout(settings.connect_timeout_s):
                welcome = await self._read(reader)
            if not isinstance(welcome, Welcome):
                raise ProtocolError("the first frame of an engine is welcome")
            self._begin(welcome, writer)
            while True:
                self._take_in(await self._read(reader))
        except ProtocolError:
            if self._writer is not None:
                self._distrust()
            raise
        finally:
            self._writer = None
            self._exchanges.fail(EngineUnavailable("the engine is gone"))
            writer.close()

    async def _read(self, reader: asyncio.StreamReader) -> ServerFrame:
        frame = await read_frame(reader, server_frames, self._settings.max_frame_bytes)
        if frame is None:
            raise ConnectionResetError("the engine has closed the connection")
        if isinstance(frame, Goodbye):
            raise to_error(frame.failure)
        self._last_heard = time.monotonic()
        return frame

    def _begin(self, welcome: Welcome, writer: asyncio.StreamWriter) -> None:
        """Blame the guilty for what happened to the last engine; the others go on."""
        self._welcome, self._writer = welcome, writer
        crash = welcome.crash
        for entry in list(self._entries.values()):
            if crash is not None and entry.is_guilty_of(crash, self._id):
                self._fail(entry, _poisoned(entry))
        for entry in sorted(self._entries.values(), key=lambda one: -one.strikes):
            try:
                self._submit(entry, self._submission(entry))
            except InvalidRequest as error:
                self._fail(entry, error)
        self._connected.set()
        self._next_welcome.set()
        self._next_welcome = asyncio.Event()

    def _take_in(self, frame: ServerFrame) -> None:
        match frame:
            case Chunks(chunks):
                for chunk in chunks:
                    self._take_in_chunk(chunk)
            case Refused(request_id, failure):
                refused = self._entries.get(request_id)
                if refused is not None:
                    self._fail(refused, to_error(failure))
            case Heartbeat():
                self._step_age_s = frame.step_age_s
                if self.stalled_s > self._settings.unavailable_after_s:
                    self._fail_all(EngineUnavailable("the engine hangs"))
            case Stats() | Learned():
                self._exchanges.settle(frame)
            case Welcome() | Goodbye():
                raise ProtocolError(f"{type(frame).__name__} in the middle of a connection")

    def _take_in_chunk(self, chunk: TokenChunk) -> None:
        entry = self._entries.get(chunk.request_id)
        if entry is None:
            return  # Aborted while the chunk was under way.
        if chunk.finish_reason is not None:
            del self._entries[entry.wire_id]
        entry.take_in(chunk)

    def _fail(self, entry: Entry, error: EngineError) -> None:
        del self._entries[entry.wire_id]
        entry.fail(error)

    def _distrust(self) -> None:
        """Garbage came. A killed engine leaves a record of who was inside; if nobody can kill it,
        whoever was submitted gets a strike here.
        """
        if self._on_garbage is not None:
            self._on_garbage()
            return
        inside = [entry for entry in self._entries.values() if entry.incarnation is not None]
        strikes = {entry.wire_id: entry.strikes for entry in inside}
        for entry in inside:
            company = [count for wire_id, count in strikes.items() if wire_id != entry.wire_id]
            if entry.strike(company):
                self._fail(entry, _poisoned(entry))


def _poisoned(entry: Entry) -> EngineError:
    return EngineError(
        f"the engine has died {entry.strikes} times in a row on request {entry.name!r}",
        code=POISONED,
    )
