"""Vectors of the sentences of articles."""

import sqlalchemy as sa
from alembic import op

revision = "0013"
down_revision = "0012"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Add the table, unless it is there."""
    op.create_table(
        "sentence_vector",
        sa.Column("id", sa.Uuid(), primary_key=True),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column(
            "workspace_id",
            sa.Uuid(),
            sa.ForeignKey("workspace.id", name="fk_sentence_vector_workspace_id"),
            nullable=False,
        ),
        sa.Column("encoder", sa.String(64), nullable=False),
        sa.Column("digest", sa.String(64), nullable=False),
        sa.Column("vector", sa.LargeBinary(), nullable=False),
        sa.UniqueConstraint(
            "workspace_id",
            "encoder",
            "digest",
            name="uq_sentence_vector_workspace_id_encoder_digest",
        ),
        if_not_exists=True,
    )


def downgrade() -> None:
    """Take it away."""
    op.drop_table("sentence_vector", if_exists=True)
