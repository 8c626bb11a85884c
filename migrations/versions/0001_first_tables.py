"""The first tables: people, conversations with their replay log, articles.

Constraint names follow the convention that `env.py` hands over.
"""

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None


def key() -> list[sa.Column[object]]:
    """What every table begins with."""
    return [
        sa.Column("id", sa.Uuid(), primary_key=True),
        sa.Column("created_at", moment(), nullable=False),
    ]


def ref(table: str, column: str | None = None, *, nullable: bool = False) -> sa.Column[object]:
    """A column that points at another table."""
    name = column or f"{table}_id"
    return sa.Column(name, sa.Uuid(), sa.ForeignKey(f"{table}.id"), nullable=nullable)


def text(name: str, length: int | None = None, *, nullable: bool = False) -> sa.Column[object]:
    """A string; without a length it may be long."""
    return sa.Column(name, sa.String(length), nullable=nullable)


def number(name: str, *, nullable: bool = False) -> sa.Column[object]:
    """A whole number."""
    return sa.Column(name, sa.Integer(), nullable=nullable)


def json(name: str, *, nullable: bool = False) -> sa.Column[object]:
    """What nobody searches."""
    return sa.Column(name, sa.JSON(), nullable=nullable)


def time(name: str, *, nullable: bool = False) -> sa.Column[object]:
    """A moment in UTC."""
    return sa.Column(name, moment(), nullable=nullable)


def word(name: str, kind: str, *words: str, nullable: bool = False) -> sa.Column[object]:
    """One of a few words, kept by a CHECK."""
    enum = sa.Enum(*words, name=kind, native_enum=False, create_constraint=True, length=32)
    return sa.Column(name, enum, nullable=nullable)


def moment() -> sa.DateTime:
    """The type of every time."""
    return sa.DateTime(timezone=True)


def upgrade() -> None:
    """Make them."""
    op.create_table(
        "workspace",
        *key(),
        text("slug", 64),
        text("name", 200),
        text("default_locale", 16),
        text("timezone", 64),
        json("settings"),
        number("last_number"),
        number("kb_version"),
        sa.UniqueConstraint("slug"),
        if_not_exists=True,
    )
    op.create_table(
        "agent",
        *key(),
        ref("workspace"),
        text("email", 254),
        text("name", 200),
        word("role", "agentrole", "owner", "admin", "agent", "viewer"),
        text("password_hash", 255),
        text("locale", 16, nullable=True),
        time("disabled_at", nullable=True),
        time("last_seen_at", nullable=True),
        sa.UniqueConstraint("email"),
        if_not_exists=True,
    )
    op.create_table(
        "article",
        *key(),
        ref("workspace"),
        text("collection", 80),
        text("slug", 120),
        text("locale", 16),
        text("title", 200),
        text("body_md"),
        word("state", "articlestate", "draft", "published", "archived"),
        word("visibility", "visibility", "public", "internal"),
        text("source_url", 2000, nullable=True),
        number("version"),
        text("checksum", 64),
        time("published_at", nullable=True),
        time("updated_at"),
        sa.UniqueConstraint("workspace_id", "slug", "locale"),
        if_not_exists=True,
    )
    op.create_table(
        "canned_reply",
        *key(),
        ref("workspace"),
        text("shortcut", 40),
        text("title", 120),
        text("body_md"),
        text("locale", 16),
        number("uses"),
        sa.UniqueConstraint("workspace_id", "shortcut"),
        if_not_exists=True,
    )
    op.create_table(
        "contact",
        *key(),
        ref("workspace"),
        text("external_id", 200, nullable=True),
        text("email", 254, nullable=True),
        text("name", 200),
        text("locale", 16, nullable=True),
        time("blocked_at", nullable=True),
        sa.UniqueConstraint("workspace_id", "external_id"),
        if_not_exists=True,
    )
    op.create_table(
        "inbox",
        *key(),
        ref("workspace"),
        text("name", 200),
        text("public_token", 64),
        json("allowed_origins"),
        text("bot_name", 80),
        text("disclosure", 400),
        text("locale", 16),
        json("theme"),
        sa.Column("bot_enabled", sa.Boolean(), nullable=False),
        sa.UniqueConstraint("public_token"),
        if_not_exists=True,
    )
    op.create_table(
        "article_version",
        *key(),
        ref("article"),
        number("version"),
        text("title", 200),
        text("body_md"),
        ref("agent", "author_agent_id", nullable=True),
        sa.UniqueConstraint("article_id", "version"),
        if_not_exists=True,
    )
    op.create_table(
        "conversation",
        *key(),
        ref("workspace"),
        ref("inbox"),
        ref("contact"),
        number("number"),
        word("status", "status", "open", "snoozed", "resolved", "archived"),
        word("control", "control", "bot", "queue", "human"),
        number("control_epoch"),
        ref("agent", "assignee_id", nullable=True),
        text("subject", 120),
        text("locale", 16),
        text("page", 2000, nullable=True),
        number("last_seq"),
        number("context_seq"),
        word("waiting_on", "side", "us", "customer"),
        time("waiting_since", nullable=True),
        time("last_message_at"),
        time("first_human_reply_at", nullable=True),
        time("resolved_at", nullable=True),
        word("resolution", "resolution", "confirmed", "assumed", "agent", nullable=True),
        text("handoff_reason", 32, nullable=True),
        number("reopened_count"),
        number("bot_turns"),
        sa.UniqueConstraint("workspace_id", "number"),
        if_not_exists=True,
    )
    op.create_index(
        "ix_conversation_assignee_id",
        "conversation",
        ["assignee_id"],
        if_not_exists=True,
    )
    op.create_index(
        "ix_conversation_contact",
        "conversation",
        ["contact_id", "last_message_at"],
        if_not_exists=True,
    )
    op.create_index(
        "ix_conversation_list",
        "conversation",
        ["workspace_id", "status", "control", "last_message_at"],
        if_not_exists=True,
    )
    op.create_table(
        "visitor_session",
        *key(),
        ref("workspace"),
        ref("inbox"),
        ref("contact"),
        text("token_hash", 64),
        text("origin", 255, nullable=True),
        text("page", 2000, nullable=True),
        time("expires_at"),
        sa.UniqueConstraint("token_hash"),
        if_not_exists=True,
    )
    op.create_index(
        "ix_visitor_session_contact_id",
        "visitor_session",
        ["contact_id"],
        if_not_exists=True,
    )
    op.create_table(
        "generation",
        *key(),
        ref("workspace"),
        ref("conversation"),
        number("epoch"),
        word("state", "generationstate", "streaming", "done", "cancelled", "failed", "superseded"),
        word(
            "end_reason",
            "endreason",
            "done",
            "stopped",
            "takeover",
            "superseded",
            "error",
            "handoff",
            nullable=True,
        ),
        text("model", 200, nullable=True),
        number("kb_version", nullable=True),
        json("retrieval", nullable=True),
        json("token_ids", nullable=True),
        number("num_prompt_tokens", nullable=True),
        number("num_cached_tokens", nullable=True),
        number("ttft_ms", nullable=True),
        number("total_ms", nullable=True),
        time("finished_at", nullable=True),
        if_not_exists=True,
    )
    op.create_index(
        "ix_generation_conversation_id",
        "generation",
        ["conversation_id"],
        if_not_exists=True,
    )
    op.create_index(
        "uq_generation_live",
        "generation",
        ["conversation_id"],
        unique=True,
        sqlite_where=sa.text("state = 'streaming'"),
        postgresql_where=sa.text("state = 'streaming'"),
        if_not_exists=True,
    )
    op.create_table(
        "kb_gap",
        *key(),
        ref("workspace"),
        text("question", 400),
        number("count"),
        ref("conversation", nullable=True),
        ref("article", nullable=True),
        time("updated_at"),
        sa.UniqueConstraint("workspace_id", "question"),
        if_not_exists=True,
    )
    op.create_table(
        "read_marker",
        *key(),
        ref("conversation"),
        sa.Column("reader_id", sa.Uuid(), nullable=False),
        number("seq"),
        sa.UniqueConstraint("conversation_id", "reader_id"),
        if_not_exists=True,
    )
    op.create_table(
        "message",
        *key(),
        ref("workspace"),
        ref("conversation"),
        number("seq"),
        word("role", "role", "customer", "bot", "agent", "system"),
        word("kind", "messagekind", "text", "note", "event"),
        word("visibility", "visibility", "public", "internal"),
        word(
            "state", "messagestate", "streaming", "complete", "interrupted", "failed", "retracted"
        ),
        text("text"),
        ref("agent", "author_agent_id", nullable=True),
        text("author_name", 200, nullable=True),
        text("client_msg_id", 64, nullable=True),
        ref("generation", nullable=True),
        json("citations"),
        json("chips"),
        sa.UniqueConstraint("conversation_id", "client_msg_id"),
        sa.UniqueConstraint("conversation_id", "seq"),
        sa.UniqueConstraint("generation_id"),
        if_not_exists=True,
    )
    op.create_table(
        "conversation_event",
        *key(),
        ref("workspace"),
        ref("conversation"),
        number("seq"),
        word(
            "type",
            "eventtype",
            "message.created",
            "message.completed",
            "message.updated",
            "control.changed",
            "status.changed",
            "assignee.changed",
            "note.created",
        ),
        word("visibility", "visibility", "public", "internal"),
        word("actor_kind", "actorkind", "customer", "bot", "agent", "system"),
        sa.Column("actor_id", sa.Uuid(), nullable=True),
        ref("message", nullable=True),
        json("data"),
        sa.UniqueConstraint("conversation_id", "seq"),
        if_not_exists=True,
    )


def downgrade() -> None:
    """Drop them, and everything in them."""
    for table in (
        "conversation_event",
        "message",
        "read_marker",
        "kb_gap",
        "generation",
        "visitor_session",
        "conversation",
        "article_version",
        "inbox",
        "contact",
        "canned_reply",
        "article",
        "agent",
        "workspace",
    ):
        op.drop_table(table, if_exists=True)
