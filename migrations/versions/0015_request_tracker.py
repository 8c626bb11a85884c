"""A connector may speak to Request Tracker."""

import sqlalchemy as sa
from alembic import op

revision = "0015"
down_revision = "0014"
branch_labels = None
depends_on = None

_BEFORE = ("generic", "roundup", "zendesk", "zammad", "freshdesk")
_AFTER = (*_BEFORE, "rt")
_NAME = "ck_connector_ticketsystemkind"


def upgrade() -> None:
    """One more word."""
    _allow(_BEFORE, _AFTER)


def downgrade() -> None:
    """One less; connectors of the kind must be gone."""
    _allow(_AFTER, _BEFORE)


def _allow(before: tuple[str, ...], after: tuple[str, ...]) -> None:
    if op.get_bind().dialect.name == "sqlite":
        _rewrite_check(_listed(before), _listed(after))
        return
    op.drop_constraint(op.f(_NAME), "connector", type_="check", if_exists=True)
    op.create_check_constraint(op.f(_NAME), "connector", f"system IN ({_listed(after)})")


def _rewrite_check(before: str, after: str) -> None:
    """Others refer to the table, so it cannot be copied and dropped; its check is written anew.

    As SQLite's manual describes for checks (ALTER TABLE, section 7): no row changes.
    """
    connection = op.get_bind()
    version = connection.execute(sa.text("PRAGMA schema_version")).scalar_one()
    connection.execute(sa.text("PRAGMA writable_schema=ON"))
    connection.execute(
        sa.text(
            "UPDATE sqlite_master SET sql = replace(sql, :before, :after)"
            " WHERE type = 'table' AND name = 'connector'"
        ),
        {"before": f"({before})", "after": f"({after})"},
    )
    connection.execute(sa.text(f"PRAGMA schema_version = {version + 1}"))
    connection.execute(sa.text("PRAGMA writable_schema=OFF"))


def _listed(words: tuple[str, ...]) -> str:
    return ", ".join(f"'{word}'" for word in words)
