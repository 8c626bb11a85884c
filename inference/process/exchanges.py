"""Frames that the engine answers with one frame of the same number."""

import asyncio
from collections.abc import Callable

from inference.errors import EngineError, EngineUnavailable
from inference.process.frames import AskStats, Learn, Learned, Stats


class Exchanges:
    """What was asked and is not answered yet."""

    def __init__(self) -> None:
        self._asked: dict[int, asyncio.Future[Stats | Learned]] = {}

    async def ask(
        self, frame: AskStats | Learn, send: Callable[[AskStats | Learn], None], timeout_s: float
    ) -> Stats | Learned:
        """Send a frame and wait for its answer.

        Raises:
            EngineUnavailable: none has come in time, or none will.
        """
        self._asked[frame.number] = asyncio.get_running_loop().create_future()
        send(frame)
        try:
            async with asyncio.timeout(timeout_s):
                return await self._asked[frame.number]
        except TimeoutError:
            raise EngineUnavailable(f"the engine has been silent for {timeout_s:g} s") from None
        finally:
            del self._asked[frame.number]

    def settle(self, answer: Stats | Learned) -> None:
        """Hand an answer to who waits for it, if anybody still does."""
        asked = self._asked.get(answer.number)
        if asked is not None and not asked.done():
            asked.set_result(answer)

    def fail(self, error: EngineError) -> None:
        """Let nobody wait for an answer that will not come."""
        for asked in self._asked.values():
            if not asked.done():
                asked.set_exception(error)
