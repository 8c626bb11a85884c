"""Lists of what grows with conversations: an index in the order of each, and of its filters."""

import sqlalchemy as sa
from alembic import op

revision = "0014"
down_revision = "0013"
branch_labels = None
depends_on = None

_NEW = (
    ("ix_rating_newest", "rating", ("workspace_id", "id"), None),
    ("ix_rating_given", "rating", ("workspace_id", "created_at"), None),
    ("ix_kb_gap_newest", "kb_gap", ("workspace_id", "id"), None),
    (
        "ix_kb_gap_open",
        "kb_gap",
        ("workspace_id", "id"),
        "article_id IS NULL AND dismissed_at IS NULL",
    ),
    ("ix_kb_gap_asked", "kb_gap", ("workspace_id", "updated_at"), None),
    ("ix_article_newest", "article", ("workspace_id", "id"), None),
    ("ix_audit_entry_list", "audit_entry", ("workspace_id", "id"), None),
    ("ix_audit_entry_of_agent", "audit_entry", ("workspace_id", "agent_id", "id"), None),
    ("ix_webhook_delivery_state", "webhook_delivery", ("endpoint_id", "state", "id"), None),
    (
        "ix_conversation_event_new",
        "conversation_event",
        ("workspace_id", "created_at", "id"),
        "feed_seq IS NULL",
    ),
    (
        "ix_conversation_event_control",
        "conversation_event",
        ("workspace_id", "created_at"),
        "type = 'control.changed'",
    ),
    (
        "ix_conversation_rating_asked",
        "conversation",
        ("workspace_id", "rating_asked_at"),
        "rating_asked_at IS NOT NULL",
    ),
    ("ix_message_feedback", "message", ("workspace_id", "created_at"), "feedback IS NOT NULL"),
)
_REPLACED = (
    ("ix_rating_workspace_id", "rating", ("workspace_id",)),
    ("ix_audit_entry_newest", "audit_entry", ("workspace_id", "created_at")),
)


def upgrade() -> None:
    """Make them, and take away what they replace."""
    for name, table, columns, condition in _NEW:
        only = sa.text(condition) if condition else None
        op.create_index(
            name,
            table,
            list(columns),
            sqlite_where=only,
            postgresql_where=only,
            if_not_exists=True,
        )
    for name, table, _ in _REPLACED:
        op.drop_index(name, table, if_exists=True)


def downgrade() -> None:
    """The other way round."""
    for name, table, columns in _REPLACED:
        op.create_index(name, table, list(columns), if_not_exists=True)
    for name, table, _, _ in _NEW:
        op.drop_index(name, table, if_exists=True)
