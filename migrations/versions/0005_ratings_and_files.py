"""What a conversation holds besides words: a rating that was asked for, files, who is away.

Columns come by one plain sentence that SQLite and PostgreSQL both know; `conversation_event`, to
which nothing refers, is made anew on SQLite, for its CHECK names two more events.
"""

from typing import Any

import sqlalchemy as sa
from alembic import op

revision = "0005"
down_revision = "0004"
branch_labels = None
depends_on = None

_EVENTS = (
    "message.created",
    "message.completed",
    "message.updated",
    "control.changed",
    "status.changed",
    "assignee.changed",
    "labels.changed",
    "priority.changed",
    "contact.changed",
    "note.created",
)
_NEW_EVENTS = ("csat.requested", "csat.answered")


def upgrade() -> None:
    """Add them, unless they are there."""
    _add("conversation", "rating_asked_at", _moment())
    _add("message", "files", sa.JSON(), "DEFAULT '[]' NOT NULL")
    _add(
        "message",
        "feedback",
        sa.String(32),
        "CONSTRAINT ck_message_feedback CHECK (feedback IN ('helped', 'not_helped'))",
    )
    _add("agent", "away_since", _moment())
    _make_attachment()
    _allow_events(*_EVENTS, *_NEW_EVENTS)


def downgrade() -> None:
    """Take them away; what was uploaded can no longer be found."""
    _retell_new_events()
    _allow_events(*_EVENTS)
    op.drop_table("attachment", if_exists=True)
    for table, column in (
        ("agent", "away_since"),
        ("message", "feedback"),
        ("message", "files"),
        ("conversation", "rating_asked_at"),
    ):
        if _has_column(table, column):
            op.execute(f"ALTER TABLE {table} DROP COLUMN {column}")


def _make_attachment() -> None:
    op.create_table(
        "attachment",
        *_key(),
        _ref("workspace"),
        sa.Column("owner", sa.String(64), nullable=False),
        _ref("conversation", nullable=True),
        _ref("message", nullable=True),
        sa.Column("name", sa.String(160), nullable=False),
        sa.Column("media_type", sa.String(100), nullable=False),
        sa.Column("size_bytes", sa.Integer(), nullable=False),
        sa.Column("sha256", sa.String(64), nullable=False),
        if_not_exists=True,
    )
    for name, columns in (
        ("ix_attachment_owner", ["owner", "created_at"]),
        ("ix_attachment_content", ["workspace_id", "sha256"]),
        ("ix_attachment_conversation_id", ["conversation_id"]),
    ):
        op.create_index(name, "attachment", columns, if_not_exists=True)


def _allow_events(*words: str) -> None:
    if op.get_bind().dialect.name == "sqlite":
        with op.batch_alter_table(
            "conversation_event", copy_from=_event_table(*words), recreate="always"
        ):
            return
    allowed = ", ".join(f"'{word}'" for word in words)
    name = op.f("ck_conversation_event_eventtype")
    op.drop_constraint(name, "conversation_event", type_="check")
    op.create_check_constraint(name, "conversation_event", f"type IN ({allowed})")


def _event_table(*words: str) -> sa.Table:
    """All of `conversation_event`: what SQLite tells about a table leaves the checks out."""
    return sa.Table(
        "conversation_event",
        sa.MetaData(naming_convention=op.get_context().opts["target_metadata"].naming_convention),
        *_key(),
        _ref("workspace"),
        _ref("conversation"),
        sa.Column("seq", sa.Integer(), nullable=False),
        _word("type", "eventtype", *words),
        _word("visibility", "visibility", "public", "internal"),
        _word("actor_kind", "actorkind", "customer", "bot", "agent", "system"),
        sa.Column("actor_id", sa.Uuid(), nullable=True),
        _ref("message", nullable=True),
        sa.Column("data", sa.JSON(), nullable=False),
        sa.UniqueConstraint("conversation_id", "seq"),
    )


def _retell_new_events() -> None:
    """Their places in the counter must stay taken: they become "the status is what it is"."""
    kinds = ", ".join(f"'{word}'" for word in _NEW_EVENTS)
    for status in ("open", "snoozed", "resolved", "archived"):
        retold = sa.text(
            f"UPDATE conversation_event SET type = 'status.changed', data = :data "
            f"WHERE type IN ({kinds}) AND conversation_id IN "
            f"(SELECT id FROM conversation WHERE status = :status)"
        ).bindparams(sa.bindparam("data", type_=sa.JSON()))
        data = {"from": status, "to": status, "by": {"kind": "system"}}
        op.get_bind().execute(retold, {"data": data, "status": status})


def _key() -> list[sa.Column[object]]:
    return [
        sa.Column("id", sa.Uuid(), primary_key=True),
        sa.Column("created_at", _moment(), nullable=False),
    ]


def _ref(table: str, *, nullable: bool = False) -> sa.Column[object]:
    return sa.Column(f"{table}_id", sa.Uuid(), sa.ForeignKey(f"{table}.id"), nullable=nullable)


def _word(name: str, kind: str, *words: str) -> sa.Column[object]:
    enum = sa.Enum(*words, name=kind, native_enum=False, create_constraint=True, length=32)
    return sa.Column(name, enum, nullable=False)


def _moment() -> sa.DateTime:
    return sa.DateTime(timezone=True)


def _add(table: str, column: str, kind: sa.types.TypeEngine[Any], rest: str = "") -> None:
    if _has_column(table, column):
        return
    spelled = kind.compile(dialect=op.get_bind().dialect)
    op.execute(f"ALTER TABLE {table} ADD COLUMN {column} {spelled} {rest}")


def _has_column(table: str, column: str) -> bool:
    columns = sa.inspect(op.get_bind()).get_columns(table)
    return any(found["name"] == column for found in columns)
