"""The queries about what was done."""

from collections.abc import Sequence
from dataclasses import dataclass
from uuid import UUID

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from app.models import AuditEntry

PAGE_SIZE = 50


@dataclass(frozen=True)
class AuditPage:
    """Entries, newest first, and where the next page begins."""

    entries: Sequence[AuditEntry]
    next_id: UUID | None


async def read_entries(
    session: AsyncSession,
    workspace_id: UUID,
    *,
    area: str = "",
    agent_id: UUID | None = None,
    before_id: UUID | None = None,
    limit: int = PAGE_SIZE,
) -> AuditPage:
    """A page of the log; `area` is the first word of an action, such as `member`.

    Ids grow with time, so a page begins where the one before it ended whatever was added meanwhile.
    """
    query = select(AuditEntry).where(AuditEntry.workspace_id == workspace_id)
    if area:
        query = query.where(AuditEntry.area == area)
    if agent_id is not None:
        query = query.where(AuditEntry.agent_id == agent_id)
    if before_id is not None:
        query = query.where(AuditEntry.id < before_id)
    found = (await session.scalars(query.order_by(AuditEntry.id.desc()).limit(limit + 1))).all()
    has_more = len(found) > limit
    entries = found[:limit]
    return AuditPage(entries, entries[-1].id if has_more else None)
