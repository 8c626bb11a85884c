"""The queries about subscriptions and their deliveries."""

from collections.abc import Sequence
from dataclasses import dataclass
from uuid import UUID

from sqlalchemy import func, select
from sqlalchemy.ext.asyncio import AsyncSession

from app.api.seeking import Order, place_of_id, seek
from app.models import WebhookDelivery, WebhookEndpoint
from app.vocabulary import DeliveryState, EndpointKind


@dataclass(frozen=True)
class Counts:
    """Of an endpoint's deliveries."""

    num_waiting: int = 0
    num_failed: int = 0


async def read_endpoints(
    session: AsyncSession,
    workspace_id: UUID,
    kind: EndpointKind,
    after: list[str] | None = None,
    limit: int = 100,
) -> list[WebhookEndpoint]:
    """A company's next endpoints behind a place, the oldest first."""
    query = select(WebhookEndpoint).where(
        WebhookEndpoint.workspace_id == workspace_id, WebhookEndpoint.kind == kind
    )
    place = place_of_id(after)
    return list(await session.scalars(seek(query, [WebhookEndpoint.id], place, limit, Order.ASC)))


async def read_deliveries(
    session: AsyncSession,
    endpoint_id: UUID,
    after: list[str] | None = None,
    limit: int = 50,
    *,
    state: DeliveryState | None = None,
) -> list[WebhookDelivery]:
    """An endpoint's next deliveries behind a place, the newest first."""
    query = select(WebhookDelivery).where(WebhookDelivery.endpoint_id == endpoint_id)
    if state is not None:
        query = query.where(WebhookDelivery.state == state)
    place = place_of_id(after)
    return list(await session.scalars(seek(query, [WebhookDelivery.id], place, limit)))


async def count_deliveries(
    session: AsyncSession, endpoint_ids: Sequence[UUID]
) -> dict[UUID, Counts]:
    """What waits and what was given up, by endpoint."""
    query = (
        select(WebhookDelivery.endpoint_id, WebhookDelivery.state, func.count())
        .where(
            WebhookDelivery.endpoint_id.in_(endpoint_ids),
            WebhookDelivery.state != DeliveryState.DELIVERED,
        )
        .group_by(WebhookDelivery.endpoint_id, WebhookDelivery.state)
    )
    numbers = {(found[0], found[1]): found[2] for found in await session.execute(query)}
    return {
        one: Counts(
            numbers.get((one, DeliveryState.WAITING), 0),
            numbers.get((one, DeliveryState.FAILED), 0),
        )
        for one in endpoint_ids
    }


async def read_given_up(session: AsyncSession, workspace_id: UUID) -> list[WebhookEndpoint]:
    """Endpoints that Careline itself has disabled; people should know."""
    query = select(WebhookEndpoint).where(
        WebhookEndpoint.workspace_id == workspace_id,
        WebhookEndpoint.disabled_reason.is_not(None),
    )
    return list(await session.scalars(query.order_by(WebhookEndpoint.id)))
