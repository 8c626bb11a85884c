"""The engine's end of a socket, played by a test: what an engine may do that is not ours."""

import asyncio
import contextlib
from collections.abc import AsyncGenerator, Awaitable, Callable
from pathlib import Path

from inference import (
    EngineInfo,
    FinishReason,
    TokenChunk,
)
from inference.process.frames import (
    MAX_FRAME_BYTES,
    Chunks,
    ClientFrame,
    Crash,
    Heartbeat,
    Hello,
    ServerFrame,
    Submit,
    Welcome,
    client_frames,
    encode,
    read_frame,
)

INFO = EngineInfo(
    model="m", speculator=None, max_model_len=1, fingerprint="f", device="cpu", dtype="float32"
)


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
