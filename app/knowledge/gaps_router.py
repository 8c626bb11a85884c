"""The page of questions without an answer."""

from uuid import UUID

from fastapi import APIRouter
from fastapi.responses import HTMLResponse, Response

from app.dependencies import SnapshotDep, WorkDep
from app.errors import NotFound
from app.knowledge.gaps import dismiss, draft_from, read_clusters
from app.office.frame import ManagerDep, OfficeDep, Posted, WriterDep, go_to

router = APIRouter(prefix="/dashboard/gaps", include_in_schema=False)


@router.get("")
async def gaps(office: OfficeDep, session: SnapshotDep) -> HTMLResponse:
    """Alike questions together, the commonest first."""
    clusters = await read_clusters(session, office.agent.workspace_id)
    values = {"title": "Gaps", "clusters": clusters}
    return office.page("knowledge/gaps.html", "knowledge", values)


@router.post("/draft")
async def draft(posted: WriterDep, work: WorkDep) -> Response:
    """An article that answers them, to be read over."""
    article = await draft_from(work, posted.doer, _ids(posted))
    return go_to(f"/dashboard/articles/{article.id}", "drafted")


@router.post("/dismiss")
async def dismiss_gaps(posted: ManagerDep, work: WorkDep) -> Response:
    """They need none."""
    await dismiss(work, posted.doer, _ids(posted))
    return go_to("/dashboard/gaps", "saved")


def _ids(posted: Posted) -> list[UUID]:
    try:
        return [UUID(one) for one in str(posted.form.get("gaps", "")).split(",") if one]
    except ValueError as error:
        raise NotFound from error
