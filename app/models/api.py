"""Who may use the REST API, and which of its writes have been done."""

from datetime import datetime
from uuid import UUID

from sqlalchemy import ForeignKey, String, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column

from app.models.base import Base, JsonList, JsonObject


class ApiKey(Base):
    """A program's access; its secret was shown once and only its hash is here.

    It works while the agent who made it may still manage the company.
    """

    __tablename__ = "api_key"

    workspace_id: Mapped[UUID] = mapped_column(ForeignKey("workspace.id"), index=True)
    name: Mapped[str] = mapped_column(String(80))
    prefix: Mapped[str] = mapped_column(String(32))
    """The beginning of the secret, to tell keys apart."""
    secret_hash: Mapped[str] = mapped_column(String(64), unique=True)
    scopes: Mapped[JsonList] = mapped_column(default=list)
    created_by_agent_id: Mapped[UUID] = mapped_column(ForeignKey("agent.id"))
    last_used_at: Mapped[datetime | None]
    """To the minute."""
    expires_at: Mapped[datetime | None]
    revoked_at: Mapped[datetime | None]


class IdempotencyKey(Base):
    """A write that was done under a client's own key, with what was answered; kept for a day."""

    __tablename__ = "idempotency_key"
    __table_args__ = (UniqueConstraint("api_key_id", "key"),)

    api_key_id: Mapped[UUID] = mapped_column(ForeignKey("api_key.id"))
    key: Mapped[str] = mapped_column(String(255))
    request_hash: Mapped[str] = mapped_column(String(64))
    """Of method, path and body."""
    status: Mapped[int]
    headers: Mapped[JsonObject] = mapped_column(default=dict)
    body: Mapped[str]
    expires_at: Mapped[datetime] = mapped_column(index=True)
