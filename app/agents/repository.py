"""The queries about accounts."""

from uuid import UUID

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from app.models import Agent


class Agents:
    """Accounts of agents."""

    def __init__(self, session: AsyncSession) -> None:
        self._session = session

    async def find_by_email(self, email: str) -> Agent | None:
        """The account of an e-mail address, however it is written."""
        query = select(Agent).where(Agent.email == email.strip().lower())
        return (await self._session.scalars(query)).one_or_none()

    async def of_workspace(self, workspace_id: UUID) -> list[Agent]:
        """By name."""
        query = select(Agent).where(Agent.workspace_id == workspace_id).order_by(Agent.name)
        return list(await self._session.scalars(query))
