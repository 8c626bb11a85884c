"""Lists of conversations by the time they began: an index for every filter, in that order."""

from alembic import op

revision = "0012"
down_revision = "0011"
branch_labels = None
depends_on = None

_TABLE = "conversation"
_REPLACED = (
    ("ix_conversation_newest", ("workspace_id", "id")),
    ("ix_conversation_newest_of", ("workspace_id", "status", "id")),
)
_NEW = (
    ("ix_conversation_created", ("workspace_id", "created_at", "id")),
    ("ix_conversation_status", ("workspace_id", "status", "created_at", "id")),
    ("ix_conversation_control", ("workspace_id", "control", "created_at", "id")),
    ("ix_conversation_waiting", ("workspace_id", "waiting_on", "created_at", "id")),
    ("ix_conversation_priority", ("workspace_id", "priority", "created_at", "id")),
    ("ix_conversation_assignee", ("workspace_id", "assignee_id", "created_at", "id")),
    ("ix_conversation_inbox", ("workspace_id", "inbox_id", "created_at", "id")),
    ("ix_conversation_of_contact", ("workspace_id", "contact_id", "created_at", "id")),
)


def upgrade() -> None:
    """Make them, and take away what they replace."""
    for name, columns in _NEW:
        op.create_index(name, _TABLE, list(columns), if_not_exists=True)
    for name, _ in _REPLACED:
        op.drop_index(name, _TABLE, if_exists=True)


def downgrade() -> None:
    """The other way round."""
    for name, columns in _REPLACED:
        op.create_index(name, _TABLE, list(columns), if_not_exists=True)
    for name, _ in _NEW:
        op.drop_index(name, _TABLE, if_exists=True)
