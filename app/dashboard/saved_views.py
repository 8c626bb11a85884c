"""Filters an agent has given a name; kept with their account, under `views`."""

from dataclasses import dataclass
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncSession

from app.dashboard.inbox import Chosen
from app.database import Work
from app.errors import Invalid
from app.ids import new_id
from app.models import Agent
from app.speakers import SignedInAgent

MAX_VIEWS = 20
MAX_NAME_CHARS = 40


@dataclass(frozen=True)
class SavedView:
    """A name for a query of the list."""

    id: str
    name: str
    query: str


async def read_views(session: AsyncSession, agent: SignedInAgent) -> tuple[SavedView, ...]:
    """In the order in which they were saved."""
    return _stored(await session.get_one(Agent, agent.agent_id))


async def save_view(work: Work, agent: SignedInAgent, name: str, chosen: Chosen) -> None:
    """Remember this filter.

    Raises:
        Invalid: no name, one too long or too many of them.
    """
    cleaned = " ".join(name.split())
    if not cleaned or len(cleaned) > MAX_NAME_CHARS:
        raise Invalid(f"A view's name has 1 to {MAX_NAME_CHARS} characters.")
    account = await work.session.get_one(Agent, agent.agent_id, with_for_update=True)
    views = _stored(account)
    if len(views) >= MAX_VIEWS:
        raise Invalid(f"You have {MAX_VIEWS} views already; forget one first.")
    _store(account, (*views, SavedView(str(new_id()), cleaned, chosen.query)))


async def forget_view(work: Work, agent: SignedInAgent, view_id: UUID) -> None:
    """It is not needed any more."""
    account = await work.session.get_one(Agent, agent.agent_id, with_for_update=True)
    _store(account, tuple(view for view in _stored(account) if view.id != str(view_id)))


def _stored(account: Agent) -> tuple[SavedView, ...]:
    return tuple(SavedView(**view) for view in account.preferences.get("views", []))


def _store(account: Agent, views: tuple[SavedView, ...]) -> None:
    stored = [{"id": view.id, "name": view.name, "query": view.query} for view in views]
    account.preferences = account.preferences | {"views": stored}
