"""One engine, one Unix socket, any number of clients.

The event loop moves frames and never computes; the engine steps in a thread of its own and never
waits for a client. A request belongs to its connection: when that closes, the request is aborted,
and a client that comes back submits it again with the tokens it already has.
"""

import asyncio
import itertools
import logging
import socket
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass

import msgspec

from inference.errors import (
    EngineError,
    EngineUnavailable,
    InvalidRequest,
    ProtocolError,
    QueueFull,
)
from inference.metrics import MetricsSnapshot
from inference.process.admission import Admission, Ticket
from inference.process.connection import Connection
from inference.process.engine_thread import EngineThread, SteppingEngine
from inference.process.flight_recorder import FlightRecorder
from inference.process.frames import (
    MAX_FRAME_BYTES,
    Abort,
    AskStats,
    ClientFrame,
    Goodbye,
    Heartbeat,
    Hello,
    InFlight,
    Learn,
    Learned,
    Refused,
    Stats,
    Submit,
    Welcome,
    client_frames,
    encode,
    read_frame,
    to_failure,
    unpack_question,
)
from inference.request import EngineInfo, TokenChunk
from inference.seeds import seed_for

logger = logging.getLogger(__name__)

RETRY_AFTER_S = 1.0
_GARBAGE = b"\x00garbage from a scripted engine\xff" * 4


@dataclass(frozen=True, kw_only=True)
class ServerSettings:
    """Limits and time-outs of the engine process; each is an option of its command line."""

    heartbeat_s: float = 1.0
    handshake_timeout_s: float = 5.0
    stall_timeout_s: float = 30.0
    stop_grace_s: float = 5.0
    lock_timeout_s: float = 5.0
    max_frame_bytes: int = MAX_FRAME_BYTES
    max_pending_bytes: int = 4 << 20
    max_requests: int = 1024
    max_connections: int = 128


Garble = Callable[[str], None]
"""Spoils the connection of the request with this id; what a scripted engine's `garbage` calls."""


class SocketServer:
    """Carries requests to an engine and its chunks back."""

    def __init__(
        self,
        build: Callable[[Garble], SteppingEngine],
        engine_seed: int,
        recorder: FlightRecorder,
        settings: ServerSettings,
    ) -> None:
        self._settings = settings
        self._engine_seed = engine_seed
        self._recorder = recorder
        self._engine = EngineThread(
            lambda: build(self._garble_soon),
            Admission(recorder, settings.max_requests),
            self._deliver,
            self._refuse,
        )
        self._loop = asyncio.get_running_loop()
        self._info: EngineInfo | None = None
        self._talks: set[asyncio.Task[None]] = set()
        self._lessons: set[asyncio.Task[None]] = set()
        self._connections: set[Connection] = set()
        self._owners: dict[str, tuple[Connection, str]] = {}
        self._numbers = itertools.count(1)
        self._refusals: Counter[str] = Counter()

    async def load(self) -> None:
        """Build the engine.

        Raises:
            EngineError: it cannot be built.
        """
        self._info = await self._engine.start()

    async def serve(self, listener: socket.socket, stop: asyncio.Event) -> None:
        """Answer clients until `stop` is set, then let them go."""
        server = await asyncio.start_unix_server(self._talk, sock=listener)
        beating = asyncio.create_task(self._beat_forever())
        try:
            await stop.wait()
        finally:
            server.close()
            tasks = [beating, *self._talks, *self._lessons]
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)

    async def close(self) -> bool:
        """End the engine; False when its present step does not end in time."""
        is_closed = await self._engine.stop(self._settings.stop_grace_s)
        if is_closed:
            self._recorder.clear()
        return is_closed

    async def _talk(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None, "asyncio runs every handler as a task"
        self._talks.add(task)
        try:
            await self._serve_client(reader, writer)
        except ProtocolError as error:
            logger.warning("a client broke the protocol", extra={"reason": error.message})
            writer.write(encode(Goodbye(to_failure(error))))
        except EngineUnavailable as error:
            writer.write(encode(Goodbye(to_failure(error))))
        except (OSError, TimeoutError):
            logger.info("a client went away")
        except asyncio.CancelledError:
            pass  # The server stops; this task is its own, and its end is awaited there.
        except Exception:
            logger.exception("a connection failed")
        finally:
            self._talks.discard(task)
            writer.close()

    async def _serve_client(
        self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter
    ) -> None:
        connection = await self._shake_hands(reader, writer)
        if connection is None:
            return
        reading = asyncio.create_task(self._read_forever(connection, reader))
        writing = asyncio.create_task(connection.write_forever())
        try:
            done, _ = await asyncio.wait({reading, writing}, return_when=asyncio.FIRST_COMPLETED)
            for task in done:
                task.result()
        finally:
            self._release(connection)
            for task in (reading, writing):
                task.cancel()
            await asyncio.gather(reading, writing, return_exceptions=True)

    async def _shake_hands(
        self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter
    ) -> Connection | None:
        settings = self._settings
        async with asyncio.timeout(settings.handshake_timeout_s):
            hello = await read_frame(reader, client_frames, settings.max_frame_bytes)
        if hello is None:
            return None
        if not isinstance(hello, Hello):
            raise ProtocolError("the first frame of a client is hello")
        if len(self._connections) >= settings.max_connections:
            raise EngineUnavailable(f"{settings.max_connections} clients are connected already")
        connection = Connection(
            hello.client_id,
            writer,
            max_pending_bytes=settings.max_pending_bytes,
            stall_timeout_s=settings.stall_timeout_s,
        )
        assert self._info is not None, "the socket opens after the engine is built"
        connection.reply(
            Welcome(
                self._recorder.incarnation,
                self._info,
                settings.heartbeat_s,
                settings.max_frame_bytes,
                self._recorder.crash,
            )
        )
        self._connections.add(connection)
        return connection

    async def _read_forever(self, connection: Connection, reader: asyncio.StreamReader) -> None:
        limit = self._settings.max_frame_bytes
        while (frame := await read_frame(reader, client_frames, limit)) is not None:
            await self._obey(connection, frame)

    async def _obey(self, connection: Connection, frame: ClientFrame) -> None:
        match frame:
            case Submit():
                self._submit(connection, frame)
            case Abort(request_id):
                self._abort(connection, request_id)
            case AskStats(number):
                connection.reply(Stats(number, await self._snapshot()))
            case Learn():
                self._teach(connection, frame)
            case Hello():
                raise ProtocolError("hello is said once")

    def _teach(self, connection: Connection, frame: Learn) -> None:
        """Let the engine learn while frames are read on."""

        async def learn() -> None:
            failure = None
            try:
                await self._engine.learn(frame.documents, frame.salt, frame.forgotten)
            except EngineError as error:
                failure = to_failure(error)
            except Exception as error:
                logger.exception("documents could not be learned")
                failure = to_failure(EngineError(f"{type(error).__name__} while it learned"))
            connection.reply(Learned(frame.number, failure))

        task = asyncio.create_task(learn())
        self._lessons.add(task)
        task.add_done_callback(self._lessons.discard)

    def _submit(self, connection: Connection, frame: Submit) -> None:
        request_id = frame.request_id
        if request_id in connection.engine_ids:
            raise ProtocolError(f"request {request_id!r} is submitted twice")
        try:
            if len(connection.engine_ids) >= self._settings.max_requests:
                raise QueueFull(RETRY_AFTER_S)
            question = unpack_question(frame.question)
        except (InvalidRequest, QueueFull) as error:
            self._reply_refused(connection, request_id, error)
            return
        if question.params.seed is None:
            params = msgspec.structs.replace(
                question.params, seed=seed_for(self._engine_seed, question.name)
            )
            question = msgspec.structs.replace(question, params=params)
        arrival = next(self._numbers)
        engine_id = f"{arrival}/{request_id}"
        origin = InFlight(connection.client_id, request_id, frame.strikes)
        connection.engine_ids[request_id] = engine_id
        self._owners[engine_id] = (connection, request_id)
        self._engine.submit(Ticket(engine_id, arrival, origin, question, frame.is_again))

    def _abort(self, connection: Connection, request_id: str) -> None:
        engine_id = connection.engine_ids.pop(request_id, None)
        connection.drop(request_id)
        if engine_id is not None:
            del self._owners[engine_id]
            self._engine.abort(engine_id)

    def _release(self, connection: Connection) -> None:
        """A connection is over, and all it asked for with it."""
        self._connections.discard(connection)
        for request_id in list(connection.engine_ids):
            self._abort(connection, request_id)

    def _deliver(self, chunks: list[TokenChunk]) -> None:
        connections = set()
        for chunk in chunks:
            owner = self._owners.get(chunk.request_id)
            if owner is None:
                continue  # Aborted while the chunk was under way.
            connection, request_id = owner
            if chunk.finish_reason is not None:
                del self._owners[chunk.request_id]
                del connection.engine_ids[request_id]
            connection.push(msgspec.structs.replace(chunk, request_id=request_id))
            connections.add(connection)
        for connection in connections:
            connection.flush()

    def _refuse(self, engine_id: str, error: EngineError) -> None:
        owner = self._owners.pop(engine_id, None)
        if owner is not None:
            connection, request_id = owner
            del connection.engine_ids[request_id]
            self._reply_refused(connection, request_id, error)

    def _reply_refused(self, connection: Connection, request_id: str, error: EngineError) -> None:
        self._refusals[error.code] += 1
        connection.reply(Refused(request_id, to_failure(error)))

    async def _snapshot(self) -> MetricsSnapshot:
        """The engine's figures, and at the door `refused.CODE`."""
        snapshot = await self._engine.metrics()
        snapshot.values.update({f"refused.{code}": n for code, n in self._refusals.items()})
        return snapshot

    async def _beat_forever(self) -> None:
        while True:
            heartbeat = Heartbeat(self._engine.num_steps, self._engine.step_age_s)
            for connection in self._connections:
                connection.beat(heartbeat)
            await asyncio.sleep(self._settings.heartbeat_s)

    def _garble_soon(self, engine_id: str) -> None:
        """Called in the engine's thread."""
        self._loop.call_soon_threadsafe(self._garble, engine_id)

    def _garble(self, engine_id: str) -> None:
        owner = self._owners.get(engine_id)
        if owner is not None:
            owner[0].write_raw(_GARBAGE)
