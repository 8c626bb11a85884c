"""Which processes serve this store, and which of them writes an answer."""

import sqlalchemy as sa
from alembic import op

revision = "0009"
down_revision = "0008"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Add the table and the column, unless they are there."""
    op.create_table(
        "worker",
        sa.Column("id", sa.Uuid(), primary_key=True),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("seen_at", sa.DateTime(timezone=True), nullable=False),
        if_not_exists=True,
    )
    known = sa.inspect(op.get_bind()).get_columns("generation")
    if "worker_id" not in {one["name"] for one in known}:
        op.add_column("generation", sa.Column("worker_id", sa.Uuid(), nullable=True))


def downgrade() -> None:
    """Take them away."""
    op.drop_column("generation", "worker_id")
    op.drop_table("worker")
