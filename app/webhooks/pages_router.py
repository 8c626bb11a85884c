"""The office's pages of webhooks: subscriptions, their log, a test, a new secret."""

from uuid import UUID

from fastapi import APIRouter
from fastapi.responses import HTMLResponse, Response
from sqlalchemy.ext.asyncio import AsyncSession

from app.dependencies import PartsDep, SnapshotDep, WorkDep
from app.errors import Invalid
from app.models import WebhookEndpoint
from app.office.forms import EMPTY_SHEET, BadForm, Fields, Sheet
from app.office.frame import ManagerDep, ManagerViewDep, Office, go_to
from app.vocabulary import EndpointKind, EventType
from app.webhooks import service
from app.webhooks.repository import count_deliveries, read_deliveries, read_endpoints
from app.webhooks.router import secret_of
from app.webhooks.service import Subscription

router = APIRouter(prefix="/dashboard/webhooks", include_in_schema=False)

_HERE = "/dashboard/webhooks"
_SHOWN = 50


@router.get("")
async def webhooks(office: ManagerViewDep, session: SnapshotDep) -> HTMLResponse:
    """All of them, and the form of a new one."""
    return await _list_page(office, session, EMPTY_SHEET)


@router.post("")
async def create(posted: ManagerDep, work: WorkDep, parts: PartsDep) -> Response:
    """A new one; its secret is shown on the page that follows and nowhere else."""
    fields = Fields(posted.form)
    wanted = _read(fields)
    try:
        fields.check()
        endpoint = await service.create(work, posted.doer, wanted)
    except BadForm as bad:
        return await _list_page(posted, work.session, bad.sheet, status=422)
    except Invalid as bad:
        fields.refuse("url", bad.sentence)
        return await _list_page(posted, work.session, fields.sheet(), status=422)
    return await _one_page(posted, work.session, endpoint, secret=secret_of(parts, endpoint))


@router.get("/{webhook_id}")
async def webhook(office: ManagerViewDep, session: SnapshotDep, webhook_id: UUID) -> HTMLResponse:
    """One with its log."""
    endpoint = await service.find_endpoint(session, office.agent.workspace_id, webhook_id)
    return await _one_page(office, session, endpoint)


@router.post("/{webhook_id}")
async def change(posted: ManagerDep, work: WorkDep, webhook_id: UUID) -> Response:
    """Another address, other events, off or on."""
    workspace_id = posted.agent.workspace_id
    endpoint = await service.find_endpoint(work.session, workspace_id, webhook_id)
    fields = Fields(posted.form)
    wanted = _read(fields, tuple(UUID(one) for one in endpoint.inbox_ids))
    try:
        fields.check()
        is_enabled = fields.flag("enabled")
        await service.change(work, posted.doer, webhook_id, wanted, is_enabled=is_enabled)
    except BadForm as bad:
        return await _one_page(posted, work.session, endpoint, sheet=bad.sheet)
    except Invalid as bad:
        fields.refuse("url", bad.sentence)
        return await _one_page(posted, work.session, endpoint, sheet=fields.sheet())
    return go_to(f"{_HERE}/{webhook_id}", "saved")


@router.post("/{webhook_id}/test")
async def send_test(posted: ManagerDep, work: WorkDep, webhook_id: UUID) -> Response:
    """Send one that tells nothing; the log shows how it went."""
    await service.send_test(work, posted.doer, webhook_id)
    return go_to(f"{_HERE}/{webhook_id}", "sent")


@router.post("/{webhook_id}/rotate")
async def rotate(
    posted: ManagerDep, work: WorkDep, parts: PartsDep, webhook_id: UUID
) -> HTMLResponse:
    """A new secret, shown once."""
    endpoint = await service.rotate(work, posted.doer, webhook_id)
    return await _one_page(posted, work.session, endpoint, secret=secret_of(parts, endpoint))


@router.post("/{webhook_id}/delete")
async def delete(posted: ManagerDep, work: WorkDep, webhook_id: UUID) -> Response:
    """Gone, with its log."""
    await service.remove(work, posted.doer, webhook_id)
    return go_to(_HERE, "deleted")


@router.post("/{webhook_id}/deliveries/{delivery_id}/redeliver")
async def redeliver(
    posted: ManagerDep, work: WorkDep, webhook_id: UUID, delivery_id: UUID
) -> Response:
    """Send it again."""
    await service.redeliver(work, posted.doer, webhook_id, delivery_id)
    return go_to(f"{_HERE}/{webhook_id}", "sent")


def _read(fields: Fields, inbox_ids: tuple[UUID, ...] = ()) -> Subscription:
    return Subscription(
        name=fields.text("name", max_chars=80),
        url=fields.text("url", max_chars=2_000),
        event_types=tuple(one for one in EventType if fields.flag(f"type_{one.value}")),
        inbox_ids=inbox_ids,
    )


async def _list_page(
    office: Office, session: AsyncSession, sheet: Sheet, *, status: int = 200
) -> HTMLResponse:
    workspace_id = office.agent.workspace_id
    endpoints = await read_endpoints(session, workspace_id, EndpointKind.WEBHOOK)
    values = {
        "title": "Webhooks",
        "endpoints": endpoints,
        "counts": await count_deliveries(session, [one.id for one in endpoints]),
        "event_types": list(EventType),
    }
    return office.page("settings/webhooks.html", "settings", values, sheet=sheet, status=status)


async def _one_page(
    office: Office,
    session: AsyncSession,
    endpoint: WebhookEndpoint,
    *,
    sheet: Sheet | None = None,
    secret: str | None = None,
) -> HTMLResponse:
    values = {
        "title": endpoint.name,
        "endpoint": endpoint,
        "deliveries": await read_deliveries(session, endpoint.id, limit=_SHOWN),
        "event_types": list(EventType),
        "secret": secret,
    }
    shown = sheet or _sheet(endpoint)
    status = 422 if shown.errors else 200
    return office.page("settings/webhook.html", "settings", values, sheet=shown, status=status)


def _sheet(endpoint: WebhookEndpoint) -> Sheet:
    values = {
        "name": endpoint.name,
        "url": endpoint.url,
        "enabled": "" if endpoint.disabled_at else "on",
    }
    return Sheet(values | {f"type_{one}": "on" for one in endpoint.event_types})
