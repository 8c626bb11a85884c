"""`/v1/inbound/{source}`: where ticket systems tell their news, signed instead of with a key."""

from typing import Annotated
from uuid import UUID

from fastapi import Depends, Request

from app.api.bodies import check_json
from app.api.routes import api_router
from app.connectors import inbound, service, zendesk_news
from app.connectors.service import ConnectorRow
from app.dependencies import PartsDep
from app.errors import NotFound
from app.parts import Parts
from app.vocabulary import TicketSystemKind
from app.webhooks import signing

router = api_router("/inbound", "inbound")

_ZENDESKS_OWN = ""
"""Instead of a `webhook-id`: of Zendesk's own webhooks nothing but a ticket's number is taken."""


async def _verified(source: UUID, request: Request, parts: PartsDep) -> tuple[ConnectorRow, str]:
    """The connector a webhook is for, and its id; an unknown one sounds like a bad signature."""
    async with parts.database.snapshot() as session:
        row = await service.find_source(session, source)
    webhook_id = _check(parts, row, request, await request.body())
    if row is None or row.endpoint.disabled_at is not None:
        raise NotFound("This connector is switched off.")
    return row, webhook_id


VerifiedDep = Annotated[tuple[ConnectorRow, str], Depends(_verified)]


@router.post("/{source}")
async def receive(
    source: UUID, verified: VerifiedDep, request: Request, parts: PartsDep
) -> inbound.Received:
    """A new ticket, comment or status; signed by Standard Webhooks with the connector's secret.

    Connectors to Zendesk take its own webhooks too, by its own signature.
    """
    row, webhook_id = verified
    body = await request.body()
    check_json(request, body)
    if webhook_id == _ZENDESKS_OWN:
        return await _look(parts, row, zendesk_news.ticket_of(body))
    told = inbound.read(body)
    async with parts.database.work() as work:
        return await inbound.receive(work, parts.outgoing.house, row.endpoint, webhook_id, told)


async def _look(parts: Parts, row: ConnectorRow, ticket_ref: str | None) -> inbound.Received:
    """Read the ticket as it is now; what a webhook says of it is not taken for true."""
    if ticket_ref is None:
        return inbound.Received(effect=False)
    is_done = await parts.outgoing.poller.look_at(row.connector, ticket_ref)
    async with parts.database.snapshot() as session:
        conversation_id = await service.find_conversation(session, row.connector.id, ticket_ref)
    return inbound.Received(effect=is_done, conversation_id=conversation_id)


def _check(parts: Parts, row: ConnectorRow | None, request: Request, body: bytes) -> str:
    now, vault = parts.clock(), parts.outgoing.vault
    is_zendesk = row is not None and row.connector.system is TicketSystemKind.ZENDESK
    if row is not None and is_zendesk and zendesk_news.SIGNATURE in request.headers:
        secret = service.credentials(vault, row.connector).signing_secret
        zendesk_news.verify(secret, request.headers, body, now)
        return _ZENDESKS_OWN
    keys = () if row is None else service.keys_of(vault, row.endpoint, now)
    return signing.verify(keys, request.headers, body, now)
