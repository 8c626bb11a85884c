"""One socket's outgoing side: a bounded queue and one writer, so that a slow reader slows nobody.

When the queue is full, frames that are not stored are dropped first: the reader notices the hole in
the offsets and asks again. When nothing can be dropped, or one frame has waited too long for the
reader, the socket is given up with 4429; what was stored is replayed when it comes back.
"""

import asyncio
import secrets
from collections import deque
from collections.abc import Awaitable, Callable, Coroutine
from dataclasses import dataclass
from uuid import UUID

from app.live.protocol import CloseCode, SocketClosed

Send = Callable[[str], Awaitable[None]]
Spawn = Callable[[Coroutine[object, object, None]], None]


@dataclass(frozen=True)
class QueueLimits:
    """How much may wait for one reader, and how long."""

    num_frames: int
    num_chars: int
    stall_timeout_s: float


@dataclass(frozen=True)
class _Waiting:
    frame: str
    is_stored: bool


class Connection:
    """A socket that has said hello."""

    def __init__(self, send: Send, spawn: Spawn, limits: QueueLimits) -> None:
        self.id = secrets.token_hex(8)
        self._send = send
        self._limits = limits
        self._queue: deque[_Waiting] = deque()
        self._queued_chars = 0
        self._has_work = asyncio.Event()
        self._has_room = asyncio.Event()
        self._has_room.set()
        self._ended: SocketClosed | None = None
        self.spawn = spawn
        """Runs something beside the socket's reader, for as long as the socket lives."""
        self.watching: set[UUID] = set()
        """The conversations this socket has joined; kept by the hub."""
        self.invited: set[UUID] = set()
        """Conversations that began while the socket was still being greeted."""
        self.is_greeted = False

    def offer(self, frame: str) -> None:
        """Queue a frame that may be lost."""
        if self._has_room_for(frame):
            self._add(_Waiting(frame, is_stored=False))

    def deliver(self, frame: str) -> None:
        """Queue a frame that must arrive; gives the socket up when there is no room for it."""
        while not self._has_room_for(frame):
            if not self._drop_one():
                self.give_up()
                return
        self._add(_Waiting(frame, is_stored=True))

    async def put(self, frame: str) -> None:
        """Queue a frame that must arrive, waiting for room (replies and replays)."""
        while not self._has_room_for(frame) and self._ended is None:
            await self._wait_for_room()
        self._add(_Waiting(frame, is_stored=True))

    async def calm(self) -> None:
        """Wait until at least half of the queue is free again."""
        limits = self._limits
        while self._ended is None and (
            len(self._queue) > limits.num_frames // 2 or self._queued_chars > limits.num_chars // 2
        ):
            await self._wait_for_room()

    def give_up(self, code: CloseCode = CloseCode.TOO_MUCH, reason: str = "slow_reader") -> None:
        """Nothing more is sent; whoever waits for room goes on at once."""
        self._ended = self._ended or SocketClosed(code, reason)
        self._has_work.set()
        self._has_room.set()

    async def write_forever(self) -> None:
        """Send what is queued, in order.

        Raises:
            SocketClosed: the reader is too slow, or was sent away.
        """
        while True:
            await self._has_work.wait()
            if self._ended is not None:
                raise self._ended
            waiting = self._queue.popleft()
            self._queued_chars -= len(waiting.frame)
            if not self._queue:
                self._has_work.clear()
            self._has_room.set()
            try:
                async with asyncio.timeout(self._limits.stall_timeout_s):
                    await self._send(waiting.frame)
            except TimeoutError:
                raise SocketClosed(CloseCode.TOO_MUCH, "stalled_reader") from None

    async def _wait_for_room(self) -> None:
        self._has_room.clear()
        await self._has_room.wait()

    def _has_room_for(self, frame: str) -> bool:
        """An empty queue takes any frame, however long."""
        limits = self._limits
        fits = self._queued_chars + len(frame) <= limits.num_chars
        return not self._queue or (len(self._queue) < limits.num_frames and fits)

    def _add(self, waiting: _Waiting) -> None:
        if self._ended is None:
            self._queue.append(waiting)
            self._queued_chars += len(waiting.frame)
            self._has_work.set()

    def _drop_one(self) -> bool:
        for waiting in self._queue:
            if not waiting.is_stored:
                self._queue.remove(waiting)
                self._queued_chars -= len(waiting.frame)
                return True
        return False
