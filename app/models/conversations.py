"""What was said, in which order, and what the bot did for it.

What happens in a conversation is `conversation_event`: its `seq` is the replay log, and a message
carries the `seq` of the event that created it. `message` holds each text once, events only refer to
it, so that erasing a text is one update.
"""

from datetime import datetime
from uuid import UUID

from sqlalchemy import BigInteger, ForeignKey, Index, String, UniqueConstraint, text
from sqlalchemy.orm import Mapped, mapped_column

from app.models.base import Base, JsonList, JsonObject, index_where, word
from app.vocabulary import (
    ActorKind,
    Control,
    EndReason,
    EventType,
    Feedback,
    GenerationState,
    MessageKind,
    MessageState,
    Priority,
    Resolution,
    Role,
    Side,
    Status,
    Visibility,
)

_FILTERS = (
    ("status", "status"),
    ("control", "control"),
    ("waiting", "waiting_on"),
    ("priority", "priority"),
    ("assignee", "assignee_id"),
    ("inbox", "inbox_id"),
    ("of_contact", "contact_id"),
)
"""What lists by time are filtered by, each with an index of its own."""


class Conversation(Base):
    """A thread with one customer. `last_seq`, `control` and its epoch change under its row lock."""

    __tablename__ = "conversation"
    __table_args__ = (
        UniqueConstraint("workspace_id", "number"),
        Index("ix_conversation_list", "workspace_id", "status", "control", "last_message_at"),
        Index("ix_conversation_contact", "contact_id", "last_message_at"),
        Index("ix_conversation_created", "workspace_id", "created_at", "id"),
        *(
            Index(f"ix_conversation_{name}", "workspace_id", column, "created_at", "id")
            for name, column in _FILTERS
        ),
        Index("ix_conversation_activity", "workspace_id", "last_message_at", "id"),
        Index("uq_conversation_external_ref", "workspace_id", "external_ref", unique=True),
        index_where(
            "ix_conversation_rating_asked",
            "workspace_id",
            "rating_asked_at",
            condition="rating_asked_at IS NOT NULL",
        ),
    )

    workspace_id: Mapped[UUID] = mapped_column(ForeignKey("workspace.id"))
    inbox_id: Mapped[UUID] = mapped_column(ForeignKey("inbox.id"))
    contact_id: Mapped[UUID] = mapped_column(ForeignKey("contact.id"))
    number: Mapped[int]
    status: Mapped[Status] = mapped_column(word(Status), default=Status.OPEN)
    control: Mapped[Control] = mapped_column(word(Control), default=Control.BOT)
    control_epoch: Mapped[int] = mapped_column(default=0)
    assignee_id: Mapped[UUID | None] = mapped_column(ForeignKey("agent.id"), index=True)
    subject: Mapped[str] = mapped_column(String(120), default="")
    """The customer's first words."""
    locale: Mapped[str] = mapped_column(String(16), default="en")
    page: Mapped[str | None] = mapped_column(String(2000))
    last_seq: Mapped[int] = mapped_column(default=0)
    context_seq: Mapped[int] = mapped_column(default=0)
    """The bot reads only what came after it; raised when a resolved conversation reopens."""
    waiting_on: Mapped[Side] = mapped_column(word(Side), default=Side.US)
    waiting_since: Mapped[datetime | None]
    last_message_at: Mapped[datetime]
    first_human_reply_at: Mapped[datetime | None]
    snoozed_until: Mapped[datetime | None]
    """Null while snoozed: until the customer writes."""
    priority: Mapped[Priority] = mapped_column(word(Priority), default=Priority.NORMAL)
    next_agent_id: Mapped[UUID | None]
    """Takes over when the running answer ends. No foreign key here and in the next: SQLite cannot
    add one to a table that others refer to."""
    previous_id: Mapped[UUID | None]
    """The customer's resolved one that was too old to reopen."""
    resolved_at: Mapped[datetime | None]
    resolution: Mapped[Resolution | None] = mapped_column(word(Resolution))
    handoff_reason: Mapped[str | None] = mapped_column(String(32))
    reopened_count: Mapped[int] = mapped_column(default=0)
    bot_turns: Mapped[int] = mapped_column(default=0)
    """Answers completed since the bot last got control."""
    external_ref: Mapped[str | None] = mapped_column(String(200))
    """What another system calls it; of two imports under one reference the second is refused."""
    merged_into_id: Mapped[UUID | None]
    """Of the conversation that goes on instead."""
    rating_asked_at: Mapped[datetime | None]
    """When it first ended with something to rate; the rating itself is in `rating`."""


class Generation(Base):
    """One run of the bot. It may write only while `epoch` is the conversation's."""

    __tablename__ = "generation"
    __table_args__ = (
        Index(
            "uq_generation_live",
            "conversation_id",
            unique=True,
            sqlite_where=text("state = 'streaming'"),
            postgresql_where=text("state = 'streaming'"),
        ),
    )

    workspace_id: Mapped[UUID] = mapped_column(ForeignKey("workspace.id"))
    conversation_id: Mapped[UUID] = mapped_column(ForeignKey("conversation.id"), index=True)
    epoch: Mapped[int]
    state: Mapped[GenerationState] = mapped_column(word(GenerationState))
    end_reason: Mapped[EndReason | None] = mapped_column(word(EndReason))
    model: Mapped[str | None] = mapped_column(String(200))
    kb_version: Mapped[int | None]
    retrieval: Mapped[JsonObject | None]
    token_ids: Mapped[JsonList | None]
    """Of what was released, up to the first words that are not the model's own."""
    context: Mapped[JsonObject | None]
    """What its prompt added to the one before (`answers/context.py`), so that the next one can
    begin with it; a customer's words stand there by their `seq` only."""
    drafted: Mapped[JsonList | None]
    """Who drafted its words (`answers/drafted.py`); no word of it stands there."""
    num_prompt_tokens: Mapped[int | None]
    num_cached_tokens: Mapped[int | None]
    ttft_ms: Mapped[int | None]
    total_ms: Mapped[int | None]
    finished_at: Mapped[datetime | None]
    worker_id: Mapped[UUID | None]
    """The process that writes it (`app/workers.py`)."""


class Message(Base):
    """What somebody said; a bot's is created empty and filled when its answer ends."""

    __tablename__ = "message"
    __table_args__ = (
        UniqueConstraint("conversation_id", "seq"),
        UniqueConstraint("conversation_id", "client_msg_id"),
        UniqueConstraint("generation_id"),
        index_where(
            "ix_message_feedback",
            "workspace_id",
            "created_at",
            condition="feedback IS NOT NULL",
        ),
    )

    workspace_id: Mapped[UUID] = mapped_column(ForeignKey("workspace.id"))
    conversation_id: Mapped[UUID] = mapped_column(ForeignKey("conversation.id"))
    seq: Mapped[int]
    role: Mapped[Role] = mapped_column(word(Role))
    kind: Mapped[MessageKind] = mapped_column(word(MessageKind), default=MessageKind.TEXT)
    visibility: Mapped[Visibility] = mapped_column(word(Visibility), default=Visibility.PUBLIC)
    state: Mapped[MessageState] = mapped_column(word(MessageState), default=MessageState.COMPLETE)
    text: Mapped[str] = mapped_column(default="")
    author_agent_id: Mapped[UUID | None] = mapped_column(ForeignKey("agent.id"))
    author_name: Mapped[str | None] = mapped_column(String(200))
    """As it was when the message was written."""
    client_msg_id: Mapped[str | None] = mapped_column(String(64))
    generation_id: Mapped[UUID | None] = mapped_column(ForeignKey("generation.id"))
    citations: Mapped[JsonList] = mapped_column(default=list)
    chips: Mapped[JsonList] = mapped_column(default=list)
    files: Mapped[JsonList] = mapped_column(default=list)
    """`[{"id", "name", "type", "size"}]` as everybody sees them; `attachment` has the rest."""
    feedback: Mapped[Feedback | None] = mapped_column(word(Feedback))
    """The button under a bot's answer that the customer pressed."""
    redacted_at: Mapped[datetime | None]
    """Its words were taken out; place and time stay."""


class ConversationEvent(Base):
    """The replay log of a conversation, gapless in `seq`."""

    __tablename__ = "conversation_event"
    __table_args__ = (
        UniqueConstraint("conversation_id", "seq"),
        Index("ix_conversation_event_feed", "workspace_id", "feed_seq"),
        index_where(
            "ix_conversation_event_new",
            "workspace_id",
            "created_at",
            "id",
            condition="feed_seq IS NULL",
        ),
        index_where(
            "ix_conversation_event_control",
            "workspace_id",
            "created_at",
            condition="type = 'control.changed'",
        ),
    )

    workspace_id: Mapped[UUID] = mapped_column(ForeignKey("workspace.id"))
    conversation_id: Mapped[UUID] = mapped_column(ForeignKey("conversation.id"))
    seq: Mapped[int]
    type: Mapped[EventType] = mapped_column(word(EventType))
    visibility: Mapped[Visibility] = mapped_column(word(Visibility), default=Visibility.PUBLIC)
    actor_kind: Mapped[ActorKind] = mapped_column(word(ActorKind))
    actor_id: Mapped[UUID | None]
    message_id: Mapped[UUID | None] = mapped_column(ForeignKey("message.id"))
    data: Mapped[JsonObject] = mapped_column(default=dict)
    feed_seq: Mapped[int | None] = mapped_column(BigInteger())
    """Its place among all events of the company, given when the feed is first read past it."""


class ReadMarker(Base):
    """How far somebody has read; unread is `last_seq - seq`, so no counter can drift."""

    __tablename__ = "read_marker"
    __table_args__ = (UniqueConstraint("conversation_id", "reader_id"),)

    conversation_id: Mapped[UUID] = mapped_column(ForeignKey("conversation.id"))
    reader_id: Mapped[UUID]
    """An agent or a contact."""
    seq: Mapped[int]
