"""The engine process's side of one client: what it has asked for and what it has not read yet.

A client that reads slowly costs bounded memory and nobody's time: while its socket is full the
chunks of each request are merged, and one that stops reading altogether is let go.
"""

import asyncio
import logging
from collections import deque

from inference.process.chunks import merge
from inference.process.frames import Chunks, Heartbeat, ServerFrame, encode
from inference.request import TokenChunk

logger = logging.getLogger(__name__)

_CHUNKS_FRAME_BYTES = 256 << 10
_MAX_UNMERGED = 64
_MAX_REPLIES = 1024


class Connection:
    """Collects frames for one client and writes them as fast as it reads.

    While the socket takes everything, each `flush` writes at once; only when it does not is there
    anything for `write_forever` to wait for.
    """

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
        self._is_full = asyncio.Event()
        writer.transport.set_write_buffer_limits(high=0)

    def reply(self, frame: ServerFrame) -> None:
        """Send a frame that answers one of the client's."""
        self._replies.append(frame)
        if len(self._replies) > _MAX_REPLIES:
            self._let_go(f"{len(self._replies)} replies are waiting")
        self.flush()

    def beat(self, heartbeat: Heartbeat) -> None:
        """Send a sign of life; only the newest is kept."""
        self._heartbeat = heartbeat
        self.flush()

    def push(self, chunk: TokenChunk) -> None:
        """Send a chunk with the next `flush`; its `request_id` is the client's own."""
        pending = self._chunks.setdefault(chunk.request_id, [])
        pending.append(chunk)
        self._pending_bytes += _size_bytes(chunk)
        if len(pending) == _MAX_UNMERGED:
            self._pending_bytes -= sum(map(_size_bytes, pending))
            pending[:] = merge(pending)
            self._pending_bytes += sum(map(_size_bytes, pending))
        if self._pending_bytes > self._max_pending_bytes:
            self._let_go(f"{self._pending_bytes} bytes are waiting")

    def drop(self, request_id: str) -> None:
        """Forget what is pending of a request that its client has given up."""
        for chunk in self._chunks.pop(request_id, ()):
            self._pending_bytes -= _size_bytes(chunk)

    def flush(self) -> None:
        """Write what the socket takes without waiting."""
        transport = self._writer.transport
        if transport.is_closing():
            return
        while not transport.get_write_buffer_size() and (frame := self._take()) is not None:
            self._writer.write(encode(frame))
        if transport.get_write_buffer_size():
            self._is_full.set()

    def write_raw(self, data: bytes) -> None:
        """Put bytes on the socket that are no frame (a scripted engine's `garbage`)."""
        self._writer.write(data)

    async def write_forever(self) -> None:
        """Go on writing whenever a full socket has room again; return when the client is let go.

        Raises:
            OSError: the client is gone.
        """
        while True:
            await self._is_full.wait()
            self._is_full.clear()
            try:
                async with asyncio.timeout(self._stall_timeout_s):
                    await self._writer.drain()
            except TimeoutError:
                self._let_go(f"nothing was read for {self._stall_timeout_s:g} s")
                return
            self.flush()

    def _let_go(self, reason: str) -> None:
        """End the connection: the reading side sees its end and cleans up."""
        if not self._writer.transport.is_closing():
            logger.warning("a client reads too slowly", extra={"reason": reason})
            self._writer.transport.abort()
        self._chunks.clear()
        self._replies.clear()
        self._pending_bytes = 0

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
            size_bytes += sum(map(_size_bytes, taken))
            chunks.extend(merge(taken))
        self._pending_bytes -= size_bytes
        return Chunks(tuple(chunks)) if chunks else None


def _size_bytes(chunk: TokenChunk) -> int:
    """About what the chunk takes in a frame."""
    logprobs = sum(40 + 32 * len(one.top) for one in chunk.logprobs)
    return 192 + 4 * len(chunk.text) + 5 * len(chunk.token_ids) + logprobs
