"""The engine process's side of one client: what it has asked for and what it has not read yet.

A client that reads slowly costs bounded memory and nobody's time: while its socket is full the
chunks of each request are merged, and one that stops reading altogether is let go.
"""

import asyncio
from collections import deque

from inference.chunks import merge
from inference.frames import Chunks, Heartbeat, ServerFrame, encode
from inference.request import TokenChunk

_SOCKET_BUFFER_BYTES = 64 << 10
_CHUNKS_FRAME_BYTES = 256 << 10
_MAX_UNMERGED = 64
_MAX_REPLIES = 1024


class TooSlow(Exception):
    """The client does not read what it asked for."""


class Connection:
    """Collects frames for one client and writes them as fast as it reads."""

    def __init__(
        self,
        client_id: str,
        writer: asyncio.StreamWriter,
        *,
        max_pending_bytes: int,
        stall_timeout_s: float,
    ) -> None:
        self.client_id = client_id
        self.engine_ids: dict[str, str] = {}
        self._writer = writer
        self._max_pending_bytes = max_pending_bytes
        self._stall_timeout_s = stall_timeout_s
        self._replies: deque[ServerFrame] = deque()
        self._heartbeat: Heartbeat | None = None
        self._chunks: dict[str, list[TokenChunk]] = {}
        self._pending_bytes = 0
        self._has_news = asyncio.Event()
        self._is_too_slow = False
        writer.transport.set_write_buffer_limits(high=_SOCKET_BUFFER_BYTES)

    def reply(self, frame: ServerFrame) -> None:
        """Send a frame that answers one of the client's."""
        self._replies.append(frame)
        self._is_too_slow |= len(self._replies) > _MAX_REPLIES
        self._has_news.set()

    def beat(self, heartbeat: Heartbeat) -> None:
        """Send a sign of life; only the newest is kept."""
        self._heartbeat = heartbeat
        self._has_news.set()

    def push(self, chunk: TokenChunk) -> None:
        """Send a chunk; its `request_id` is the client's own."""
        pending = self._chunks.setdefault(chunk.request_id, [])
        pending.append(chunk)
        self._pending_bytes += _size_bytes(chunk)
        if len(pending) == _MAX_UNMERGED:
            self._pending_bytes -= sum(map(_size_bytes, pending))
            pending[:] = merge(pending)
            self._pending_bytes += sum(map(_size_bytes, pending))
        self._is_too_slow |= self._pending_bytes > self._max_pending_bytes
        self._has_news.set()

    def drop(self, request_id: str) -> None:
        """Forget what is pending of a request that its client has given up."""
        for chunk in self._chunks.pop(request_id, ()):
            self._pending_bytes -= _size_bytes(chunk)

    def write_raw(self, data: bytes) -> None:
        """Put bytes on the socket that are no frame (a scripted engine's `garbage`)."""
        self._writer.write(data)

    async def write_forever(self) -> None:
        """Write whatever there is until cancelled.

        Raises:
            TooSlow: the client has stopped reading, or reads far slower than it asks.
            OSError: it is gone.
        """
        while True:
            await self._has_news.wait()
            self._has_news.clear()
            while (frame := self._take()) is not None:
                if self._is_too_slow:
                    raise TooSlow(f"{self._pending_bytes} bytes and more are waiting")
                self._writer.write(encode(frame))
                try:
                    async with asyncio.timeout(self._stall_timeout_s):
                        await self._writer.drain()
                except TimeoutError:
                    raise TooSlow(f"nothing was read for {self._stall_timeout_s:g} s") from None

    def _take(self) -> ServerFrame | None:
        """The next frame: replies first, then the sign of life, then as many chunks as fit."""
        if self._replies:
            return self._replies.popleft()
        if self._heartbeat is not None:
            heartbeat, self._heartbeat = self._heartbeat, None
            return heartbeat
        chunks: list[TokenChunk] = []
        size_bytes = 0
        while self._chunks and size_bytes < _CHUNKS_FRAME_BYTES:
            request_id = next(iter(self._chunks))
            taken = self._chunks.pop(request_id)
            size_bytes += sum(_size_bytes(chunk) for chunk in taken)
            chunks.extend(merge(taken))
        self._pending_bytes -= size_bytes
        return Chunks(tuple(chunks)) if chunks else None


def _size_bytes(chunk: TokenChunk) -> int:
    """About what the chunk takes in a frame."""
    logprobs = sum(24 + 16 * len(one.top) for one in chunk.logprobs)
    return 192 + 4 * len(chunk.text) + 5 * len(chunk.token_ids) + logprobs
