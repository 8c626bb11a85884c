"""People and the sites they meet on."""

from datetime import datetime
from uuid import UUID

from sqlalchemy import BigInteger, ForeignKey, Index, String, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column

from app.models.base import Base, JsonList, JsonObject, word
from app.vocabulary import AgentRole

DISCLOSURE = "You are talking to an AI assistant."
"""Until a company says it in its own words."""


class Workspace(Base):
    """One company; a single row in the embedded product."""

    __tablename__ = "workspace"

    slug: Mapped[str] = mapped_column(String(64), unique=True)
    name: Mapped[str] = mapped_column(String(200))
    default_locale: Mapped[str] = mapped_column(String(16), default="en")
    timezone: Mapped[str] = mapped_column(String(64), default="UTC")
    settings: Mapped[JsonObject] = mapped_column(default=dict)
    """Such as `office_hours` (`app/handoff/hours.py`)."""
    last_number: Mapped[int] = mapped_column(default=0)
    """Of the newest conversation; numbers are given in the transaction that opens it."""
    kb_version: Mapped[int] = mapped_column(default=0)
    """Raised whenever a published article changes, so that search indexes are rebuilt."""
    last_feed_seq: Mapped[int] = mapped_column(BigInteger(), default=0, server_default="0")
    """Of the newest event that has a place in the feed."""


class Agent(Base):
    """A human who answers, with an account."""

    __tablename__ = "agent"

    workspace_id: Mapped[UUID] = mapped_column(ForeignKey("workspace.id"))
    email: Mapped[str] = mapped_column(String(254), unique=True)
    """In lower case."""
    name: Mapped[str] = mapped_column(String(200))
    role: Mapped[AgentRole] = mapped_column(word(AgentRole))
    password_hash: Mapped[str] = mapped_column(String(255))
    locale: Mapped[str | None] = mapped_column(String(16))
    preferences: Mapped[JsonObject] = mapped_column(default=dict)
    """Saved views and the like; `app/dashboard` says what is in it."""
    disabled_at: Mapped[datetime | None]
    last_seen_at: Mapped[datetime | None]
    away_since: Mapped[datetime | None]
    """Has said so; customers are not told that they are there, whatever they have open."""


class Inbox(Base):
    """A site that embeds the widget, known by its public token."""

    __tablename__ = "inbox"

    workspace_id: Mapped[UUID] = mapped_column(ForeignKey("workspace.id"))
    name: Mapped[str] = mapped_column(String(200))
    public_token: Mapped[str] = mapped_column(String(64), unique=True)
    """`pk_...`, stands in the page that embeds the widget."""
    allowed_origins: Mapped[JsonList] = mapped_column(default=list)
    """Such as `https://shop.example`; our own origin is always allowed."""
    bot_name: Mapped[str] = mapped_column(String(80), default="Assistant")
    disclosure: Mapped[str] = mapped_column(String(400), default=DISCLOSURE)
    locale: Mapped[str] = mapped_column(String(16), default="en")
    theme: Mapped[JsonObject] = mapped_column(default=dict)
    """How the widget looks; `app/widget/looks.py` says what is in it."""
    prechat: Mapped[JsonObject] = mapped_column(default=dict)
    """What is asked before the first message; `app/widget/prechat.py` says what is in it."""
    enforce_identity: Mapped[bool] = mapped_column(default=False)
    """Whether only people with a signed identity may chat."""
    bot_enabled: Mapped[bool] = mapped_column(default=True)


class Contact(Base):
    """A customer; anonymous until told otherwise, and not stored before the first message."""

    __tablename__ = "contact"
    __table_args__ = (
        UniqueConstraint("workspace_id", "external_id"),
        Index("ix_contact_newest", "workspace_id", "id"),
        Index("ix_contact_email", "workspace_id", "email"),
    )

    workspace_id: Mapped[UUID] = mapped_column(ForeignKey("workspace.id"))
    external_id: Mapped[str | None] = mapped_column(String(200))
    """Who they are to the company, by a signed token."""
    email: Mapped[str | None] = mapped_column(String(254))
    name: Mapped[str] = mapped_column(String(200), default="Visitor")
    locale: Mapped[str | None] = mapped_column(String(16))
    attributes: Mapped[JsonObject] = mapped_column(default=dict)
    """What the company's server has signed about them."""
    page_attributes: Mapped[JsonObject] = mapped_column(default=dict)
    """What a page has said about them; anybody can make a page say so."""
    consented_at: Mapped[datetime | None]
    """When they agreed to the privacy notice, where one is shown before the chat."""
    blocked_at: Mapped[datetime | None]
    erased_at: Mapped[datetime | None]


class VisitorSession(Base):
    """A widget's bearer token; only its hash is here."""

    __tablename__ = "visitor_session"

    workspace_id: Mapped[UUID] = mapped_column(ForeignKey("workspace.id"))
    inbox_id: Mapped[UUID] = mapped_column(ForeignKey("inbox.id"))
    contact_id: Mapped[UUID] = mapped_column(ForeignKey("contact.id"), index=True)
    token_hash: Mapped[str] = mapped_column(String(64), unique=True)
    origin: Mapped[str | None] = mapped_column(String(255))
    page: Mapped[str | None] = mapped_column(String(2000))
    expires_at: Mapped[datetime]
