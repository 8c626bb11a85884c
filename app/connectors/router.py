"""`/v1/inbound/{source}`: where ticket systems tell their news, signed instead of with a key."""

from typing import Annotated
from uuid import UUID

from fastapi import Depends, Request

from app.api.bodies import check_json
from app.api.routes import api_router
from app.connectors import inbound
from app.connectors.service import find_source
from app.dependencies import PartsDep
from app.errors import NotFound
from app.models import WebhookEndpoint
from app.webhooks import signing

router = api_router("/inbound", "inbound")


async def _verified(source: UUID, request: Request, parts: PartsDep) -> tuple[WebhookEndpoint, str]:
    """The connector a webhook is for, and its id; an unknown one sounds like a bad signature."""
    now, vault = parts.clock(), parts.outgoing.vault
    async with parts.database.snapshot() as session:
        endpoint = await find_source(session, source)
    keys = []
    if endpoint is not None:
        keys = [vault.webhook_key(endpoint.id, endpoint.secret_version)]
    webhook_id = signing.verify(keys, request.headers, await request.body(), now)
    if endpoint is None or endpoint.disabled_at is not None:
        raise NotFound("This connector is switched off.")
    return endpoint, webhook_id


VerifiedDep = Annotated[tuple[WebhookEndpoint, str], Depends(_verified)]


@router.post("/{source}")
async def receive(
    source: UUID, verified: VerifiedDep, request: Request, parts: PartsDep
) -> inbound.Received:
    """A new ticket, comment or status; signed by Standard Webhooks with the connector's secret."""
    endpoint, webhook_id = verified
    body = await request.body()
    check_json(request, body)
    told = inbound.read(body)
    async with parts.database.work() as work:
        return await inbound.receive(work, parts.outgoing.house, endpoint, webhook_id, told)
