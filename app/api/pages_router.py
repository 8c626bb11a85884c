"""The page of API keys: made with scopes, shown once, ended."""

from datetime import timedelta
from uuid import UUID

from fastapi import APIRouter
from fastapi.responses import HTMLResponse, Response

from app.api.scopes import Scope
from app.api.service import (
    MAX_NAME_CHARS,
    MadeKey,
    NewKey,
    create_key,
    page_of_keys,
    revoke_key,
)
from app.dependencies import PartsDep, SnapshotDep, WorkDep
from app.office.forms import EMPTY_SHEET, Fields, Sheet
from app.office.frame import ManagerDep, ManagerViewDep, Office, go_to
from app.parts import Parts

router = APIRouter(prefix="/dashboard/keys", include_in_schema=False)

_PATH = "/dashboard/keys"
_SHOWN = 200
_MAX_DAYS = 3_650


@router.get("")
async def keys(office: ManagerViewDep, session: SnapshotDep, parts: PartsDep) -> HTMLResponse:
    """All keys, the newest first."""
    return await _page(office, session, parts)


@router.post("")
async def create(posted: ManagerDep, work: WorkDep, parts: PartsDep) -> HTMLResponse:
    """Make one and show its secret, now and never again."""
    fields = Fields(posted.form)
    name = fields.text("name", max_chars=MAX_NAME_CHARS)
    scopes = [scope for scope in Scope if fields.flag(f"scope_{scope}")]
    ends = bool(fields.text("days", max_chars=5, is_required=False))
    days = fields.number("days", 1, _MAX_DAYS) if ends else None
    if not scopes:
        fields.refuse("scopes", "Choose what it may do.")
    if fields.errors:
        return await _page(posted, work.session, parts, fields.sheet(), status=422)
    expires_at = parts.clock() + timedelta(days=days) if days is not None else None
    made = await create_key(work, posted.doer, NewKey(name, scopes, expires_at))
    return await _page(posted, work.session, parts, made=made)


@router.post("/{key_id}/revoke")
async def revoke(posted: ManagerDep, work: WorkDep, key_id: UUID) -> Response:
    """From now on it opens nothing."""
    await revoke_key(work, posted.doer, key_id)
    return go_to(_PATH, "key_revoked")


async def _page(
    office: Office,
    session: SnapshotDep,
    parts: Parts,
    sheet: Sheet = EMPTY_SHEET,
    *,
    made: MadeKey | None = None,
    status: int = 200,
) -> HTMLResponse:
    rows = await page_of_keys(session, office.agent.workspace_id, parts.clock(), None, _SHOWN)
    values = {"title": "API keys", "rows": rows, "scopes": list(Scope), "made": made}
    return office.page("settings/keys.html", "settings", values, sheet=sheet, status=status)
