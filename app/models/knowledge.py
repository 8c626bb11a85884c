"""Articles, what they were, and what they do not answer yet."""

from datetime import datetime
from uuid import UUID

from sqlalchemy import ForeignKey, Index, String, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column

from app.clock import now
from app.models.base import Base, index_where, word
from app.vocabulary import ArticleState, Visibility


class Article(Base):
    """A help article as it is now; what it was stands in `article_version`."""

    __tablename__ = "article"
    __table_args__ = (
        UniqueConstraint("workspace_id", "slug", "locale"),
        Index("ix_article_newest", "workspace_id", "id"),
        Index("uq_article_external_ref", "workspace_id", "external_ref", unique=True),
    )

    workspace_id: Mapped[UUID] = mapped_column(ForeignKey("workspace.id"))
    collection: Mapped[str] = mapped_column(String(80), default="")
    slug: Mapped[str] = mapped_column(String(120))
    locale: Mapped[str] = mapped_column(String(16), default="en")
    title: Mapped[str] = mapped_column(String(200))
    body_md: Mapped[str]
    state: Mapped[ArticleState] = mapped_column(word(ArticleState), default=ArticleState.DRAFT)
    visibility: Mapped[Visibility] = mapped_column(word(Visibility), default=Visibility.PUBLIC)
    source_url: Mapped[str | None] = mapped_column(String(2000))
    version: Mapped[int] = mapped_column(default=1)
    checksum: Mapped[str] = mapped_column(String(64), default="")
    published_at: Mapped[datetime | None]
    updated_at: Mapped[datetime] = mapped_column(default=now)
    external_ref: Mapped[str | None] = mapped_column(String(200))
    """What another system calls it."""


class ArticleVersion(Base):
    """A published text for ever, so that an old citation still shows what was quoted."""

    __tablename__ = "article_version"
    __table_args__ = (UniqueConstraint("article_id", "version"),)

    article_id: Mapped[UUID] = mapped_column(ForeignKey("article.id"))
    version: Mapped[int]
    title: Mapped[str] = mapped_column(String(200))
    body_md: Mapped[str]
    author_agent_id: Mapped[UUID | None] = mapped_column(ForeignKey("agent.id"))


class KbGap(Base):
    """A question no article answered."""

    __tablename__ = "kb_gap"
    __table_args__ = (
        UniqueConstraint("workspace_id", "question"),
        Index("ix_kb_gap_newest", "workspace_id", "id"),
        index_where(
            "ix_kb_gap_open",
            "workspace_id",
            "id",
            condition="article_id IS NULL AND dismissed_at IS NULL",
        ),
        Index("ix_kb_gap_asked", "workspace_id", "updated_at"),
    )

    workspace_id: Mapped[UUID] = mapped_column(ForeignKey("workspace.id"))
    question: Mapped[str] = mapped_column(String(400))
    count: Mapped[int] = mapped_column(default=1)
    conversation_id: Mapped[UUID | None] = mapped_column(ForeignKey("conversation.id"))
    article_id: Mapped[UUID | None] = mapped_column(ForeignKey("article.id"))
    """Of the article made from it."""
    dismissed_at: Mapped[datetime | None]
    updated_at: Mapped[datetime] = mapped_column(default=now)


class SentenceVector(Base):
    """What a sentence of an article means to an encoder."""

    __tablename__ = "sentence_vector"
    __table_args__ = (UniqueConstraint("workspace_id", "encoder", "digest"),)

    workspace_id: Mapped[UUID] = mapped_column(ForeignKey("workspace.id"))
    encoder: Mapped[str] = mapped_column(String(64))
    """Its fingerprint."""
    digest: Mapped[str] = mapped_column(String(64))
    """SHA-256 of the text."""
    vector: Mapped[bytes]
    """Numbers of float16, little-endian, as many as the encoder's width."""
