"""What the REST API needs: keys, done writes, references from outside, a place in the feed."""

import sqlalchemy as sa
from alembic import op

revision = "0006"
down_revision = "0005"
branch_labels = None
depends_on = None

_COLUMNS = (
    ("conversation", "external_ref", sa.String(200)),
    ("conversation", "merged_into_id", sa.Uuid()),
    ("conversation_event", "feed_seq", sa.BigInteger()),
    ("message", "redacted_at", sa.DateTime(timezone=True)),
    ("article", "external_ref", sa.String(200)),
)
_INDEXES = (
    ("uq_conversation_external_ref", "conversation", ("workspace_id", "external_ref"), True),
    ("ix_conversation_newest", "conversation", ("workspace_id", "id"), False),
    ("ix_conversation_newest_of", "conversation", ("workspace_id", "status", "id"), False),
    ("ix_conversation_activity", "conversation", ("workspace_id", "last_message_at", "id"), False),
    ("uq_article_external_ref", "article", ("workspace_id", "external_ref"), True),
    ("ix_contact_newest", "contact", ("workspace_id", "id"), False),
    ("ix_contact_email", "contact", ("workspace_id", "email"), False),
    ("ix_conversation_event_feed", "conversation_event", ("workspace_id", "feed_seq"), False),
)


def upgrade() -> None:
    """Add them, unless they are there."""
    _make_keys()
    for table, name, kind in _COLUMNS:
        if not _has_column(table, name):
            op.add_column(table, sa.Column(name, kind, nullable=True))
    if not _has_column("workspace", "last_feed_seq"):
        number = sa.Column("last_feed_seq", sa.BigInteger(), nullable=False, server_default="0")
        op.add_column("workspace", number)
    for name, table, columns, is_unique in _INDEXES:
        op.create_index(name, table, list(columns), unique=is_unique, if_not_exists=True)


def downgrade() -> None:
    """Take them away with all that stands in them."""
    for name, table, _columns, _is_unique in _INDEXES:
        op.drop_index(name, table, if_exists=True)
    for table, name in (
        *((table, name) for table, name, _ in _COLUMNS),
        ("workspace", "last_feed_seq"),
    ):
        if _has_column(table, name):
            op.drop_column(table, name)
    op.drop_table("idempotency_key", if_exists=True)
    op.drop_table("api_key", if_exists=True)


def _make_keys() -> None:
    op.create_table(
        "api_key",
        *_key(),
        sa.Column("workspace_id", sa.Uuid(), sa.ForeignKey("workspace.id"), nullable=False),
        sa.Column("name", sa.String(80), nullable=False),
        sa.Column("prefix", sa.String(32), nullable=False),
        sa.Column("secret_hash", sa.String(64), nullable=False),
        sa.Column("scopes", sa.JSON(), nullable=False),
        sa.Column("created_by_agent_id", sa.Uuid(), sa.ForeignKey("agent.id"), nullable=False),
        sa.Column("last_used_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("expires_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("revoked_at", sa.DateTime(timezone=True), nullable=True),
        sa.UniqueConstraint("secret_hash"),
        if_not_exists=True,
    )
    op.create_index("ix_api_key_workspace_id", "api_key", ["workspace_id"], if_not_exists=True)
    op.create_table(
        "idempotency_key",
        *_key(),
        sa.Column("api_key_id", sa.Uuid(), sa.ForeignKey("api_key.id"), nullable=False),
        sa.Column("key", sa.String(255), nullable=False),
        sa.Column("request_hash", sa.String(64), nullable=False),
        sa.Column("status", sa.Integer(), nullable=False),
        sa.Column("headers", sa.JSON(), nullable=False),
        sa.Column("body", sa.String(), nullable=False),
        sa.Column("expires_at", sa.DateTime(timezone=True), nullable=False),
        sa.UniqueConstraint("api_key_id", "key"),
        if_not_exists=True,
    )
    expiry = "ix_idempotency_key_expires_at"
    op.create_index(expiry, "idempotency_key", ["expires_at"], if_not_exists=True)


def _key() -> list[sa.Column[object]]:
    return [
        sa.Column("id", sa.Uuid(), primary_key=True),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
    ]


def _has_column(table: str, column: str) -> bool:
    columns = sa.inspect(op.get_bind()).get_columns(table)
    return any(found["name"] == column for found in columns)
