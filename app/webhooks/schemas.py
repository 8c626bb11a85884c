"""What crosses the wire about webhooks, strict."""

from datetime import datetime
from typing import Annotated, Any, Self
from uuid import UUID

from pydantic import ConfigDict, Field

from app.api.values import Body, Flag, PatchBody, Resource, ShortName, Url
from app.models import WebhookDelivery, WebhookEndpoint
from app.vocabulary import DeliveryState, EventType
from app.webhooks.service import Subscription

EventTypes = Annotated[
    list[EventType],
    Field(max_length=40, description="Empty: every event that customers see too."),
]
InboxIds = Annotated[list[UUID], Field(max_length=100, description="Empty: all sites.")]


class NewWebhook(Body):
    """A subscription to be."""

    name: ShortName
    url: Url
    event_types: EventTypes = Field(default_factory=list)
    inbox_ids: InboxIds = Field(default_factory=list)

    def subscription(self) -> Subscription:
        """For the service."""
        return Subscription(self.name, self.url, tuple(self.event_types), tuple(self.inbox_ids))


class WebhookChange(PatchBody):
    """What is left out stays as it is."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"enabled": True}]})

    name: ShortName | None = None
    url: Url | None = None
    event_types: EventTypes | None = None
    inbox_ids: InboxIds | None = None
    enabled: Flag | None = None

    def applied_to(self, endpoint: WebhookEndpoint) -> Subscription:
        """All that it will want."""
        types = self.event_types
        if types is None:
            types = [EventType(one) for one in endpoint.event_types]
        sites = self.inbox_ids
        if sites is None:
            sites = [UUID(one) for one in endpoint.inbox_ids]
        return Subscription(
            self.name or endpoint.name, self.url or endpoint.url, tuple(types), tuple(sites)
        )


class WebhookOut(Resource):
    """A subscription as it is."""

    id: UUID
    name: str
    url: str
    event_types: list[EventType]
    inbox_ids: list[UUID]
    enabled: bool
    disabled_reason: str | None = Field(description="Why Careline itself has disabled it.")
    failing_since: datetime | None
    old_secret_until: datetime | None = Field(description="Until then two signatures are sent.")
    created_at: datetime

    @classmethod
    def of(cls, endpoint: WebhookEndpoint) -> Self:
        """As it is now."""
        return cls.model_validate(_shown(endpoint))


class WebhookWithSecret(WebhookOut):
    """The same with its secret, which is told once."""

    secret: str = Field(examples=["whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"])

    @classmethod
    def with_secret(cls, endpoint: WebhookEndpoint, secret: str) -> Self:
        """As it is now."""
        return cls.model_validate(_shown(endpoint) | {"secret": secret})


class AttemptOut(Resource):
    """One sending."""

    at: datetime
    duration_ms: int
    status: int | None = Field(description="Absent: no answer came.")
    error: str | None = Field(description="Absent: it has arrived.")
    response: str = Field(description="How the answer began.")


class DeliveryOut(Resource):
    """An event on its way to a receiver."""

    id: UUID
    webhook_id: str = Field(description="The header `webhook-id`, the same for every attempt.")
    type: str
    conversation_id: UUID | None
    seq: int
    state: DeliveryState
    attempts: int
    next_at: datetime | None = Field(description="When it is tried next, while it waits.")
    created_at: datetime
    finished_at: datetime | None
    log: list[AttemptOut]
    payload: str

    @classmethod
    def of(cls, delivery: WebhookDelivery) -> Self:
        """As it is now."""
        is_waiting = delivery.state is DeliveryState.WAITING
        return cls(
            id=delivery.id,
            webhook_id=f"msg_{delivery.id.hex}",
            type=delivery.type,
            conversation_id=delivery.conversation_id,
            seq=delivery.seq,
            state=delivery.state,
            attempts=delivery.attempts,
            next_at=delivery.next_at if is_waiting else None,
            created_at=delivery.created_at,
            finished_at=delivery.finished_at,
            log=[AttemptOut.model_validate(one) for one in delivery.log],
            payload=delivery.payload,
        )


def _shown(endpoint: WebhookEndpoint) -> dict[str, Any]:
    return {
        "id": endpoint.id,
        "name": endpoint.name,
        "url": endpoint.url,
        "event_types": endpoint.event_types,
        "inbox_ids": endpoint.inbox_ids,
        "enabled": endpoint.disabled_at is None,
        "disabled_reason": endpoint.disabled_reason,
        "failing_since": endpoint.failing_since,
        "old_secret_until": endpoint.old_secret_until,
        "created_at": endpoint.created_at,
    }
