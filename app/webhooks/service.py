"""Subscriptions and their deliveries: what people and programs can do with them."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta
from urllib.parse import urlsplit
from uuid import UUID

from sqlalchemy import delete, select
from sqlalchemy.ext.asyncio import AsyncSession

from app.api.errors import BadField
from app.audit.service import Doer, note
from app.database import Work
from app.errors import Conflict, NotFound
from app.ids import new_id
from app.jobs.runner import Handler
from app.jobs.schedule import schedule
from app.models import (
    InboundReceipt,
    Inbox,
    JsonObject,
    WebhookDelivery,
    WebhookEndpoint,
)
from app.outbound import FetchRefused, read_target
from app.vocabulary import DeliveryState, EndpointKind, EventType
from app.webhooks import feed
from app.webhooks.claims import disable

ROTATION = timedelta(hours=24)
KEPT_FOR = timedelta(days=30)
FORGET_JOB = "webhooks.forget"
_FORGET_EVERY = timedelta(hours=1)
_FORGOTTEN_AT_ONCE = 5_000
_MAX_ENDPOINTS = 50


@dataclass(frozen=True)
class Subscription:
    """What somebody wants to be told, and where."""

    name: str
    url: str
    event_types: tuple[EventType, ...] = ()
    """Empty: everything that customers see too."""
    inbox_ids: tuple[UUID, ...] = ()
    """Empty: all sites."""


async def find_endpoint(
    session: AsyncSession, workspace_id: UUID, endpoint_id: UUID
) -> WebhookEndpoint:
    """One of a company's subscriptions.

    Raises:
        NotFound: unknown, another company's, or a connector's.
    """
    found = await session.get(WebhookEndpoint, endpoint_id)
    is_ours = found is not None and found.workspace_id == workspace_id
    if found is None or not is_ours or found.kind is not EndpointKind.WEBHOOK:
        raise NotFound("There is no such webhook.")
    return found


async def lock_endpoint(work: Work, workspace_id: UUID, endpoint_id: UUID) -> WebhookEndpoint:
    """One that is about to be changed.

    Raises:
        NotFound: as `find_endpoint`.
    """
    found = await find_endpoint(work.session, workspace_id, endpoint_id)
    await work.session.refresh(found, with_for_update=True)
    return found


async def create(work: Work, doer: Doer, wanted: Subscription) -> WebhookEndpoint:
    """Tell what happens from now on.

    Raises:
        BadField: the address cannot be one of a receiver, or there is no such site.
        Conflict: there are too many already.
    """
    workspace_id = doer.agent.workspace_id
    await _check(work.session, workspace_id, wanted)
    mine = select(WebhookEndpoint.id).where(WebhookEndpoint.workspace_id == workspace_id)
    if len((await work.session.scalars(mine)).all()) >= _MAX_ENDPOINTS:
        raise Conflict(f"There are {_MAX_ENDPOINTS} webhooks already, which is as many as can be.")
    endpoint = WebhookEndpoint(
        id=new_id(),
        created_at=work.clock(),
        workspace_id=workspace_id,
        kind=EndpointKind.WEBHOOK,
    )
    _write(endpoint, wanted)
    work.session.add(endpoint)
    await work.session.flush()
    note(work, doer, "webhook.created", wanted.name, {"host": (None, host_of(wanted.url))})
    return endpoint


async def change(
    work: Work, doer: Doer, endpoint_id: UUID, wanted: Subscription, *, is_enabled: bool
) -> WebhookEndpoint:
    """Change all that it wants. Enabled again, it gets what was still waiting first.

    Raises:
        NotFound: there is no such webhook.
        BadField: the address cannot be one of a receiver, or there is no such site.
    """
    endpoint = await find_endpoint(work.session, doer.agent.workspace_id, endpoint_id)
    await _check(work.session, endpoint.workspace_id, wanted)
    changes = {
        "host": (host_of(endpoint.url), host_of(wanted.url)),
        "enabled": (endpoint.disabled_at is None, is_enabled),
        "name": (endpoint.name, wanted.name),
        "event_types": (_listed(endpoint.event_types), _listed(wanted.event_types)),
    }
    _write(endpoint, wanted)
    set_enabled(work, endpoint, is_on=is_enabled)
    note(work, doer, "webhook.changed", wanted.name, changes)
    await work.session.flush()
    return endpoint


def set_enabled(work: Work, endpoint: WebhookEndpoint, *, is_on: bool) -> None:
    """Switch it off, or on with a clean slate."""
    if is_on == (endpoint.disabled_at is None):
        return
    if not is_on:
        disable(work, endpoint, None)
        return
    endpoint.disabled_at = endpoint.disabled_reason = None
    endpoint.failing_since = endpoint.not_before = None
    endpoint.num_failures, endpoint.window = 0, 1
    work.outbox.add(feed.DeliveryStored())


async def remove(work: Work, doer: Doer, endpoint_id: UUID) -> None:
    """Forget it with all its deliveries.

    Raises:
        NotFound: there is no such webhook.
    """
    endpoint = await find_endpoint(work.session, doer.agent.workspace_id, endpoint_id)
    await forget_deliveries(work, endpoint.id)
    note(work, doer, "webhook.deleted", endpoint.name, {"host": (host_of(endpoint.url), None)})
    await work.session.delete(endpoint)
    await work.session.flush()


async def forget_deliveries(work: Work, endpoint_id: UUID) -> None:
    """All that was and was not sent to it."""
    mine = delete(WebhookDelivery).where(WebhookDelivery.endpoint_id == endpoint_id)
    await work.session.execute(mine)


async def rotate(work: Work, doer: Doer, endpoint_id: UUID) -> WebhookEndpoint:
    """A new secret; for a day the one before signs too, so that receivers can change over.

    Raises:
        NotFound: there is no such webhook.
        Conflict: it was rotated less than a day ago, and a third secret would cut off the first.
    """
    endpoint = await find_endpoint(work.session, doer.agent.workspace_id, endpoint_id)
    await renew_secret(work, endpoint)
    note(work, doer, "webhook.secret_rotated", endpoint.name)
    return endpoint


async def renew_secret(work: Work, endpoint: WebhookEndpoint) -> None:
    """Count its secret on; of two who do so at once one is refused.

    Raises:
        Conflict: it was done less than a day ago.
    """
    await work.session.refresh(endpoint, with_for_update=True)
    now = work.clock()
    if endpoint.old_secret_until is not None and now < endpoint.old_secret_until:
        raise Conflict("The secret was replaced less than a day ago; both are still good.")
    endpoint.secret_version += 1
    endpoint.old_secret_until = now + ROTATION
    await work.session.flush()


async def send_test(work: Work, doer: Doer, endpoint_id: UUID) -> WebhookDelivery:
    """Store a test to be sent at once.

    Raises:
        NotFound: there is no such webhook.
        Conflict: it is disabled.
    """
    endpoint = await find_endpoint(work.session, doer.agent.workspace_id, endpoint_id)
    if endpoint.disabled_at is not None:
        raise Conflict("This webhook is disabled; enable it first.")
    return await feed.store_test(work, endpoint)


async def redeliver(
    work: Work, doer: Doer, endpoint_id: UUID, delivery_id: UUID
) -> WebhookDelivery:
    """Send it again at once, under the same id; what is newer does not wait for it.

    Raises:
        NotFound: there is no such webhook or delivery.
        Conflict: the webhook is disabled, or the delivery is just being sent.
    """
    endpoint = await find_endpoint(work.session, doer.agent.workspace_id, endpoint_id)
    delivery = await work.session.get(WebhookDelivery, delivery_id, with_for_update=True)
    if delivery is None or delivery.endpoint_id != endpoint.id:
        raise NotFound("There is no such delivery.")
    if endpoint.disabled_at is not None:
        raise Conflict("This webhook is disabled; enable it first.")
    if delivery.locked_until is not None and delivery.locked_until > work.clock():
        raise Conflict("This delivery is just being sent.")
    if delivery.state is not DeliveryState.WAITING:
        delivery.is_ordered = False
        delivery.attempts, delivery.finished_at = 0, None
        delivery.state = DeliveryState.WAITING
    delivery.next_at = work.clock()
    endpoint.not_before = None
    await work.session.flush()
    work.outbox.add(feed.DeliveryStored())
    return delivery


async def forget_old(work: Work, _payload: JsonObject) -> None:
    """The job: what was settled a month ago is forgotten; look again later."""
    before = work.clock() - KEPT_FOR
    old = select(WebhookDelivery.id).where(WebhookDelivery.finished_at < before)
    ids = old.limit(_FORGOTTEN_AT_ONCE)
    await work.session.execute(delete(WebhookDelivery).where(WebhookDelivery.id.in_(ids)))
    receipts = delete(InboundReceipt).where(InboundReceipt.created_at < before)
    await work.session.execute(receipts)
    await schedule_forgetting(work)


async def schedule_forgetting(work: Work) -> None:
    """Look in an hour; there is only one such job."""
    await schedule(work, FORGET_JOB, work.clock() + _FORGET_EVERY, {}, key=FORGET_JOB)


HANDLERS: dict[str, Handler] = {FORGET_JOB: forget_old}


def host_of(url: str) -> str:
    """What may be noted of an address; its path may be a secret."""
    return urlsplit(url).netloc


def _write(endpoint: WebhookEndpoint, wanted: Subscription) -> None:
    endpoint.name, endpoint.url = wanted.name, wanted.url
    endpoint.event_types = [one.value for one in wanted.event_types]
    endpoint.inbox_ids = [str(one) for one in wanted.inbox_ids]


async def _check(session: AsyncSession, workspace_id: UUID, wanted: Subscription) -> None:
    try:
        read_target(wanted.url)
    except FetchRefused as refused:
        raise BadField("/url", refused.sentence) from refused
    sites = select(Inbox.id).where(Inbox.workspace_id == workspace_id)
    unknown = set(wanted.inbox_ids) - set(await session.scalars(sites))
    if unknown:
        raise BadField("/inbox_ids", f"There is no site {min(map(str, unknown))}.", "not_found")


def _listed(types: Sequence[object]) -> str:
    return ", ".join(map(str, types))
