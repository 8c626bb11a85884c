"""The office's pages of connectors; a secret that was typed in is never shown again."""

from uuid import UUID

from fastapi import APIRouter
from fastapi.responses import HTMLResponse, Response
from sqlalchemy.ext.asyncio import AsyncSession

from app.connectors import service
from app.connectors.poller import try_out
from app.connectors.service import ConnectorRow, Wanted
from app.connectors.system import TicketTrouble
from app.connectors.systems import KINDS, Kind
from app.dependencies import PartsDep, SnapshotDep, WorkDep
from app.errors import Invalid
from app.office.forms import BadForm, Fields, Sheet
from app.office.frame import ManagerDep, ManagerViewDep, Office, go_to
from app.parts import Parts
from app.vocabulary import TicketSystemKind
from app.webhooks.repository import read_deliveries

router = APIRouter(prefix="/dashboard/connectors", include_in_schema=False)

_HERE = "/dashboard/connectors"
_SHOWN = 30
_NEW_SHEET = Sheet({"system": TicketSystemKind.ROUNDUP.value})


@router.get("")
async def connectors(office: ManagerViewDep, session: SnapshotDep) -> HTMLResponse:
    """All of them, and the form of a new one."""
    return await _list_page(office, session, _NEW_SHEET)


@router.post("")
async def create(posted: ManagerDep, work: WorkDep, parts: PartsDep) -> Response:
    """A new one; what it signs and is signed with is shown on the page that follows."""
    fields = Fields(posted.form)
    system = fields.word("system", TicketSystemKind)
    wanted = _read(fields, system, is_new=True)
    try:
        fields.check()
        vault = parts.outgoing.vault
        connector = await service.create(work, posted.doer, vault, system, wanted)
    except BadForm as bad:
        return await _list_page(posted, work.session, bad.sheet, status=422)
    except Invalid as bad:
        fields.refuse("url", bad.sentence)
        return await _list_page(posted, work.session, fields.sheet(), status=422)
    row = await service.find_connector(work.session, connector.workspace_id, connector.id)
    secret = service.secret_of(vault, row.endpoint)
    return await _one_page(posted, work.session, parts, row, secret=secret)


@router.get("/{connector_id}")
async def connector(
    office: ManagerViewDep, session: SnapshotDep, parts: PartsDep, connector_id: UUID
) -> HTMLResponse:
    """One with its log."""
    row = await service.find_connector(session, office.agent.workspace_id, connector_id)
    return await _one_page(office, session, parts, row)


@router.post("/{connector_id}")
async def change(
    posted: ManagerDep, work: WorkDep, parts: PartsDep, connector_id: UUID
) -> Response:
    """Change it; an empty secret stays as it was."""
    row = await service.find_connector(work.session, posted.agent.workspace_id, connector_id)
    fields = Fields(posted.form)
    wanted = _read(fields, row.connector.system)
    vault, is_enabled = parts.outgoing.vault, fields.flag("enabled")
    try:
        fields.check()
        await service.change(work, posted.doer, vault, connector_id, wanted, is_enabled=is_enabled)
    except BadForm as bad:
        return await _one_page(posted, work.session, parts, row, sheet=bad.sheet)
    except Invalid as bad:
        fields.refuse("url", bad.sentence)
        return await _one_page(posted, work.session, parts, row, sheet=fields.sheet())
    return go_to(f"{_HERE}/{connector_id}", "saved")


@router.post("/{connector_id}/check")
async def check(posted: ManagerDep, parts: PartsDep, connector_id: UUID) -> HTMLResponse:
    """Sign in there, and say as whom."""
    workspace_id = posted.agent.workspace_id
    async with parts.database.snapshot() as session:
        row = await service.find_connector(session, workspace_id, connector_id)
    try:
        told = f"It works: signed in there as {await _try_out(parts, row)}."
    except TicketTrouble as trouble:
        told = f"It does not work. {trouble.sentence}"
    async with parts.database.snapshot() as session:
        return await _one_page(posted, session, parts, row, checked=told)


@router.post("/{connector_id}/rotate")
async def rotate(
    posted: ManagerDep, work: WorkDep, parts: PartsDep, connector_id: UUID
) -> HTMLResponse:
    """A new secret for signatures, shown once."""
    row = await service.rotate(work, posted.doer, connector_id)
    secret = service.secret_of(parts.outgoing.vault, row.endpoint)
    return await _one_page(posted, work.session, parts, row, secret=secret)


@router.post("/{connector_id}/delete")
async def delete(posted: ManagerDep, work: WorkDep, connector_id: UUID) -> Response:
    """Gone; the tickets stay where they are."""
    await service.remove(work, posted.doer, connector_id)
    return go_to(_HERE, "deleted")


async def _try_out(parts: Parts, row: ConnectorRow) -> str:
    return await try_out(await parts.outgoing.systems.open(row.connector))


def _read(fields: Fields, system: TicketSystemKind, *, is_new: bool = False) -> Wanted:
    kind = KINDS[system]
    settings = {
        name: fields.text(name, max_chars=200, is_required=False) for name, _ in kind.settings
    }
    settings |= {name: "on" for name in service.SWITCHES if fields.flag(name)}
    needs_user, needs_secret = bool(kind.user_label), bool(kind.secret_label)
    return Wanted(
        name=fields.text("name", max_chars=80),
        url=fields.text("url", max_chars=2_000).rstrip("/"),
        user=fields.text("user", max_chars=200, is_required=needs_user),
        secret=fields.text("secret", max_chars=1_000, is_required=needs_secret and is_new),
        settings={name: value for name, value in settings.items() if value},
        signing_secret=_signing_secret(fields, kind),
    )


def _signing_secret(fields: Fields, kind: Kind) -> str:
    if not kind.signing_label:
        return ""
    return fields.text("signing_secret", max_chars=1_000, is_required=False)


async def _list_page(
    office: Office, session: AsyncSession, sheet: Sheet, *, status: int = 200
) -> HTMLResponse:
    shown = _without_secrets(sheet)
    values = {
        "title": "Connectors",
        "rows": await service.read_connectors(session, office.agent.workspace_id),
        "kinds": KINDS,
    }
    return office.page("settings/connectors.html", "settings", values, sheet=shown, status=status)


async def _one_page(
    office: Office,
    session: AsyncSession,
    parts: Parts,
    row: ConnectorRow,
    *,
    sheet: Sheet | None = None,
    secret: str | None = None,
    checked: str | None = None,
) -> HTMLResponse:
    shown = sheet or _sheet(parts, row)
    values = {
        "title": row.endpoint.name,
        "row": row,
        "kind": KINDS[row.connector.system],
        "deliveries": await read_deliveries(session, row.endpoint.id, limit=_SHOWN),
        "secret": secret,
        "checked": checked,
        "source": f"/v1/inbound/{row.connector.id}",
    }
    shown = _without_secrets(shown)
    status = 422 if shown.errors else 200
    return office.page("settings/connector.html", "settings", values, sheet=shown, status=status)


def _without_secrets(sheet: Sheet) -> Sheet:
    return Sheet({**sheet.values, "secret": "", "signing_secret": ""}, sheet.errors)


def _sheet(parts: Parts, row: ConnectorRow) -> Sheet:
    user = service.credentials(parts.outgoing.vault, row.connector).user
    values = {
        "name": row.endpoint.name,
        "url": row.endpoint.url,
        "user": user,
        "enabled": "" if row.endpoint.disabled_at else "on",
    }
    return Sheet(values | {name: str(value) for name, value in row.connector.settings.items()})
