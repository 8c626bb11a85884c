"""The audit log by area: a column with an index, so that few entries are found among many.

The first word of every action is noted beside it, for which the triggers that keep entries as they
were written stand aside; nothing else of an entry changes.
"""

import sqlalchemy as sa
from alembic import op

revision = "0016"
down_revision = "0015"
branch_labels = None
depends_on = None

_NEW = (
    ("ix_audit_entry_of_area", ("workspace_id", "area", "id")),
    ("ix_audit_entry_of_both", ("workspace_id", "agent_id", "area", "id")),
)
_LETTERS = "abcdefghijklmnopqrstuvwxyz_"
_FILL = f"UPDATE audit_entry SET area = rtrim(rtrim(action, '{_LETTERS}'), '.') WHERE area = ''"
_TRIGGERS = (
    "SELECT name, sql FROM sqlite_master WHERE type = 'trigger' AND tbl_name = 'audit_entry'"
)


def upgrade() -> None:
    """Add the column, fill it, and make the indexes, unless they are there."""
    if not _has_area():
        column = sa.Column("area", sa.String(64), nullable=False, server_default="")
        op.add_column("audit_entry", column)
    _fill()
    for name, columns in _NEW:
        op.create_index(name, "audit_entry", list(columns), if_not_exists=True)


def downgrade() -> None:
    """Take them away."""
    for name, _ in _NEW:
        op.drop_index(name, "audit_entry", if_exists=True)
    if _has_area():
        op.drop_column("audit_entry", "area")


def _has_area() -> bool:
    columns = sa.inspect(op.get_bind()).get_columns("audit_entry")
    return "area" in {column["name"] for column in columns}


def _fill() -> None:
    connection = op.get_bind()
    if connection.dialect.name != "sqlite":
        op.execute("ALTER TABLE audit_entry DISABLE TRIGGER USER")
        op.execute(_FILL)
        op.execute("ALTER TABLE audit_entry ENABLE TRIGGER USER")
        return
    kept = connection.execute(sa.text(_TRIGGERS)).all()
    for name, _ in kept:
        op.execute(f"DROP TRIGGER {name}")
    op.execute(_FILL)
    for _, words in kept:
        connection.exec_driver_sql(words)
