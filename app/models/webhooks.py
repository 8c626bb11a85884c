"""Where events are sent to, and every sending with its attempts.

A secret is in none of these rows: it follows from the installation's key, the endpoint and the
version of its secret.
"""

from datetime import datetime
from uuid import UUID

from sqlalchemy import ForeignKey, Index, String
from sqlalchemy.orm import Mapped, mapped_column

from app.models.base import Base, JsonList, word
from app.vocabulary import DeliveryState, EndpointKind


class WebhookEndpoint(Base):
    """A receiver of events; what happens while it is disabled is not kept for it."""

    __tablename__ = "webhook_endpoint"

    workspace_id: Mapped[UUID] = mapped_column(ForeignKey("workspace.id"), index=True)
    kind: Mapped[EndpointKind] = mapped_column(word(EndpointKind), default=EndpointKind.WEBHOOK)
    name: Mapped[str] = mapped_column(String(80))
    url: Mapped[str] = mapped_column(String(2_000))
    event_types: Mapped[JsonList] = mapped_column(default=list)
    """Empty: everything that customers see too."""
    inbox_ids: Mapped[JsonList] = mapped_column(default=list)
    """Empty: all sites."""
    secret_version: Mapped[int] = mapped_column(default=1)
    old_secret_until: Mapped[datetime | None]
    """Until then the secret before this one signs too."""
    num_failures: Mapped[int] = mapped_column(default=0)
    """Attempts in vain since the last success, whatever they carried."""
    window: Mapped[int] = mapped_column(default=1)
    """How many attempts may be under way at once; one more with every success, 1 after a
    failure."""
    not_before: Mapped[datetime | None]
    """Nothing is tried earlier."""
    failing_since: Mapped[datetime | None]
    disabled_at: Mapped[datetime | None]
    disabled_reason: Mapped[str | None] = mapped_column(String(300))
    """Why Careline itself has disabled it; null where a person did."""


class WebhookDelivery(Base):
    """One event for one endpoint, stored in the transaction in which it happened."""

    __tablename__ = "webhook_delivery"
    __table_args__ = (
        Index("ix_webhook_delivery_due", "endpoint_id", "state", "next_at"),
        Index("ix_webhook_delivery_order", "endpoint_id", "conversation_id", "seq"),
        Index("ix_webhook_delivery_log", "endpoint_id", "id"),
        Index("ix_webhook_delivery_state", "endpoint_id", "state", "id"),
    )

    workspace_id: Mapped[UUID] = mapped_column(ForeignKey("workspace.id"))
    endpoint_id: Mapped[UUID] = mapped_column(ForeignKey("webhook_endpoint.id"))
    conversation_id: Mapped[UUID | None] = mapped_column(ForeignKey("conversation.id"))
    """Null: a test."""
    message_id: Mapped[UUID | None] = mapped_column(index=True)
    """Whose words stand in the payload."""
    seq: Mapped[int] = mapped_column(default=0)
    type: Mapped[str] = mapped_column(String(40))
    payload: Mapped[str]
    """The body as it is signed; empty for connectors, which read the conversation itself."""
    state: Mapped[DeliveryState] = mapped_column(word(DeliveryState), default=DeliveryState.WAITING)
    is_ordered: Mapped[bool] = mapped_column(default=True)
    """Whether later ones of its conversation wait for it; a replay is not waited for."""
    attempts: Mapped[int] = mapped_column(default=0)
    next_at: Mapped[datetime]
    locked_until: Mapped[datetime | None]
    claim_id: Mapped[UUID | None]
    finished_at: Mapped[datetime | None] = mapped_column(index=True)
    log: Mapped[JsonList] = mapped_column(default=list)
    """Of each attempt: `at`, `status`, `duration_ms`, `error`, `response`; the last ones."""
