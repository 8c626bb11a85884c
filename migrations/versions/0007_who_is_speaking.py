"""Who is speaking: identity secrets of a site, what its widget asks for, what is known of them.

Secrets themselves are not stored: they follow from the installation's key and the row's id.
"""

import sqlalchemy as sa
from alembic import op

revision = "0007"
down_revision = "0006"
branch_labels = None
depends_on = None

_COLUMNS = (
    ("inbox", "enforce_identity", sa.Boolean(), sa.false()),
    ("inbox", "prechat", sa.JSON(), sa.text("'{}'")),
    ("contact", "attributes", sa.JSON(), sa.text("'{}'")),
    ("contact", "page_attributes", sa.JSON(), sa.text("'{}'")),
    ("contact", "consented_at", sa.DateTime(timezone=True), None),
)


def upgrade() -> None:
    """Add them, unless they are there."""
    for table, name, kind, default in _COLUMNS:
        if not _has_column(table, name):
            is_optional = default is None
            column = sa.Column(name, kind, nullable=is_optional, server_default=default)
            op.add_column(table, column)
    op.create_table(
        "identity_secret",
        sa.Column("id", sa.Uuid(), primary_key=True),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("workspace_id", sa.Uuid(), sa.ForeignKey("workspace.id"), nullable=False),
        sa.Column("inbox_id", sa.Uuid(), sa.ForeignKey("inbox.id"), nullable=False),
        sa.Column("name", sa.String(80), nullable=False),
        sa.Column("kid", sa.String(32), nullable=False),
        sa.Column("last_used_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("revoked_at", sa.DateTime(timezone=True), nullable=True),
        sa.UniqueConstraint("kid"),
        if_not_exists=True,
    )
    op.create_index(
        "ix_identity_secret_inbox_id", "identity_secret", ["inbox_id"], if_not_exists=True
    )


def downgrade() -> None:
    """Take them away with all that stands in them."""
    op.drop_table("identity_secret", if_exists=True)
    for table, name, _kind, _default in reversed(_COLUMNS):
        if _has_column(table, name):
            op.drop_column(table, name)


def _has_column(table: str, column: str) -> bool:
    columns = sa.inspect(op.get_bind()).get_columns(table)
    return any(found["name"] == column for found in columns)
