"""An engine process on a leash, and a client that says exactly what a test tells it to."""

import asyncio
import contextlib
import socket
import sys
from collections.abc import AsyncGenerator
from dataclasses import dataclass
from pathlib import Path

import psutil  # type: ignore[import-untyped]  # It ships no types.

from inference.process.frames import (
    AskStats,
    Chunks,
    ClientFrame,
    Goodbye,
    Heartbeat,
    Hello,
    Question,
    Ready,
    ServerFrame,
    Stats,
    Submit,
    Welcome,
    encode,
    pack_question,
    read_frame,
    server_frames,
    start_frames,
)
from inference.request import SamplingParams, TokenChunk


class Talk:
    """A client that says exactly what a test tells it to."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.reader = reader
        self.writer = writer

    def say(self, *frames: ClientFrame) -> None:
        for frame in frames:
            self.writer.write(encode(frame))

    def ask(self, request_id: str, prompt: str, params: SamplingParams | None = None) -> None:
        question = Question(name=request_id, text=prompt, params=params or SamplingParams())
        self.say(Submit(request_id, pack_question(question)))

    async def hear(self) -> ServerFrame | None:
        """The next frame but heartbeats; None at the end of the connection."""
        while True:
            frame = await read_frame(self.reader, server_frames)
            if not isinstance(frame, Heartbeat):
                return frame

    async def chunks_until_the_end(self, *request_ids: str) -> dict[str, list[TokenChunk]]:
        heard: dict[str, list[TokenChunk]] = {one: [] for one in request_ids}
        waiting = set(request_ids)
        while waiting:
            frame = await self.hear()
            assert isinstance(frame, Chunks), frame
            for chunk in frame.chunks:
                heard[chunk.request_id].append(chunk)
                if chunk.finish_reason is not None:
                    waiting.remove(chunk.request_id)
        return heard

    async def num_running(self) -> float:
        self.say(AskStats(1))
        while not isinstance(frame := await self.hear(), Stats):
            assert frame is not None
        values = frame.snapshot.values
        return values["num_running"] + values["num_waiting"]


@dataclass
class Process:
    """An engine process on a leash that the test holds."""

    socket_path: Path
    log_path: Path
    child: asyncio.subprocess.Process
    leash: asyncio.StreamReader
    start: Ready | Goodbye | None = None

    @property
    def pid(self) -> int:
        return self.child.pid

    @property
    def rss_bytes(self) -> int:
        return int(psutil.Process(self.pid).memory_info().rss)

    @contextlib.asynccontextmanager
    async def talk(self, client_id: str = "test") -> AsyncGenerator[Talk]:
        async with self.raw() as talk:
            talk.say(Hello(client_id))
            assert isinstance(await talk.hear(), Welcome)
            yield talk

    @contextlib.asynccontextmanager
    async def raw(self) -> AsyncGenerator[Talk]:
        reader, writer = await asyncio.open_unix_connection(self.socket_path)
        try:
            yield Talk(reader, writer)
        finally:
            writer.close()


@contextlib.asynccontextmanager
async def process(folder: Path, *options: str) -> AsyncGenerator[Process]:
    """A process that has told how its start went."""
    ours, theirs = socket.socketpair()
    path = folder / "engine.sock"
    with theirs, (folder / "log").open("a") as log:
        child = await asyncio.create_subprocess_exec(
            *(sys.executable, "-m", "inference.server", "--supervised", f"--socket={path}"),
            *options,
            stdin=theirs.fileno(),
            stderr=log,
        )
    reader, writer = await asyncio.open_connection(sock=ours)
    try:
        start = await read_frame(reader, start_frames)
        yield Process(path, folder / "log", child, reader, start)
    finally:
        writer.close()
        await child.wait()
