"""Deliveries as rows: claimed by one worker, tried, and written down; many workers at once.

A claim locks an endpoint's row, so what is under way to it is counted by one worker at a time. A
delivery is free when nothing earlier of its conversation is on the way to the same endpoint: that
is the whole of "in order". A worker that dies keeps its claim until the lease ends; then the same
webhook goes out again, under the same id.
"""

from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import UUID

from sqlalchemy import ColumnElement, and_, case, exists, func, or_, select, update
from sqlalchemy.ext.asyncio import AsyncSession
from sqlalchemy.orm import aliased

from app.clock import as_wire
from app.database import Work
from app.ids import new_id
from app.models import WebhookDelivery, WebhookEndpoint
from app.vocabulary import DeliveryState, EndpointKind
from app.webhooks import pacing

_MAX_LOGGED = 20
_GONE = 410


@dataclass(frozen=True)
class Receiver:
    """An endpoint as it was when a delivery was claimed."""

    endpoint_id: UUID
    workspace_id: UUID
    kind: EndpointKind
    url: str
    secret_version: int
    old_secret_until: datetime | None


@dataclass(frozen=True)
class Parcel:
    """A delivery that is this worker's until its lease ends."""

    delivery_id: UUID
    claim_id: UUID
    to: Receiver
    type: str
    payload: str
    conversation_id: UUID | None
    message_id: UUID | None
    seq: int

    @property
    def webhook_id(self) -> str:
        """The same for every attempt."""
        return f"msg_{self.delivery_id.hex}"


@dataclass(frozen=True)
class Attempt:
    """How one sending went."""

    at: datetime
    duration_ms: int
    status: int | None = None
    """None: no answer came."""
    error: str | None = None
    """None: it has arrived."""
    response: str = ""
    """How the answer began."""
    wait: timedelta = timedelta()
    """How long the receiver asks to be left alone."""

    def wire(self) -> dict[str, object]:
        """For the log."""
        return {
            "at": as_wire(self.at),
            "duration_ms": self.duration_ms,
            "status": self.status,
            "error": self.error,
            "response": self.response,
        }


async def is_any_due(session: AsyncSession, now: datetime) -> bool:
    """Whether a claim may find something."""
    found = select(exists(select(WebhookDelivery.id).join(*_ENDPOINT).where(*_due(now))))
    return bool((await session.execute(found)).scalar_one())


async def next_due(session: AsyncSession) -> datetime | None:
    """When the next delivery may be tried; in the past when one only waits for its turn."""
    not_before = WebhookEndpoint.not_before
    is_later = not_before > WebhookDelivery.next_at
    moment = func.min(case((is_later, not_before), else_=WebhookDelivery.next_at))
    waiting = WebhookDelivery.state == DeliveryState.WAITING
    query = select(moment).select_from(WebhookDelivery).join(*_ENDPOINT)
    query = query.where(waiting, WebhookEndpoint.disabled_at.is_(None))
    found: datetime | None = (await session.execute(query)).scalar_one()
    return found


async def claim(work: Work, *, limit: int, lease: timedelta) -> list[Parcel]:
    """Up to `limit` deliveries that may go out now, from now on this worker's."""
    now = work.clock()
    due = select(WebhookDelivery.endpoint_id).where(*_free(now))
    query = (
        select(WebhookEndpoint)
        .where(WebhookEndpoint.id.in_(due), *_is_open(now))
        .order_by(WebhookEndpoint.id)
        .with_for_update(skip_locked=True)
        .execution_options(populate_existing=True)
    )
    parcels: list[Parcel] = []
    for endpoint in (await work.session.scalars(query)).all():
        room = min(endpoint.window - await _num_sent(work, endpoint), limit - len(parcels))
        if room > 0:
            parcels += await _claim_some(work, endpoint, room, now + lease)
    return parcels


async def record(work: Work, parcel: Parcel, attempt: Attempt, jitter: float) -> None:
    """Write down how it went, and what follows for the delivery and its endpoint."""
    endpoint = await _lock(work, parcel.to.endpoint_id)
    delivery = await work.session.get(WebhookDelivery, parcel.delivery_id, populate_existing=True)
    if endpoint is None or delivery is None or delivery.claim_id != parcel.claim_id:
        return  # it was deleted, or its lease had ended and another worker has it
    delivery.log = [*delivery.log, attempt.wire()][-_MAX_LOGGED:]
    delivery.locked_until = delivery.claim_id = None
    if attempt.error is None:
        _settle(work, delivery, DeliveryState.DELIVERED)
        await _recover(work, endpoint)
        return
    delay = pacing.delay_after(delivery.attempts, jitter)
    if delay is None:
        _settle(work, delivery, DeliveryState.FAILED)
    else:
        delivery.next_at = work.clock() + max(delay, attempt.wait)
    _note_failure(work, endpoint, attempt, jitter)


def disable(work: Work, endpoint: WebhookEndpoint, reason: str | None) -> None:
    """Send nothing more; with a `reason` it was not a person who decided so."""
    endpoint.disabled_at, endpoint.disabled_reason = work.clock(), reason


def _settle(work: Work, delivery: WebhookDelivery, state: DeliveryState) -> None:
    delivery.state, delivery.finished_at = state, work.clock()


async def _recover(work: Work, endpoint: WebhookEndpoint) -> None:
    """It works: the next may go, and after a bad time what was put off need not wait longer."""
    now = work.clock()
    if endpoint.num_failures >= pacing.NUM_FAILURES_BEFORE_PROBING:
        late = update(WebhookDelivery).where(
            WebhookDelivery.endpoint_id == endpoint.id,
            WebhookDelivery.state == DeliveryState.WAITING,
            WebhookDelivery.next_at > now,
        )
        late = late.values(next_at=now).execution_options(synchronize_session=False)
        await work.session.execute(late)
    endpoint.window = min(endpoint.window + 1, pacing.MAX_WINDOW)
    endpoint.num_failures = 0
    endpoint.not_before = endpoint.failing_since = None


def _note_failure(work: Work, endpoint: WebhookEndpoint, attempt: Attempt, jitter: float) -> None:
    now = work.clock()
    endpoint.num_failures += 1
    endpoint.window = 1
    endpoint.failing_since = endpoint.failing_since or now
    pause = max(pacing.pause_after(endpoint.num_failures, jitter), attempt.wait)
    endpoint.not_before = max(now + pause, endpoint.not_before or now)
    if endpoint.disabled_at is not None:
        return
    if attempt.status == _GONE:
        disable(work, endpoint, "The receiver answered 410 Gone.")
    elif now - endpoint.failing_since >= pacing.DISABLED_AFTER:
        days = pacing.DISABLED_AFTER.days
        disable(work, endpoint, f"Nothing has arrived there for {days} days: {attempt.error}")


async def _num_sent(work: Work, endpoint: WebhookEndpoint) -> int:
    """How many attempts are under way to it, by any worker."""
    query = select(func.count()).where(
        WebhookDelivery.endpoint_id == endpoint.id,
        WebhookDelivery.state == DeliveryState.WAITING,
        WebhookDelivery.locked_until > work.clock(),
    )
    return (await work.session.execute(query)).scalar_one()


async def _claim_some(
    work: Work, endpoint: WebhookEndpoint, limit: int, locked_until: datetime
) -> list[Parcel]:
    query = (
        select(WebhookDelivery.id)
        .where(WebhookDelivery.endpoint_id == endpoint.id, *_free(work.clock()), _is_first())
        .order_by(WebhookDelivery.next_at, WebhookDelivery.id)
        .limit(limit)
    )
    ids = list(await work.session.scalars(query))
    claim_id = new_id()
    taken = (
        update(WebhookDelivery)
        .where(WebhookDelivery.id.in_(ids))
        .values(
            claim_id=claim_id,
            locked_until=locked_until,
            attempts=WebhookDelivery.attempts + 1,
        )
        .returning(WebhookDelivery)
        .execution_options(synchronize_session=False, populate_existing=True)
    )
    to = _receiver(endpoint)
    rows = (await work.session.scalars(taken)).all() if ids else ()
    return [_parcel(row, claim_id, to) for row in sorted(rows, key=lambda row: row.id)]


def _receiver(endpoint: WebhookEndpoint) -> Receiver:
    return Receiver(
        endpoint.id,
        endpoint.workspace_id,
        endpoint.kind,
        endpoint.url,
        endpoint.secret_version,
        endpoint.old_secret_until,
    )


def _parcel(row: WebhookDelivery, claim_id: UUID, to: Receiver) -> Parcel:
    return Parcel(
        row.id, claim_id, to, row.type, row.payload, row.conversation_id, row.message_id, row.seq
    )


async def _lock(work: Work, endpoint_id: UUID) -> WebhookEndpoint | None:
    query = select(WebhookEndpoint).where(WebhookEndpoint.id == endpoint_id).with_for_update()
    return (
        await work.session.scalars(query.execution_options(populate_existing=True))
    ).one_or_none()


_ENDPOINT = (WebhookEndpoint, WebhookEndpoint.id == WebhookDelivery.endpoint_id)


def _free(now: datetime) -> tuple[ColumnElement[bool], ...]:
    """Its time has come and nobody has it."""
    is_unlocked = or_(WebhookDelivery.locked_until.is_(None), WebhookDelivery.locked_until <= now)
    is_waiting = WebhookDelivery.state == DeliveryState.WAITING
    return is_waiting, WebhookDelivery.next_at <= now, is_unlocked


def _is_open(now: datetime) -> tuple[ColumnElement[bool], ...]:
    not_before = WebhookEndpoint.not_before
    return WebhookEndpoint.disabled_at.is_(None), or_(not_before.is_(None), not_before <= now)


def _due(now: datetime) -> tuple[ColumnElement[bool], ...]:
    return *_free(now), *_is_open(now)


def _is_first() -> ColumnElement[bool]:
    """Nothing earlier of its conversation is still on the way there."""
    earlier = aliased(WebhookDelivery)
    is_earlier = and_(
        earlier.endpoint_id == WebhookDelivery.endpoint_id,
        earlier.conversation_id == WebhookDelivery.conversation_id,
        earlier.seq < WebhookDelivery.seq,
        earlier.state == DeliveryState.WAITING,
        earlier.is_ordered.is_(True),
    )
    return or_(WebhookDelivery.is_ordered.is_(False), ~exists().where(is_earlier))
