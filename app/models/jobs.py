"""Work for later, and who does it."""

from datetime import datetime
from uuid import UUID

from sqlalchemy import Index, String
from sqlalchemy.orm import Mapped, mapped_column

from app.models.base import Base, JsonObject


class Job(Base):
    """Something to do at `run_at`, stored in the transaction that made it necessary.

    It is deleted when it is done. `locked_until` is the lease of the worker that holds `claim_id`;
    a worker that dies loses it.
    """

    __tablename__ = "job"
    __table_args__ = (Index("ix_job_due", "failed_at", "run_at"),)

    kind: Mapped[str] = mapped_column(String(40))
    key: Mapped[str | None] = mapped_column(String(120), unique=True)
    """Of two jobs with one key the later replaces the earlier."""
    run_at: Mapped[datetime]
    payload: Mapped[JsonObject] = mapped_column(default=dict)
    attempts: Mapped[int] = mapped_column(default=0)
    locked_until: Mapped[datetime | None]
    claim_id: Mapped[UUID | None]
    failed_at: Mapped[datetime | None]
    """Given up; kept for people to look at."""
    error: Mapped[str | None] = mapped_column(String(400))


class Worker(Base):
    """A process that serves this store; one that was not seen for a while is gone."""

    __tablename__ = "worker"

    seen_at: Mapped[datetime]
