"""What the office keeps: what was done by whom, invitations, articles in the making, ratings."""

from datetime import datetime
from typing import NoReturn
from uuid import UUID

from sqlalchemy import CheckConstraint, ForeignKey, Index, String, UniqueConstraint, event
from sqlalchemy.engine.default import DefaultExecutionContext
from sqlalchemy.orm import Mapped, mapped_column

from app.clock import now
from app.models.base import Base, JsonList, JsonObject, word
from app.vocabulary import AgentRole, AnsweredBy, ImportState, Visibility


def _area_of_action(context: DefaultExecutionContext) -> str:
    action: str = context.get_current_parameters()["action"]  # type: ignore[no-untyped-call]  # untyped there
    return action.partition(".")[0]


class AuditEntry(Base):
    """Somebody changed something; entries are added and never changed."""

    __tablename__ = "audit_entry"
    __table_args__ = (
        Index("ix_audit_entry_list", "workspace_id", "id"),
        Index("ix_audit_entry_of_agent", "workspace_id", "agent_id", "id"),
        Index("ix_audit_entry_of_area", "workspace_id", "area", "id"),
        Index("ix_audit_entry_of_both", "workspace_id", "agent_id", "area", "id"),
    )

    workspace_id: Mapped[UUID] = mapped_column(ForeignKey("workspace.id"))
    agent_id: Mapped[UUID | None] = mapped_column(ForeignKey("agent.id"))
    agent_name: Mapped[str] = mapped_column(String(200))
    """As it was then."""
    action: Mapped[str] = mapped_column(String(64))
    """Such as `member.role_changed`."""
    area: Mapped[str] = mapped_column(String(64), default=_area_of_action)
    """The first word of the action, by which the log is narrowed."""
    target: Mapped[str] = mapped_column(String(300))
    """What it was done to, for a person; never a customer's words."""
    details: Mapped[JsonObject] = mapped_column(default=dict)
    """`{"field": [before, after]}`."""
    address: Mapped[str | None] = mapped_column(String(64))


class Invitation(Base):
    """A link by which somebody becomes an agent; only the hash of its token is here."""

    __tablename__ = "invitation"

    workspace_id: Mapped[UUID] = mapped_column(ForeignKey("workspace.id"), index=True)
    email: Mapped[str] = mapped_column(String(254))
    role: Mapped[AgentRole] = mapped_column(word(AgentRole))
    token_hash: Mapped[str] = mapped_column(String(64), unique=True)
    invited_by_agent_id: Mapped[UUID] = mapped_column(ForeignKey("agent.id"))
    expires_at: Mapped[datetime]
    closed_at: Mapped[datetime | None]
    """Accepted or revoked."""


class ArticleDraft(Base):
    """What an article will say once it is published; at most one an article."""

    __tablename__ = "article_draft"

    article_id: Mapped[UUID] = mapped_column(ForeignKey("article.id"), unique=True)
    title: Mapped[str] = mapped_column(String(200))
    body_md: Mapped[str]
    collection: Mapped[str] = mapped_column(String(80), default="")
    visibility: Mapped[Visibility] = mapped_column(word(Visibility), default=Visibility.PUBLIC)
    author_agent_id: Mapped[UUID | None] = mapped_column(ForeignKey("agent.id"))
    revision: Mapped[int] = mapped_column(default=1)
    """Raised by every saving, so that two authors notice each other."""
    updated_at: Mapped[datetime] = mapped_column(default=now)


class ArticleImport(Base):
    """An import of articles and how far it is; all of it comes in, or nothing."""

    __tablename__ = "article_import"
    __table_args__ = (Index("ix_article_import_newest", "workspace_id", "created_at"),)

    workspace_id: Mapped[UUID] = mapped_column(ForeignKey("workspace.id"))
    agent_id: Mapped[UUID] = mapped_column(ForeignKey("agent.id"))
    name: Mapped[str] = mapped_column(String(300))
    state: Mapped[ImportState] = mapped_column(word(ImportState), default=ImportState.RUNNING)
    num_total: Mapped[int]
    num_done: Mapped[int] = mapped_column(default=0)
    failures: Mapped[JsonList] = mapped_column(default=list)
    """`[{"name": "guide/a.md", "reason": "..."}]`."""
    finished_at: Mapped[datetime | None]


class Rating(Base):
    """What a customer thought of a conversation, 1 to 5; the last answer counts."""

    __tablename__ = "rating"
    __table_args__ = (
        UniqueConstraint("conversation_id"),
        CheckConstraint("score BETWEEN 1 AND 5", name="score"),
        Index("ix_rating_newest", "workspace_id", "id"),
        Index("ix_rating_given", "workspace_id", "created_at"),
    )

    workspace_id: Mapped[UUID] = mapped_column(ForeignKey("workspace.id"))
    conversation_id: Mapped[UUID] = mapped_column(ForeignKey("conversation.id"))
    score: Mapped[int]
    comment: Mapped[str] = mapped_column(String(2_000), default="")
    answered_by: Mapped[AnsweredBy] = mapped_column(word(AnsweredBy))
    """Who had the last word before it was asked for."""


@event.listens_for(AuditEntry, "before_update")
@event.listens_for(AuditEntry, "before_delete")
def _refuse(_mapper: object, _connection: object, entry: AuditEntry) -> NoReturn:
    raise AssertionError(f"audit entry {entry.id} must stay as it was written")
