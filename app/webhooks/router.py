"""`/v1/webhooks`: subscriptions, their secrets, and the log of what was sent."""

from functools import partial
from typing import Annotated
from uuid import UUID

from fastapi import Response

from app.api.etags import IfMatch, check_match, tagged
from app.api.keys import ApiCaller, ApiWorkDep, require
from app.api.paging import Page, PagerDep
from app.api.routes import api_router
from app.api.scopes import Scope
from app.dependencies import PartsDep, SnapshotDep, WorkDep
from app.models import WebhookEndpoint
from app.parts import Parts
from app.vocabulary import DeliveryState, EndpointKind
from app.webhooks import service, signing
from app.webhooks.repository import read_deliveries, read_endpoints
from app.webhooks.schemas import (
    DeliveryOut,
    NewWebhook,
    WebhookChange,
    WebhookOut,
    WebhookWithSecret,
)

router = api_router("/webhooks", "webhooks")
Reads = Annotated[ApiCaller, require(Scope.WEBHOOKS_READ)]
Writes = Annotated[ApiCaller, require(Scope.WEBHOOKS_WRITE)]


@router.get("")
async def list_webhooks(caller: Reads, session: SnapshotDep, pager: PagerDep) -> Page[WebhookOut]:
    """All subscriptions, the oldest first."""
    found = partial(read_endpoints, session, caller.workspace_id, EndpointKind.WEBHOOK)
    return await pager.read("webhooks", found, WebhookOut.of)


@router.post("", status_code=201)
async def create_webhook(
    caller: Writes, new: NewWebhook, work: WorkDep, parts: PartsDep, response: Response
) -> WebhookWithSecret:
    """Subscribe; the secret is in this answer and in no other.

    An `Idempotency-Key` does nothing here: a stored answer would be a stored secret.
    """
    endpoint = await service.create(work, caller.doer, new.subscription())
    response.headers["Location"] = f"/v1/webhooks/{endpoint.id}"
    return WebhookWithSecret.with_secret(endpoint, secret_of(parts, endpoint))


@router.get("/{webhook_id}")
async def read_webhook(
    caller: Reads, webhook_id: UUID, session: SnapshotDep, response: Response
) -> WebhookOut:
    """A subscription."""
    endpoint = await service.find_endpoint(session, caller.workspace_id, webhook_id)
    return tagged(response, WebhookOut.of(endpoint))


@router.patch("/{webhook_id}")
async def change_webhook(
    caller: Writes,
    webhook_id: UUID,
    change: WebhookChange,
    work: ApiWorkDep,
    response: Response,
    if_match: IfMatch = None,
) -> WebhookOut:
    """Change it, or switch it off and on; enabled again, it gets first what was waiting."""
    endpoint = await service.lock_endpoint(work, caller.workspace_id, webhook_id)
    check_match(if_match, WebhookOut.of(endpoint))
    is_enabled = endpoint.disabled_at is None if change.enabled is None else change.enabled
    changed = await service.change(
        work, caller.doer, webhook_id, change.applied_to(endpoint), is_enabled=is_enabled
    )
    return tagged(response, WebhookOut.of(changed))


@router.delete("/{webhook_id}", status_code=204)
async def delete_webhook(caller: Writes, webhook_id: UUID, work: ApiWorkDep) -> None:
    """End it, with the log of its deliveries."""
    await service.remove(work, caller.doer, webhook_id)


@router.post("/{webhook_id}/rotate")
async def rotate_secret(
    caller: Writes, webhook_id: UUID, work: WorkDep, parts: PartsDep
) -> WebhookWithSecret:
    """A new secret, told once; for 24 hours two signatures are sent, of the old one too.

    An `Idempotency-Key` does nothing here: a stored answer would be a stored secret.
    """
    endpoint = await service.rotate(work, caller.doer, webhook_id)
    return WebhookWithSecret.with_secret(endpoint, secret_of(parts, endpoint))


@router.post("/{webhook_id}/test", status_code=202)
async def send_test(caller: Writes, webhook_id: UUID, work: ApiWorkDep) -> DeliveryOut:
    """Send a `webhook.test` at once; the delivery's log tells how it went."""
    return DeliveryOut.of(await service.send_test(work, caller.doer, webhook_id))


@router.get("/{webhook_id}/deliveries")
async def list_deliveries(
    caller: Reads,
    webhook_id: UUID,
    session: SnapshotDep,
    pager: PagerDep,
    state: DeliveryState | None = None,
) -> Page[DeliveryOut]:
    """What was sent and what waits, the newest first, for 30 days."""
    endpoint = await service.find_endpoint(session, caller.workspace_id, webhook_id)
    found = partial(read_deliveries, session, endpoint.id, state=state)
    return await pager.read(f"deliveries:{endpoint.id}:{state}", found, DeliveryOut.of)


@router.post("/{webhook_id}/deliveries/{delivery_id}/redeliver", status_code=202)
async def redeliver(
    caller: Writes, webhook_id: UUID, delivery_id: UUID, work: ApiWorkDep
) -> DeliveryOut:
    """Send it again under the same `webhook-id`."""
    return DeliveryOut.of(await service.redeliver(work, caller.doer, webhook_id, delivery_id))


def secret_of(parts: Parts, endpoint: WebhookEndpoint) -> str:
    """What its receiver verifies with."""
    return signing.told(parts.outgoing.vault.webhook_key(endpoint.id, endpoint.secret_version))
