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
Spawn = Callable[[Coroutine[object, object, None]], object]


@dataclass(frozen=True)
class QueueLimits:
    """How much may wait for one reader, and how long."""

    frames: int
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
        self._has_work = asyncio.Event()
        self._has_room = asyncio.Event()
        self._has_room.set()
        self._given_up = False
        self.spawn = spawn
        """Runs something beside the socket's reader, for as long as the socket lives."""
        self.watching: set[UUID] = set()
        """The conversations this socket has joined; kept by the hub."""
        self.invited: set[UUID] = set()
        """Conversations that began while the socket was still being greeted."""
        self.is_greeted = False

    def offer(self, frame: str) -> None:
        """Queue a frame that may be lost."""
        if len(self._queue) < self._limits.frames:
            self._add(_Waiting(frame, is_stored=False))

    def deliver(self, frame: str) -> None:
        """Queue a frame that must arrive; gives the socket up when there is no room for it."""
        if len(self._queue) >= self._limits.frames and not self._drop_one():
            self.give_up()
            return
        self._add(_Waiting(frame, is_stored=True))

    async def put(self, frame: str) -> None:
        """Queue a frame that must arrive, waiting for room (replies and replays)."""
        await self._until_below(self._limits.frames)
        self._add(_Waiting(frame, is_stored=True))

    async def calm(self) -> None:
        """Wait until at least half of the queue is free again."""
        await self._until_below(self._limits.frames // 2)

    def give_up(self) -> None:
        """Nothing more is sent; whoever waits for room goes on at once."""
        self._given_up = True
        self._has_work.set()
        self._has_room.set()

    async def write_forever(self) -> None:
        """Send what is queued, in order.

        Raises:
            SocketClosed: the reader is too slow.
        """
        while True:
            await self._has_work.wait()
            if self._given_up:
                raise SocketClosed(CloseCode.TOO_MUCH, "slow_reader")
            waiting = self._queue.popleft()
            if not self._queue:
                self._has_work.clear()
            self._has_room.set()
            try:
                async with asyncio.timeout(self._limits.stall_timeout_s):
                    await self._send(waiting.frame)
            except TimeoutError:
                raise SocketClosed(CloseCode.TOO_MUCH, "stalled_reader") from None

    async def _until_below(self, num_frames: int) -> None:
        while len(self._queue) >= num_frames and not self._given_up:
            self._has_room.clear()
            await self._has_room.wait()

    def _add(self, waiting: _Waiting) -> None:
        if not self._given_up:
            self._queue.append(waiting)
            self._has_work.set()

    def _drop_one(self) -> bool:
        for waiting in self._queue:
            if not waiting.is_stored:
                self._queue.remove(waiting)
                return True
        return False
