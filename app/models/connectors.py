"""Which conversation is which ticket elsewhere, and what has already crossed over."""

from datetime import datetime
from uuid import UUID

from sqlalchemy import ForeignKey, String, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column

from app.models.base import Base, JsonObject, word
from app.vocabulary import TicketStatus, TicketSystemKind


class Connector(Base):
    """The half of an endpoint that knows a ticket system."""

    __tablename__ = "connector"

    workspace_id: Mapped[UUID] = mapped_column(ForeignKey("workspace.id"), index=True)
    endpoint_id: Mapped[UUID] = mapped_column(ForeignKey("webhook_endpoint.id"), unique=True)
    system: Mapped[TicketSystemKind] = mapped_column(word(TicketSystemKind))
    agent_id: Mapped[UUID] = mapped_column(ForeignKey("agent.id"))
    """Who answers here for the people there; nobody can sign in with this account."""
    credentials: Mapped[str]
    """Encrypted with the installation's key; shown nowhere."""
    settings: Mapped[JsonObject] = mapped_column(default=dict)
    """Such as the queue or group new tickets go to; each system's file says what it reads."""
    poll_at: Mapped[datetime | None]
    """When to look for news there."""
    poll_locked_until: Mapped[datetime | None]
    cursor: Mapped[JsonObject] = mapped_column(default=dict)
    """How far its news have been read."""
    poll_error: Mapped[str | None] = mapped_column(String(400))


class TicketLink(Base):
    """A conversation here is a ticket there."""

    __tablename__ = "ticket_link"
    __table_args__ = (
        UniqueConstraint("connector_id", "conversation_id"),
        UniqueConstraint("connector_id", "ticket_ref"),
    )

    workspace_id: Mapped[UUID] = mapped_column(ForeignKey("workspace.id"))
    connector_id: Mapped[UUID] = mapped_column(ForeignKey("connector.id"))
    conversation_id: Mapped[UUID] = mapped_column(ForeignKey("conversation.id"), index=True)
    ticket_ref: Mapped[str] = mapped_column(String(120))
    """Its id in the ticket system."""
    ticket_url: Mapped[str] = mapped_column(String(2_000), default="")
    """Where an agent looks at it."""
    seq: Mapped[int]
    """Everything up to here stood in the ticket when it was made."""
    status: Mapped[TicketStatus] = mapped_column(word(TicketStatus))
    """Of the ticket, as both sides knew it last; what equals it is no news."""


class TicketComment(Base):
    """A comment that stands on both sides, so that it crosses once and never comes back."""

    __tablename__ = "ticket_comment"
    __table_args__ = (UniqueConstraint("link_id", "ref"),)

    link_id: Mapped[UUID] = mapped_column(ForeignKey("ticket_link.id"))
    ref: Mapped[str] = mapped_column(String(120))
    """Its id in the ticket system."""
    message_id: Mapped[UUID | None] = mapped_column(index=True)


class InboundReceipt(Base):
    """The id of a webhook that came in, kept so that its repetition does nothing."""

    __tablename__ = "inbound_receipt"
    __table_args__ = (UniqueConstraint("endpoint_id", "webhook_id"),)

    endpoint_id: Mapped[UUID] = mapped_column(ForeignKey("webhook_endpoint.id"))
    webhook_id: Mapped[str] = mapped_column(String(200))
