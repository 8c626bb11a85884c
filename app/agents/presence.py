"""Which agents are there: they have a socket here and have not said that they are away.

Kept in memory by each process and written to `agent.last_seen_at` now and then, so that every
worker knows how long ago an agent was last there; never in the transaction of a conversation.
"""

import asyncio
import logging
from collections.abc import Hashable
from uuid import UUID

from sqlalchemy import update

from app.clock import Clock
from app.database import Database
from app.errors import Unavailable
from app.models import Agent

log = logging.getLogger(__name__)


class Presence:
    """The agents of this process's sockets."""

    def __init__(self, database: Database, clock: Clock, *, every_s: float) -> None:
        self._database = database
        self._clock = clock
        self._every_s = every_s
        self._there: dict[Hashable, UUID] = {}
        self._away: set[Hashable] = set()

    def come(self, socket: Hashable, agent_id: UUID) -> None:
        """An agent has opened this socket."""
        self._there[socket] = agent_id

    def go(self, socket: Hashable) -> None:
        """The socket is closed."""
        self._there.pop(socket, None)
        self._away.discard(socket)

    def set_away(self, socket: Hashable, *, is_away: bool) -> None:
        """The agent has said so on this socket; another of theirs may still be there."""
        if is_away:
            self._away.add(socket)
        else:
            self._away.discard(socket)

    def present(self) -> set[UUID]:
        """Who is there now, as far as this process knows."""
        return {agent for socket, agent in self._there.items() if socket not in self._away}

    async def note(self) -> None:
        """Write down who is there."""
        there = self.present()
        if not there:
            return
        async with self._database.work() as work:
            seen = update(Agent).where(Agent.id.in_(there)).values(last_seen_at=self._clock())
            await work.session.execute(seen)

    async def run(self) -> None:
        """Write it down again and again until cancelled."""
        while True:
            try:
                await self.note()
            except Unavailable:
                log.warning("presence was not noted")
            await asyncio.sleep(self._every_s)
