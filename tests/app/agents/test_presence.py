"""Who is there is written down while they are, and no longer when they have gone or said so."""

from datetime import timedelta

from app.agents.presence import Presence
from app.clock import now
from app.models import Agent
from app.parts import Parts
from app.vocabulary import AgentRole
from tests.factories import Shop


async def test_an_agent_is_there_with_any_socket_unless_they_are_away(
    parts: Parts, shop: Shop
) -> None:
    moment = now()
    presence = Presence(parts.database, lambda: moment)
    agent, owner = shop.agent.agent_id, shop.agents[AgentRole.OWNER].agent_id
    await presence.set_away(owner, is_away=True)
    assert not await presence.come("desk", agent)
    assert not await presence.come("phone", agent)
    assert await presence.come("laptop", owner), "it was said on another page"

    presence.go("phone")
    await presence.note()

    assert presence.present() == {agent}
    async with parts.database.snapshot() as session:
        assert (await session.get_one(Agent, agent)).last_seen_at == moment
        assert (await session.get_one(Agent, owner)).last_seen_at is None
    moment += timedelta(minutes=1)
    presence.go("desk")
    await presence.set_away(owner, is_away=False)
    await presence.note()
    async with parts.database.snapshot() as session:
        assert (await session.get_one(Agent, agent)).last_seen_at == moment - timedelta(minutes=1)
        assert (await session.get_one(Agent, owner)).last_seen_at == moment
