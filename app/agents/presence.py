"""Which agents are there: they have a socket here and have not said that they are away.

Kept in memory by each process and written to `agent.last_seen_at` now and then, so that every
worker knows how long ago an agent was last there; never in the transaction of a conversation. Being
away is stored (`agent.away_since`): it holds for all of an agent's pages and until they come back.
"""

from collections.abc import Hashable
from uuid import UUID

from sqlalchemy import select, update

from app.clock import Clock
from app.database import Database
from app.models import Agent


class Presence:
    """The agents of this process's sockets."""

    def __init__(self, database: Database, clock: Clock) -> None:
        self._database = database
        self._clock = clock
        self._there: dict[Hashable, UUID] = {}
        self._away: set[UUID] = set()

    async def come(self, socket: Hashable, agent_id: UUID) -> bool:
        """An agent has opened this socket; returns whether they are away all the same."""
        self._there[socket] = agent_id
        async with self._database.snapshot() as session:
            query = select(Agent.away_since).where(Agent.id == agent_id)
            is_away = (await session.execute(query)).scalar_one() is not None
        self._keep(agent_id, is_away=is_away)
        await self.note()
        return is_away

    def go(self, socket: Hashable) -> None:
        """The socket is closed."""
        self._there.pop(socket, None)

    async def set_away(self, agent_id: UUID, *, is_away: bool) -> None:
        """The agent has said so, for everything they have open."""
        async with self._database.work() as work:
            now = self._clock()
            values = {"away_since": now} if is_away else {"away_since": None, "last_seen_at": now}
            await work.session.execute(update(Agent).where(Agent.id == agent_id).values(values))
        self._keep(agent_id, is_away=is_away)

    def present(self) -> set[UUID]:
        """Who is there now, as far as this process knows."""
        return set(self._there.values()) - self._away

    async def note(self) -> None:
        """Write down who is there; who has said elsewhere that they are away stays away."""
        there = self.present()
        if not there:
            return
        async with self._database.work() as work:
            seen = (
                update(Agent)
                .where(Agent.id.in_(there), Agent.away_since.is_(None))
                .values(last_seen_at=self._clock())
            )
            await work.session.execute(seen)

    def _keep(self, agent_id: UUID, *, is_away: bool) -> None:
        if is_away:
            self._away.add(agent_id)
        else:
            self._away.discard(agent_id)
