"""`/v1/agents` and `/v1/inboxes`: whom conversations are given to, and where they come from."""

from functools import partial
from typing import Annotated, Self
from uuid import UUID

from app.agents.repository import Agents
from app.api.keys import ApiCaller, require
from app.api.paging import Page, PagerDep
from app.api.routes import api_router
from app.api.scopes import Scope
from app.api.values import Moment, Resource
from app.dependencies import SnapshotDep
from app.models import Agent, Inbox
from app.vocabulary import AgentRole

router = api_router("/agents", "agents")
inboxes_router = api_router("/inboxes", "agents")

Reads = Annotated[ApiCaller, require(Scope.CONVERSATIONS_READ)]


class AgentResource(Resource):
    """Somebody who answers."""

    id: UUID
    name: str
    email: str
    role: AgentRole
    is_active: bool
    last_seen_at: Moment | None
    away_since: Moment | None
    created_at: Moment

    @classmethod
    def of(cls, agent: Agent) -> Self:
        """The agent as they are now."""
        return cls(
            id=agent.id,
            name=agent.name,
            email=agent.email,
            role=agent.role,
            is_active=agent.disabled_at is None,
            last_seen_at=agent.last_seen_at,
            away_since=agent.away_since,
            created_at=agent.created_at,
        )


class InboxResource(Resource):
    """A site that embeds the widget."""

    id: UUID
    name: str
    public_token: str
    locale: str
    bot_enabled: bool

    @classmethod
    def of(cls, inbox: Inbox) -> Self:
        """The site as it is now."""
        return cls(
            id=inbox.id,
            name=inbox.name,
            public_token=inbox.public_token,
            locale=inbox.locale,
            bot_enabled=inbox.bot_enabled,
        )


@router.get("")
async def list_agents(caller: Reads, pager: PagerDep, session: SnapshotDep) -> Page[AgentResource]:
    """Agents, newest first, also those who were deactivated."""
    found = partial(Agents(session).page, caller.workspace_id)
    return await pager.read("agents", found, AgentResource.of)


@router.get("/{agent_id}")
async def get_agent(agent_id: UUID, caller: Reads, session: SnapshotDep) -> AgentResource:
    """One agent."""
    return AgentResource.of(await Agents(session).one(caller.workspace_id, agent_id))


@inboxes_router.get("")
async def list_inboxes(caller: Reads, pager: PagerDep, session: SnapshotDep) -> Page[InboxResource]:
    """Sites, newest first."""
    found = partial(Agents(session).inboxes, caller.workspace_id)
    return await pager.read("inboxes", found, InboxResource.of)
