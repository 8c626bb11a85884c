"""Every table on one page.

Keys are UUIDs of version 7, times are UTC, enums are short strings with a CHECK, JSON is for what
nobody searches. What happens in a conversation is `conversation_event`: its `seq` is the replay
log, and a message carries the `seq` of the event that created it. `message` holds each text once,
events only refer to it, so that erasing a text is one update.
"""

from datetime import UTC, datetime
from enum import StrEnum
from typing import Any, ClassVar
from uuid import UUID

from sqlalchemy import (
    JSON,
    DateTime,
    Dialect,
    Enum,
    ForeignKey,
    Index,
    MetaData,
    String,
    TypeDecorator,
    UniqueConstraint,
    Uuid,
    text,
)
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column

from app.clock import now
from app.ids import new_id
from app.vocabulary import (
    ActorKind,
    AgentRole,
    ArticleState,
    Control,
    EndReason,
    EventType,
    GenerationState,
    MessageKind,
    MessageState,
    Resolution,
    Role,
    Side,
    Status,
    Visibility,
)

JsonObject = dict[str, Any]
JsonList = list[Any]


class UtcDateTime(TypeDecorator[datetime]):
    """A moment in UTC, also from SQLite, which forgets the zone."""

    impl = DateTime(timezone=True)
    cache_ok = True

    def process_bind_param(self, value: datetime | None, dialect: Dialect) -> datetime | None:
        """Refuse a naive time; store everything else in UTC."""
        if value is None:
            return None
        assert value.tzinfo is not None, f"naive time {value!r}"
        return value.astimezone(UTC)

    def process_result_value(self, value: datetime | None, dialect: Dialect) -> datetime | None:
        """Give the zone back."""
        if value is None or value.tzinfo is not None:
            return value
        return value.replace(tzinfo=UTC)


def _word(kind: type[StrEnum]) -> Enum:
    """An enum as VARCHAR with a CHECK, spelled by value; a native type is painful to change."""
    return Enum(
        kind,
        native_enum=False,
        create_constraint=True,
        length=32,
        name=kind.__name__.lower(),
        values_callable=lambda words: [word.value for word in words],
    )


class Base(DeclarativeBase):
    """Names for every constraint, so that a migration can drop what another one made."""

    metadata = MetaData(
        naming_convention={
            "ix": "ix_%(table_name)s_%(column_0_N_name)s",
            "uq": "uq_%(table_name)s_%(column_0_N_name)s",
            "ck": "ck_%(table_name)s_%(constraint_name)s",
            "fk": "fk_%(table_name)s_%(column_0_name)s",
            "pk": "pk_%(table_name)s",
        }
    )
    type_annotation_map: ClassVar[dict[Any, Any]] = {
        datetime: UtcDateTime(),
        UUID: Uuid(),
        JsonObject: JSON(),
        JsonList: JSON(),
    }

    id: Mapped[UUID] = mapped_column(primary_key=True, default=new_id, sort_order=-2)
    created_at: Mapped[datetime] = mapped_column(default=now, sort_order=-1)


class Workspace(Base):
    """One company; a single row in the embedded product."""

    __tablename__ = "workspace"

    slug: Mapped[str] = mapped_column(String(64), unique=True)
    name: Mapped[str] = mapped_column(String(200))
    default_locale: Mapped[str] = mapped_column(String(16), default="en")
    timezone: Mapped[str] = mapped_column(String(64), default="UTC")
    settings: Mapped[JsonObject] = mapped_column(default=dict)
    last_number: Mapped[int] = mapped_column(default=0)
    """Of the newest conversation; numbers are given in the transaction that opens it."""
    kb_version: Mapped[int] = mapped_column(default=0)
    """Raised whenever a published article changes, so that search indexes are rebuilt."""


class Agent(Base):
    """A human who answers, with an account."""

    __tablename__ = "agent"

    workspace_id: Mapped[UUID] = mapped_column(ForeignKey("workspace.id"))
    email: Mapped[str] = mapped_column(String(254), unique=True)
    """In lower case."""
    name: Mapped[str] = mapped_column(String(200))
    role: Mapped[AgentRole] = mapped_column(_word(AgentRole))
    password_hash: Mapped[str] = mapped_column(String(255))
    locale: Mapped[str | None] = mapped_column(String(16))
    disabled_at: Mapped[datetime | None]
    last_seen_at: Mapped[datetime | None]


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
    disclosure: Mapped[str] = mapped_column(
        String(400), default="You are talking to an AI assistant."
    )
    locale: Mapped[str] = mapped_column(String(16), default="en")
    theme: Mapped[JsonObject] = mapped_column(default=dict)
    bot_enabled: Mapped[bool] = mapped_column(default=True)


class Contact(Base):
    """A customer; anonymous until told otherwise, and not stored before the first message."""

    __tablename__ = "contact"
    __table_args__ = (UniqueConstraint("workspace_id", "external_id"),)

    workspace_id: Mapped[UUID] = mapped_column(ForeignKey("workspace.id"))
    external_id: Mapped[str | None] = mapped_column(String(200))
    email: Mapped[str | None] = mapped_column(String(254))
    name: Mapped[str] = mapped_column(String(200), default="Visitor")
    locale: Mapped[str | None] = mapped_column(String(16))
    blocked_at: Mapped[datetime | None]


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


class Conversation(Base):
    """A thread with one customer. `last_seq`, `control` and its epoch change under its row lock."""

    __tablename__ = "conversation"
    __table_args__ = (
        UniqueConstraint("workspace_id", "number"),
        Index("ix_conversation_list", "workspace_id", "status", "control", "last_message_at"),
        Index("ix_conversation_contact", "contact_id", "last_message_at"),
    )

    workspace_id: Mapped[UUID] = mapped_column(ForeignKey("workspace.id"))
    inbox_id: Mapped[UUID] = mapped_column(ForeignKey("inbox.id"))
    contact_id: Mapped[UUID] = mapped_column(ForeignKey("contact.id"))
    number: Mapped[int]
    status: Mapped[Status] = mapped_column(_word(Status), default=Status.OPEN)
    control: Mapped[Control] = mapped_column(_word(Control), default=Control.BOT)
    control_epoch: Mapped[int] = mapped_column(default=0)
    assignee_id: Mapped[UUID | None] = mapped_column(ForeignKey("agent.id"), index=True)
    subject: Mapped[str] = mapped_column(String(120), default="")
    """The customer's first words."""
    locale: Mapped[str] = mapped_column(String(16), default="en")
    page: Mapped[str | None] = mapped_column(String(2000))
    last_seq: Mapped[int] = mapped_column(default=0)
    context_seq: Mapped[int] = mapped_column(default=0)
    """The bot reads only what came after it; raised when a resolved conversation reopens."""
    waiting_on: Mapped[Side] = mapped_column(_word(Side), default=Side.US)
    waiting_since: Mapped[datetime | None]
    last_message_at: Mapped[datetime]
    first_human_reply_at: Mapped[datetime | None]
    resolved_at: Mapped[datetime | None]
    resolution: Mapped[Resolution | None] = mapped_column(_word(Resolution))
    handoff_reason: Mapped[str | None] = mapped_column(String(32))
    reopened_count: Mapped[int] = mapped_column(default=0)
    bot_turns: Mapped[int] = mapped_column(default=0)
    """Answers completed since the bot last got control."""


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
    state: Mapped[GenerationState] = mapped_column(_word(GenerationState))
    end_reason: Mapped[EndReason | None] = mapped_column(_word(EndReason))
    model: Mapped[str | None] = mapped_column(String(200))
    kb_version: Mapped[int | None]
    retrieval: Mapped[JsonObject | None]
    token_ids: Mapped[JsonList | None]
    """Of what was released, up to the first words that are not the model's own."""
    context: Mapped[JsonObject | None]
    """What its prompt added to the one before (`answers/context.py`), so that the next one can
    begin with it; a customer's words stand there by their `seq` only."""
    num_prompt_tokens: Mapped[int | None]
    num_cached_tokens: Mapped[int | None]
    ttft_ms: Mapped[int | None]
    total_ms: Mapped[int | None]
    finished_at: Mapped[datetime | None]


class Message(Base):
    """What somebody said; a bot's is created empty and filled when its answer ends."""

    __tablename__ = "message"
    __table_args__ = (
        UniqueConstraint("conversation_id", "seq"),
        UniqueConstraint("conversation_id", "client_msg_id"),
        UniqueConstraint("generation_id"),
    )

    workspace_id: Mapped[UUID] = mapped_column(ForeignKey("workspace.id"))
    conversation_id: Mapped[UUID] = mapped_column(ForeignKey("conversation.id"))
    seq: Mapped[int]
    role: Mapped[Role] = mapped_column(_word(Role))
    kind: Mapped[MessageKind] = mapped_column(_word(MessageKind), default=MessageKind.TEXT)
    visibility: Mapped[Visibility] = mapped_column(_word(Visibility), default=Visibility.PUBLIC)
    state: Mapped[MessageState] = mapped_column(_word(MessageState), default=MessageState.COMPLETE)
    text: Mapped[str] = mapped_column(default="")
    author_agent_id: Mapped[UUID | None] = mapped_column(ForeignKey("agent.id"))
    author_name: Mapped[str | None] = mapped_column(String(200))
    """As it was when the message was written."""
    client_msg_id: Mapped[str | None] = mapped_column(String(64))
    generation_id: Mapped[UUID | None] = mapped_column(ForeignKey("generation.id"))
    citations: Mapped[JsonList] = mapped_column(default=list)
    chips: Mapped[JsonList] = mapped_column(default=list)


class ConversationEvent(Base):
    """The replay log of a conversation, gapless in `seq`."""

    __tablename__ = "conversation_event"
    __table_args__ = (UniqueConstraint("conversation_id", "seq"),)

    workspace_id: Mapped[UUID] = mapped_column(ForeignKey("workspace.id"))
    conversation_id: Mapped[UUID] = mapped_column(ForeignKey("conversation.id"))
    seq: Mapped[int]
    type: Mapped[EventType] = mapped_column(_word(EventType))
    visibility: Mapped[Visibility] = mapped_column(_word(Visibility), default=Visibility.PUBLIC)
    actor_kind: Mapped[ActorKind] = mapped_column(_word(ActorKind))
    actor_id: Mapped[UUID | None]
    message_id: Mapped[UUID | None] = mapped_column(ForeignKey("message.id"))
    data: Mapped[JsonObject] = mapped_column(default=dict)


class ReadMarker(Base):
    """How far somebody has read; unread is `last_seq - seq`, so no counter can drift."""

    __tablename__ = "read_marker"
    __table_args__ = (UniqueConstraint("conversation_id", "reader_id"),)

    conversation_id: Mapped[UUID] = mapped_column(ForeignKey("conversation.id"))
    reader_id: Mapped[UUID]
    """An agent or a contact."""
    seq: Mapped[int]


class Article(Base):
    """A help article as it is now; what it was stands in `article_version`."""

    __tablename__ = "article"
    __table_args__ = (UniqueConstraint("workspace_id", "slug", "locale"),)

    workspace_id: Mapped[UUID] = mapped_column(ForeignKey("workspace.id"))
    collection: Mapped[str] = mapped_column(String(80), default="")
    slug: Mapped[str] = mapped_column(String(120))
    locale: Mapped[str] = mapped_column(String(16), default="en")
    title: Mapped[str] = mapped_column(String(200))
    body_md: Mapped[str]
    state: Mapped[ArticleState] = mapped_column(_word(ArticleState), default=ArticleState.DRAFT)
    visibility: Mapped[Visibility] = mapped_column(_word(Visibility), default=Visibility.PUBLIC)
    source_url: Mapped[str | None] = mapped_column(String(2000))
    version: Mapped[int] = mapped_column(default=1)
    checksum: Mapped[str] = mapped_column(String(64), default="")
    published_at: Mapped[datetime | None]
    updated_at: Mapped[datetime] = mapped_column(default=now)


class ArticleVersion(Base):
    """A published text for ever, so that an old citation still shows what was quoted."""

    __tablename__ = "article_version"
    __table_args__ = (UniqueConstraint("article_id", "version"),)

    article_id: Mapped[UUID] = mapped_column(ForeignKey("article.id"))
    version: Mapped[int]
    title: Mapped[str] = mapped_column(String(200))
    body_md: Mapped[str]
    author_agent_id: Mapped[UUID | None] = mapped_column(ForeignKey("agent.id"))


class CannedReply(Base):
    """A text an agent inserts by its shortcut."""

    __tablename__ = "canned_reply"
    __table_args__ = (UniqueConstraint("workspace_id", "shortcut"),)

    workspace_id: Mapped[UUID] = mapped_column(ForeignKey("workspace.id"))
    shortcut: Mapped[str] = mapped_column(String(40))
    title: Mapped[str] = mapped_column(String(120))
    body_md: Mapped[str]
    locale: Mapped[str] = mapped_column(String(16), default="en")
    uses: Mapped[int] = mapped_column(default=0)


class KbGap(Base):
    """A question no article answered."""

    __tablename__ = "kb_gap"
    __table_args__ = (UniqueConstraint("workspace_id", "question"),)

    workspace_id: Mapped[UUID] = mapped_column(ForeignKey("workspace.id"))
    question: Mapped[str] = mapped_column(String(400))
    count: Mapped[int] = mapped_column(default=1)
    conversation_id: Mapped[UUID | None] = mapped_column(ForeignKey("conversation.id"))
    article_id: Mapped[UUID | None] = mapped_column(ForeignKey("article.id"))
    updated_at: Mapped[datetime] = mapped_column(default=now)
