"""Where events are sent to, and which conversations are tickets elsewhere."""

import sqlalchemy as sa
from alembic import op

revision = "0008"
down_revision = "0007"
branch_labels = None
depends_on = None

_TABLES = (
    "inbound_receipt",
    "ticket_comment",
    "ticket_link",
    "connector",
    "webhook_delivery",
    "webhook_endpoint",
)


def upgrade() -> None:
    """Add them, unless they are there."""
    _make_webhooks()
    _make_connectors()


def downgrade() -> None:
    """Take them away with all that stands in them."""
    for table in _TABLES:
        op.drop_table(table, if_exists=True)


def _make_webhooks() -> None:
    op.create_table(
        "webhook_endpoint",
        *_key(),
        _ref("workspace"),
        _word("kind", "endpointkind", "webhook", "connector"),
        sa.Column("name", sa.String(80), nullable=False),
        sa.Column("url", sa.String(2_000), nullable=False),
        sa.Column("event_types", sa.JSON(), nullable=False),
        sa.Column("inbox_ids", sa.JSON(), nullable=False),
        sa.Column("secret_version", sa.Integer(), nullable=False),
        _moment("old_secret_until"),
        sa.Column("num_failures", sa.Integer(), nullable=False),
        sa.Column("window", sa.Integer(), nullable=False),
        _moment("not_before"),
        _moment("failing_since"),
        _moment("disabled_at"),
        sa.Column("disabled_reason", sa.String(300), nullable=True),
        if_not_exists=True,
    )
    _index("ix_webhook_endpoint_workspace_id", "webhook_endpoint", "workspace_id")
    op.create_table(
        "webhook_delivery",
        *_key(),
        _ref("workspace"),
        _ref("webhook_endpoint", "endpoint_id"),
        _ref("conversation", nullable=True),
        sa.Column("message_id", sa.Uuid(), nullable=True),
        sa.Column("seq", sa.Integer(), nullable=False),
        sa.Column("type", sa.String(40), nullable=False),
        sa.Column("payload", sa.String(), nullable=False),
        _word("state", "deliverystate", "waiting", "delivered", "failed"),
        sa.Column("is_ordered", sa.Boolean(), nullable=False),
        sa.Column("attempts", sa.Integer(), nullable=False),
        _moment("next_at", nullable=False),
        _moment("locked_until"),
        sa.Column("claim_id", sa.Uuid(), nullable=True),
        _moment("finished_at"),
        sa.Column("log", sa.JSON(), nullable=False),
        if_not_exists=True,
    )
    delivery = "webhook_delivery"
    _index("ix_webhook_delivery_due", delivery, "endpoint_id", "state", "next_at")
    _index("ix_webhook_delivery_order", delivery, "endpoint_id", "conversation_id", "seq")
    _index("ix_webhook_delivery_log", delivery, "endpoint_id", "id")
    _index("ix_webhook_delivery_message_id", delivery, "message_id")
    _index("ix_webhook_delivery_finished_at", delivery, "finished_at")


def _make_connectors() -> None:
    systems = ("generic", "roundup", "zendesk", "zammad", "freshdesk")
    op.create_table(
        "connector",
        *_key(),
        _ref("workspace"),
        _ref("webhook_endpoint", "endpoint_id"),
        _word("system", "ticketsystemkind", *systems),
        _ref("agent"),
        sa.Column("credentials", sa.String(), nullable=False),
        sa.Column("settings", sa.JSON(), nullable=False),
        _moment("poll_at"),
        _moment("poll_locked_until"),
        sa.Column("cursor", sa.JSON(), nullable=False),
        sa.Column("poll_error", sa.String(400), nullable=True),
        sa.UniqueConstraint("endpoint_id"),
        if_not_exists=True,
    )
    _index("ix_connector_workspace_id", "connector", "workspace_id")
    op.create_table(
        "ticket_link",
        *_key(),
        _ref("workspace"),
        _ref("connector"),
        _ref("conversation"),
        sa.Column("ticket_ref", sa.String(120), nullable=False),
        sa.Column("ticket_url", sa.String(2_000), nullable=False),
        sa.Column("seq", sa.Integer(), nullable=False),
        _word("status", "ticketstatus", "new", "open", "pending", "resolved"),
        sa.UniqueConstraint("connector_id", "conversation_id"),
        sa.UniqueConstraint("connector_id", "ticket_ref"),
        if_not_exists=True,
    )
    _index("ix_ticket_link_conversation_id", "ticket_link", "conversation_id")
    op.create_table(
        "ticket_comment",
        *_key(),
        _ref("ticket_link", "link_id"),
        sa.Column("ref", sa.String(120), nullable=False),
        sa.Column("message_id", sa.Uuid(), nullable=True),
        sa.UniqueConstraint("link_id", "ref"),
        if_not_exists=True,
    )
    _index("ix_ticket_comment_message_id", "ticket_comment", "message_id")
    op.create_table(
        "inbound_receipt",
        *_key(),
        _ref("webhook_endpoint", "endpoint_id"),
        sa.Column("webhook_id", sa.String(200), nullable=False),
        sa.UniqueConstraint("endpoint_id", "webhook_id"),
        if_not_exists=True,
    )


def _key() -> list[sa.Column[object]]:
    return [
        sa.Column("id", sa.Uuid(), primary_key=True),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
    ]


def _ref(table: str, column: str | None = None, *, nullable: bool = False) -> sa.Column[object]:
    name = column or f"{table}_id"
    return sa.Column(name, sa.Uuid(), sa.ForeignKey(f"{table}.id"), nullable=nullable)


def _moment(name: str, *, nullable: bool = True) -> sa.Column[object]:
    return sa.Column(name, sa.DateTime(timezone=True), nullable=nullable)


def _word(name: str, kind: str, *words: str) -> sa.Column[object]:
    enum = sa.Enum(*words, name=kind, native_enum=False, create_constraint=True, length=32)
    return sa.Column(name, enum, nullable=False)


def _index(name: str, table: str, *columns: str) -> None:
    op.create_index(name, table, list(columns), if_not_exists=True)
