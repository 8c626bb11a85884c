"""What agents keep for each other and for themselves: labels, drafts, mentions, canned replies."""

from datetime import datetime
from uuid import UUID

from sqlalchemy import ForeignKey, Index, String, UniqueConstraint, text
from sqlalchemy.orm import Mapped, mapped_column

from app.clock import now
from app.models.base import Base, word
from app.vocabulary import DraftKind


class Label(Base):
    """A word to sort conversations by."""

    __tablename__ = "label"
    __table_args__ = (UniqueConstraint("workspace_id", "name"),)

    workspace_id: Mapped[UUID] = mapped_column(ForeignKey("workspace.id"))
    name: Mapped[str] = mapped_column(String(40))
    """In lower case."""
    colour: Mapped[str] = mapped_column(String(16), default="grey")
    """A name of the palette, never CSS."""


class ConversationLabel(Base):
    """A label on a conversation, and who put it there; null is the bot."""

    __tablename__ = "conversation_label"
    __table_args__ = (UniqueConstraint("conversation_id", "label_id"),)

    conversation_id: Mapped[UUID] = mapped_column(ForeignKey("conversation.id"))
    label_id: Mapped[UUID] = mapped_column(ForeignKey("label.id"), index=True)
    set_by_agent_id: Mapped[UUID | None] = mapped_column(ForeignKey("agent.id"))


class Draft(Base):
    """What an agent has written and not sent; it is theirs alone."""

    __tablename__ = "draft"
    __table_args__ = (UniqueConstraint("conversation_id", "agent_id", "kind"),)

    conversation_id: Mapped[UUID] = mapped_column(ForeignKey("conversation.id"))
    agent_id: Mapped[UUID] = mapped_column(ForeignKey("agent.id"))
    kind: Mapped[DraftKind] = mapped_column(word(DraftKind))
    body: Mapped[str]
    updated_at: Mapped[datetime] = mapped_column(default=now)


class Mention(Base):
    """An agent named in an internal note."""

    __tablename__ = "mention"
    __table_args__ = (
        UniqueConstraint("message_id", "agent_id"),
        Index("ix_mention_agent", "agent_id", "conversation_id"),
    )

    conversation_id: Mapped[UUID] = mapped_column(ForeignKey("conversation.id"))
    message_id: Mapped[UUID] = mapped_column(ForeignKey("message.id"))
    agent_id: Mapped[UUID] = mapped_column(ForeignKey("agent.id"))


class CannedReply(Base):
    """A text an agent inserts by its shortcut; with an owner it is private."""

    __tablename__ = "canned_reply"
    __table_args__ = (
        Index(
            "uq_canned_reply_shared",
            "workspace_id",
            "shortcut",
            "locale",
            unique=True,
            sqlite_where=text("owner_agent_id IS NULL"),
            postgresql_where=text("owner_agent_id IS NULL"),
        ),
        Index(
            "uq_canned_reply_private",
            "owner_agent_id",
            "shortcut",
            "locale",
            unique=True,
            sqlite_where=text("owner_agent_id IS NOT NULL"),
            postgresql_where=text("owner_agent_id IS NOT NULL"),
        ),
    )

    workspace_id: Mapped[UUID] = mapped_column(ForeignKey("workspace.id"))
    owner_agent_id: Mapped[UUID | None] = mapped_column(ForeignKey("agent.id"))
    """Null: shared by all."""
    shortcut: Mapped[str] = mapped_column(String(40))
    title: Mapped[str] = mapped_column(String(120))
    body_md: Mapped[str]
    locale: Mapped[str] = mapped_column(String(16), default="en")
    uses: Mapped[int] = mapped_column(default=0)
