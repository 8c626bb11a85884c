"""The queries about accounts."""

from uuid import UUID

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from app.api.seeking import place_of_id, seek
from app.errors import NotFound
from app.models import Agent, Inbox


class Agents:
    """Accounts of agents."""

    def __init__(self, session: AsyncSession) -> None:
        self._session = session

    async def find_by_email(self, email: str) -> Agent | None:
        """The account of an e-mail address, however it is written."""
        query = select(Agent).where(Agent.email == email.strip().lower())
        return (await self._session.scalars(query)).one_or_none()

    async def page(self, workspace_id: UUID, after: list[str] | None, limit: int) -> list[Agent]:
        """The next ones behind a place, newest first."""
        query = select(Agent).where(Agent.workspace_id == workspace_id)
        found = await self._session.scalars(seek(query, [Agent.id], place_of_id(after), limit))
        return list(found)

    async def one(self, workspace_id: UUID, agent_id: UUID) -> Agent:
        """One of a company's.

        Raises:
            NotFound: unknown, or another company's.
        """
        found = await self._session.get(Agent, agent_id)
        if found is None or found.workspace_id != workspace_id:
            raise NotFound("There is no such agent.")
        return found

    async def inboxes(self, workspace_id: UUID, after: list[str] | None, limit: int) -> list[Inbox]:
        """The next of a company's sites behind a place, newest first."""
        query = select(Inbox).where(Inbox.workspace_id == workspace_id)
        found = await self._session.scalars(seek(query, [Inbox.id], place_of_id(after), limit))
        return list(found)

    async def of_workspace(self, workspace_id: UUID) -> list[Agent]:
        """By name."""
        query = select(Agent).where(Agent.workspace_id == workspace_id).order_by(Agent.name)
        return list(await self._session.scalars(query))
