"""The page that tells what was done."""

from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Query
from fastapi.responses import HTMLResponse

from app.agents.repository import Agents
from app.audit.repository import read_entries
from app.dependencies import SnapshotDep
from app.office.frame import ManagerViewDep
from app.office.words import AREAS

router = APIRouter(prefix="/dashboard/audit", include_in_schema=False)


@router.get("")
async def audit(
    office: ManagerViewDep,
    session: SnapshotDep,
    area: Annotated[str, Query(max_length=40)] = "",
    agent: Annotated[str, Query(max_length=40)] = "",
    before: Annotated[UUID | None, Query()] = None,
) -> HTMLResponse:
    """Newest first, of everything or of one area or person."""
    workspace_id = office.agent.workspace_id
    people = await Agents(session).of_workspace(workspace_id)
    chosen = next((one for one in people if str(one.id) == agent), None)
    shown = await read_entries(
        session,
        workspace_id,
        area=area if area in AREAS else "",
        agent_id=chosen.id if chosen else None,
        before_id=before,
    )
    values = {
        "title": "Audit log",
        "shown": shown,
        "areas": AREAS,
        "area": area,
        "people": people,
        "chosen": chosen,
    }
    return office.page("settings/audit.html", "settings", values)
