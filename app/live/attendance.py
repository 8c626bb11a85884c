"""Whether a person is there, told to customers: is anybody available, and is theirs still here.

What is stored decides (`agent.last_seen_at`, `agent.away_since`), so that every process tells the
same; each looks again now and then, and at once when one of its own agents comes or says a word.
"""

import asyncio
import logging
from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import UUID

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from app.agents.presence import Presence
from app.clock import Clock, as_wire
from app.conversations.care_policy import CarePolicy
from app.database import Database
from app.errors import Unavailable
from app.events import Dispatcher, EventStored, JsonObject
from app.live import frames
from app.live.hub import Hub
from app.models import Agent, Conversation, Workspace
from app.vocabulary import AgentRole, Control, EventType, Status

log = logging.getLogger(__name__)

_MISSED_NOTES = 2.5
"""An agent counts as there until so many notes of their presence have not come."""


@dataclass(frozen=True)
class Team:
    """Who of a company is there, and whether they answer now."""

    present: frozenset[UUID]
    is_open: bool
    opens_at: datetime | None

    def wire(self) -> JsonObject:
        """As customers hear it: nobody's name, and no number."""
        told: JsonObject = {"available": self.is_open and bool(self.present)}
        if self.opens_at is not None:
            told["opens_at"] = as_wire(self.opens_at)
        return told


class Attendance:
    """Tells the customers of this process."""

    def __init__(
        self, database: Database, hub: Hub, presence: Presence, clock: Clock, *, every_s: float
    ) -> None:
        self._database = database
        self._hub = hub
        self._presence = presence
        self._clock = clock
        self._every_s = every_s
        self._seen_within = timedelta(seconds=every_s * _MISSED_NOTES)
        self._told: dict[UUID, Team] = {}

    def listen(self, dispatcher: Dispatcher) -> None:
        """Hear who gets which conversation."""
        dispatcher.on(EventStored, self._on_stored)

    async def team(self, session: AsyncSession, workspace_id: UUID) -> Team:
        """As it stands now."""
        now = self._clock()
        workspace = await session.get_one(Workspace, workspace_id)
        there = select(Agent.id).where(
            Agent.workspace_id == workspace_id,
            Agent.role != AgentRole.VIEWER,
            Agent.disabled_at.is_(None),
            Agent.away_since.is_(None),
            Agent.last_seen_at >= now - self._seen_within,
        )
        hours = CarePolicy.of(workspace).hours
        is_open = hours.is_open(now)
        opens_at = None if is_open else hours.next_opening(now)
        return Team(frozenset(await session.scalars(there)), is_open, opens_at)

    async def tell(self, workspace_id: UUID) -> None:
        """Tell whoever it concerns what has changed since it was told."""
        async with self._database.snapshot() as session:
            team = await self.team(session, workspace_id)
            before = self._told.get(workspace_id)
            changed = team.present ^ (before.present if before else frozenset())
            theirs = await _conversations_of(session, changed) if changed else []
        self._told[workspace_id] = team
        if before is None or before.wire() != team.wire():
            self._hub.offer_to_visitors(workspace_id, frames.ephemeral("team", team.wire()))
        for conversation_id, agent_id in theirs:
            self._offer(conversation_id, agent_id, is_here=agent_id in team.present)

    async def run(self) -> None:
        """Note who is there and tell it, again and again until cancelled."""
        while True:
            try:
                await self._presence.note()
                for workspace_id in self._hub.workspaces():
                    await self.tell(workspace_id)
            except Unavailable:
                log.warning("presence was not noted")
            await asyncio.sleep(self._every_s)

    def _on_stored(self, event: EventStored) -> None:
        """Who has just been given a conversation may be away."""
        to = event.data.get("to") if event.type is EventType.ASSIGNEE_CHANGED else None
        if to is None:
            return
        agent_id = UUID(to["id"])
        known = self._told.get(event.workspace_id)
        is_here = agent_id in self._presence.present() or (
            known is not None and agent_id in known.present
        )
        self._offer(event.conversation_id, agent_id, is_here=is_here)

    def _offer(self, conversation_id: UUID, agent_id: UUID, *, is_here: bool) -> None:
        data: JsonObject = {"agent": str(agent_id), "on": is_here}
        self._hub.offer(conversation_id, frames.ephemeral("presence", data, conversation_id))


async def _conversations_of(
    session: AsyncSession, agent_ids: frozenset[UUID]
) -> list[tuple[UUID, UUID]]:
    """What they have going on: conversation and agent."""
    query = select(Conversation.id, Conversation.assignee_id).where(
        Conversation.assignee_id.in_(agent_ids),
        Conversation.control == Control.HUMAN,
        Conversation.status.in_([Status.OPEN, Status.SNOOZED]),
    )
    return [(row[0], row[1]) for row in await session.execute(query) if row[1] is not None]
