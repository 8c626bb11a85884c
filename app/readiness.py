"""What must hold before this process is given work; the database is asked once a second."""

import time
from collections.abc import Awaitable, Callable

from app.engines import Engine
from app.errors import Unavailable

_DATABASE_CHECK_LASTS_S = 1.0


class Readiness:
    """The checks behind /readyz."""

    def __init__(self, ping_database: Callable[[], Awaitable[None]]) -> None:
        self.is_draining = False
        self._ping_database = ping_database
        self._engine: Engine | None = None
        self._is_database_ready = False
        self._checked_at_s = float("-inf")

    def watch_engine(self, engine: Engine) -> None:
        """From now on the engine's progress counts."""
        self._engine = engine

    async def checks(self) -> dict[str, bool]:
        """Each check by name; ready when all hold."""
        if time.monotonic() - self._checked_at_s > _DATABASE_CHECK_LASTS_S:
            try:
                await self._ping_database()
                self._is_database_ready = True
            except Unavailable:
                self._is_database_ready = False
            self._checked_at_s = time.monotonic()
        return {
            "database": self._is_database_ready,
            "engine": self._engine is not None and self._engine.client.is_ready,
            "accepting": not self.is_draining,
        }
