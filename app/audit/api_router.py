"""`/v1/audit`: who changed what."""

from typing import Annotated, Any, Self
from uuid import UUID

from fastapi import Query
from pydantic import Field

from app.api.keys import ApiCaller, require
from app.api.paging import Page, PagerDep
from app.api.routes import api_router
from app.api.scopes import Scope
from app.api.seeking import place_of_id
from app.api.values import Moment, Resource
from app.audit.repository import read_entries
from app.dependencies import SnapshotDep
from app.models import AuditEntry

router = api_router("/audit", "audit")

Admin = Annotated[ApiCaller, require(Scope.ADMIN)]


class EntryResource(Resource):
    """Something that was done; entries never change."""

    id: UUID
    at: Moment
    agent_id: UUID | None
    by: str = Field(description="A person, or `api key NAME`.")
    action: str
    target: str
    details: dict[str, Any] = Field(description="By field: before and after.")
    address: str | None

    @classmethod
    def of(cls, entry: AuditEntry) -> Self:
        """As it was written."""
        return cls(
            id=entry.id,
            at=entry.created_at,
            agent_id=entry.agent_id,
            by=entry.agent_name,
            action=entry.action,
            target=entry.target,
            details=entry.details,
            address=entry.address,
        )


@router.get("")
async def list_entries(
    caller: Admin,
    pager: PagerDep,
    session: SnapshotDep,
    area: Annotated[
        str, Query(max_length=40, description="The first word of an action, such as `article`.")
    ] = "",
    agent_id: UUID | None = None,
) -> Page[EntryResource]:
    """What was done, newest first."""
    place = place_of_id(pager.after("audit"))
    shown = await read_entries(
        session,
        caller.workspace_id,
        area=area,
        agent_id=agent_id,
        before_id=place[0] if place else None,
        limit=pager.limit + 1,
    )
    return pager.page("audit", shown.entries, EntryResource.of)
