"""What agents work with: snooze, priority, labels, drafts, mentions, private replies; and jobs.

SQLite can add a column together with its constraint, but cannot change a table that others refer to
without making it anew; so columns come by one plain sentence that both databases know, and only
`conversation_event` and `canned_reply`, to which nothing refers, are made anew.
"""

from typing import Any

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None

_EVENTS = (
    "message.created",
    "message.completed",
    "message.updated",
    "control.changed",
    "status.changed",
    "assignee.changed",
    "note.created",
)
_NEW_EVENTS = ("labels.changed", "priority.changed", "contact.changed")
_NAMES = {"uq": "uq_%(table_name)s_%(column_0_N_name)s"}


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


def word(name: str, kind: str, *words: str) -> sa.Column[object]:
    """One of a few words, kept by a CHECK."""
    enum = sa.Enum(*words, name=kind, native_enum=False, create_constraint=True, length=32)
    return sa.Column(name, enum, nullable=False)


def moment() -> sa.DateTime:
    """The type of every time."""
    return sa.DateTime(timezone=True)


def upgrade() -> None:
    """Add them, unless they are there."""
    _add("conversation", "snoozed_until", moment())
    _add(
        "conversation",
        "priority",
        sa.String(32),
        "DEFAULT 'normal' NOT NULL CONSTRAINT ck_conversation_priority "
        "CHECK (priority IN ('low', 'normal', 'high', 'urgent'))",
    )
    _add("conversation", "next_agent_id", sa.Uuid())
    _add("conversation", "previous_id", sa.Uuid())
    _add("contact", "erased_at", moment())
    _add("agent", "preferences", sa.JSON(), "DEFAULT '{}' NOT NULL")
    _make_tables()
    _allow_events(*_EVENTS, *_NEW_EVENTS)
    _own_replies()


def downgrade() -> None:
    """Take them away; private replies and events of the new kinds are lost with them."""
    if _has_column("canned_reply", "owner_agent_id"):
        op.drop_index("uq_canned_reply_shared", "canned_reply", if_exists=True)
        op.drop_index("uq_canned_reply_private", "canned_reply", if_exists=True)
        op.execute("DELETE FROM canned_reply WHERE owner_agent_id IS NOT NULL")
        with op.batch_alter_table("canned_reply", naming_convention=_NAMES) as table:
            table.drop_constraint("fk_canned_reply_owner_agent_id", type_="foreignkey")
            table.drop_column("owner_agent_id")
            table.create_unique_constraint(
                "uq_canned_reply_workspace_id_shortcut", ["workspace_id", "shortcut"]
            )
    _retell_new_events()
    _allow_events(*_EVENTS)
    for name in ("job", "mention", "draft", "conversation_label", "label"):
        op.drop_table(name, if_exists=True)
    _drop("agent", "preferences")
    _drop("contact", "erased_at")
    for column in ("previous_id", "next_agent_id", "priority", "snoozed_until"):
        _drop("conversation", column)


def _make_tables() -> None:
    op.create_table(
        "label",
        *key(),
        ref("workspace"),
        sa.Column("name", sa.String(40), nullable=False),
        sa.Column("colour", sa.String(16), nullable=False),
        sa.UniqueConstraint("workspace_id", "name"),
        if_not_exists=True,
    )
    op.create_table(
        "conversation_label",
        *key(),
        ref("conversation"),
        ref("label"),
        ref("agent", "set_by_agent_id", nullable=True),
        sa.UniqueConstraint("conversation_id", "label_id"),
        if_not_exists=True,
    )
    op.create_index(
        "ix_conversation_label_label_id", "conversation_label", ["label_id"], if_not_exists=True
    )
    op.create_table(
        "draft",
        *key(),
        ref("conversation"),
        ref("agent"),
        word("kind", "draftkind", "reply", "note"),
        sa.Column("body", sa.String(), nullable=False),
        sa.Column("updated_at", moment(), nullable=False),
        sa.UniqueConstraint("conversation_id", "agent_id", "kind"),
        if_not_exists=True,
    )
    op.create_table(
        "mention",
        *key(),
        ref("conversation"),
        ref("message"),
        ref("agent"),
        sa.UniqueConstraint("message_id", "agent_id"),
        if_not_exists=True,
    )
    op.create_index(
        "ix_mention_agent", "mention", ["agent_id", "conversation_id"], if_not_exists=True
    )
    op.create_table(
        "job",
        *key(),
        sa.Column("kind", sa.String(40), nullable=False),
        sa.Column("key", sa.String(120), nullable=True),
        sa.Column("run_at", moment(), nullable=False),
        sa.Column("payload", sa.JSON(), nullable=False),
        sa.Column("attempts", sa.Integer(), nullable=False),
        sa.Column("locked_until", moment(), nullable=True),
        sa.Column("claim_id", sa.Uuid(), nullable=True),
        sa.Column("failed_at", moment(), nullable=True),
        sa.Column("error", sa.String(400), nullable=True),
        sa.UniqueConstraint("key"),
        if_not_exists=True,
    )
    op.create_index("ix_job_due", "job", ["failed_at", "run_at"], if_not_exists=True)


def _own_replies() -> None:
    if not _has_column("canned_reply", "owner_agent_id"):
        with op.batch_alter_table("canned_reply", naming_convention=_NAMES) as table:
            table.add_column(sa.Column("owner_agent_id", sa.Uuid(), nullable=True))
            table.drop_constraint("uq_canned_reply_workspace_id_shortcut", type_="unique")
            table.create_foreign_key(
                "fk_canned_reply_owner_agent_id", "agent", ["owner_agent_id"], ["id"]
            )
    for name, first, condition in (
        ("uq_canned_reply_shared", "workspace_id", "owner_agent_id IS NULL"),
        ("uq_canned_reply_private", "owner_agent_id", "owner_agent_id IS NOT NULL"),
    ):
        op.create_index(
            name,
            "canned_reply",
            [first, "shortcut", "locale"],
            unique=True,
            sqlite_where=sa.text(condition),
            postgresql_where=sa.text(condition),
            if_not_exists=True,
        )


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
        *key(),
        ref("workspace"),
        ref("conversation"),
        sa.Column("seq", sa.Integer(), nullable=False),
        word("type", "eventtype", *words),
        word("visibility", "visibility", "public", "internal"),
        word("actor_kind", "actorkind", "customer", "bot", "agent", "system"),
        sa.Column("actor_id", sa.Uuid(), nullable=True),
        ref("message", nullable=True),
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


def _add(table: str, column: str, kind: sa.types.TypeEngine[Any], rest: str = "") -> None:
    if _has_column(table, column):
        return
    spelled = kind.compile(dialect=op.get_bind().dialect)
    op.execute(f"ALTER TABLE {table} ADD COLUMN {column} {spelled} {rest}")


def _drop(table: str, column: str) -> None:
    if _has_column(table, column):
        op.execute(f"ALTER TABLE {table} DROP COLUMN {column}")


def _has_column(table: str, column: str) -> bool:
    columns = sa.inspect(op.get_bind()).get_columns(table)
    return any(found["name"] == column for found in columns)
