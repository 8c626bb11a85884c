"""What a generation's prompt had added to the one before it, so that the next can begin with it.

Generations of before have none: their answers enter prompts as text.
"""

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Add the column, unless it is there."""
    if not _has_column():
        op.add_column("generation", sa.Column("context", sa.JSON(), nullable=True))


def downgrade() -> None:
    """Drop it, and with it what prompts began with."""
    if _has_column():
        op.drop_column("generation", "context")


def _has_column() -> bool:
    columns = sa.inspect(op.get_bind()).get_columns("generation")
    return any(column["name"] == "context" for column in columns)
