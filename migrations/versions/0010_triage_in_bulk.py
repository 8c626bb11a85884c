"""Batches of tickets to look over, and their tickets."""

import sqlalchemy as sa
from alembic import op

revision = "0010"
down_revision = "0009"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Add the tables, unless they are there."""
    op.create_table(
        "triage_batch",
        sa.Column("id", sa.Uuid(), primary_key=True),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column(
            "workspace_id",
            sa.Uuid(),
            sa.ForeignKey("workspace.id", name="fk_triage_batch_workspace_id"),
            nullable=False,
        ),
        sa.Column("name", sa.String(200), nullable=False),
        sa.Column("state", sa.String(32), nullable=False),
        sa.Column("num_total", sa.Integer(), nullable=False),
        sa.Column("num_done", sa.Integer(), nullable=False),
        sa.Column("num_failed", sa.Integer(), nullable=False),
        sa.Column("claim_id", sa.Uuid(), nullable=True),
        sa.Column("locked_until", sa.DateTime(timezone=True), nullable=True),
        sa.Column("finished_at", sa.DateTime(timezone=True), nullable=True),
        sa.CheckConstraint("state IN ('running', 'done', 'cancelled')", name="batchstate"),
        if_not_exists=True,
    )
    op.create_index(
        "ix_triage_batch_newest",
        "triage_batch",
        ["workspace_id", "created_at"],
        if_not_exists=True,
    )
    op.create_table(
        "triage_ticket",
        sa.Column("id", sa.Uuid(), primary_key=True),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column(
            "batch_id",
            sa.Uuid(),
            sa.ForeignKey("triage_batch.id", name="fk_triage_ticket_batch_id"),
            nullable=False,
        ),
        sa.Column("position", sa.Integer(), nullable=False),
        sa.Column("external_ref", sa.String(200), nullable=True),
        sa.Column("ticket", sa.JSON(), nullable=False),
        sa.Column("result", sa.JSON(), nullable=True),
        sa.Column("error", sa.String(400), nullable=True),
        sa.UniqueConstraint("batch_id", "position", name="uq_triage_ticket_batch_id_position"),
        if_not_exists=True,
    )


def downgrade() -> None:
    """Take them away."""
    op.drop_table("triage_ticket", if_exists=True)
    op.drop_table("triage_batch", if_exists=True)
