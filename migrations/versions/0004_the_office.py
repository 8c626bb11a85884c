"""What the office keeps: audit log, invitations, drafts and imports of articles, ratings.

And of an answer, who drafted its words; of a question without an answer, that nobody wants one.
"""

import sqlalchemy as sa
from alembic import op

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None

_TABLES = ("rating", "article_import", "article_draft", "invitation", "audit_entry")


def upgrade() -> None:
    """Add them, unless they are there."""
    _add("generation", sa.Column("drafted", sa.JSON(), nullable=True))
    _add("kb_gap", sa.Column("dismissed_at", sa.DateTime(timezone=True), nullable=True))
    _make_people()
    _make_articles()
    op.create_table(
        "rating",
        *_key(),
        _ref("workspace"),
        _ref("conversation"),
        sa.Column("score", sa.Integer(), nullable=False),
        sa.Column("comment", sa.String(2_000), nullable=False),
        _word("answered_by", "answeredby", "bot", "human"),
        sa.UniqueConstraint("conversation_id"),
        sa.CheckConstraint("score BETWEEN 1 AND 5", name="score"),
        if_not_exists=True,
    )
    op.create_index("ix_rating_workspace_id", "rating", ["workspace_id"], if_not_exists=True)


def downgrade() -> None:
    """Take them away with all that stands in them."""
    for table in _TABLES:
        op.drop_table(table, if_exists=True)
    for table, column in (("kb_gap", "dismissed_at"), ("generation", "drafted")):
        if _has_column(table, column):
            op.drop_column(table, column)


def _make_people() -> None:
    op.create_table(
        "audit_entry",
        *_key(),
        _ref("workspace"),
        _ref("agent", nullable=True),
        sa.Column("agent_name", sa.String(200), nullable=False),
        sa.Column("action", sa.String(64), nullable=False),
        sa.Column("target", sa.String(300), nullable=False),
        sa.Column("details", sa.JSON(), nullable=False),
        sa.Column("address", sa.String(64), nullable=True),
        if_not_exists=True,
    )
    _index("ix_audit_entry_newest", "audit_entry", "workspace_id", "created_at")
    op.create_table(
        "invitation",
        *_key(),
        _ref("workspace"),
        sa.Column("email", sa.String(254), nullable=False),
        _word("role", "agentrole", "owner", "admin", "agent", "viewer"),
        sa.Column("token_hash", sa.String(64), nullable=False),
        _ref("agent", "invited_by_agent_id"),
        sa.Column("expires_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("closed_at", sa.DateTime(timezone=True), nullable=True),
        sa.UniqueConstraint("token_hash"),
        if_not_exists=True,
    )
    _index("ix_invitation_workspace_id", "invitation", "workspace_id")


def _make_articles() -> None:
    op.create_table(
        "article_draft",
        *_key(),
        _ref("article"),
        sa.Column("title", sa.String(200), nullable=False),
        sa.Column("body_md", sa.String(), nullable=False),
        sa.Column("collection", sa.String(80), nullable=False),
        _word("visibility", "visibility", "public", "internal"),
        _ref("agent", "author_agent_id", nullable=True),
        sa.Column("revision", sa.Integer(), nullable=False),
        sa.Column("updated_at", sa.DateTime(timezone=True), nullable=False),
        sa.UniqueConstraint("article_id"),
        if_not_exists=True,
    )
    op.create_table(
        "article_import",
        *_key(),
        _ref("workspace"),
        _ref("agent"),
        sa.Column("name", sa.String(300), nullable=False),
        _word("state", "importstate", "running", "done", "failed"),
        sa.Column("num_total", sa.Integer(), nullable=False),
        sa.Column("num_done", sa.Integer(), nullable=False),
        sa.Column("failures", sa.JSON(), nullable=False),
        sa.Column("finished_at", sa.DateTime(timezone=True), nullable=True),
        if_not_exists=True,
    )
    _index("ix_article_import_newest", "article_import", "workspace_id", "created_at")


def _key() -> list[sa.Column[object]]:
    return [
        sa.Column("id", sa.Uuid(), primary_key=True),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
    ]


def _ref(table: str, column: str | None = None, *, nullable: bool = False) -> sa.Column[object]:
    name = column or f"{table}_id"
    return sa.Column(name, sa.Uuid(), sa.ForeignKey(f"{table}.id"), nullable=nullable)


def _word(name: str, kind: str, *words: str) -> sa.Column[object]:
    enum = sa.Enum(*words, name=kind, native_enum=False, create_constraint=True, length=32)
    return sa.Column(name, enum, nullable=False)


def _index(name: str, table: str, *columns: str) -> None:
    op.create_index(name, table, list(columns), if_not_exists=True)


def _add(table: str, column: sa.Column[object]) -> None:
    if not _has_column(table, column.name):
        op.add_column(table, column)


def _has_column(table: str, column: str) -> bool:
    columns = sa.inspect(op.get_bind()).get_columns(table)
    return any(found["name"] == column for found in columns)
