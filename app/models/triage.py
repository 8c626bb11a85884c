"""Tickets to look over in bulk, and what was found."""

from datetime import datetime
from uuid import UUID

from sqlalchemy import ForeignKey, Index, String, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column

from app.models.base import Base, JsonObject, word
from app.vocabulary import BatchState


class TriageBatch(Base):
    """Tickets that came together; one process works on them until its lease ends."""

    __tablename__ = "triage_batch"
    __table_args__ = (Index("ix_triage_batch_newest", "workspace_id", "created_at"),)

    workspace_id: Mapped[UUID] = mapped_column(ForeignKey("workspace.id"))
    name: Mapped[str] = mapped_column(String(200), default="")
    state: Mapped[BatchState] = mapped_column(word(BatchState), default=BatchState.RUNNING)
    num_total: Mapped[int]
    num_done: Mapped[int] = mapped_column(default=0)
    """Those that failed too."""
    num_failed: Mapped[int] = mapped_column(default=0)
    claim_id: Mapped[UUID | None]
    locked_until: Mapped[datetime | None]
    finished_at: Mapped[datetime | None]


class TriageTicket(Base):
    """One of them; its text goes when its result comes."""

    __tablename__ = "triage_ticket"
    __table_args__ = (UniqueConstraint("batch_id", "position"),)

    batch_id: Mapped[UUID] = mapped_column(ForeignKey("triage_batch.id"))
    position: Mapped[int]
    external_ref: Mapped[str | None] = mapped_column(String(200))
    ticket: Mapped[JsonObject] = mapped_column(default=dict)
    """As it was sent; empty once it has been looked over."""
    result: Mapped[JsonObject | None]
    error: Mapped[str | None] = mapped_column(String(400))
