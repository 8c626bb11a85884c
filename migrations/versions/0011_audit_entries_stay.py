"""Entries of the audit log stay as they were written, whoever is at the database.

Nothing in them is a customer's: they name contacts and conversations by number or id, so erasing
and retention never touch them, and no update and no deletion is let through. Questions of customers
that older versions noted are taken out before. A later version that makes the table anew on SQLite
must make these triggers again.
"""

from alembic import op

revision = "0011"
down_revision = "0010"
branch_labels = None
depends_on = None

_MESSAGE = "entries of the audit log stay as they were written"
_SQLITE = {
    "audit_entry_no_update": "BEFORE UPDATE ON audit_entry",
    "audit_entry_no_delete": "BEFORE DELETE ON audit_entry",
    # INSERT OR REPLACE takes the old row away without asking the trigger above.
    "audit_entry_no_replace": (
        "BEFORE INSERT ON audit_entry WHEN EXISTS (SELECT 1 FROM audit_entry WHERE id = NEW.id)"
    ),
}
_FROM_GAPS = (
    "UPDATE audit_entry SET target = '' WHERE action = 'article.created' AND target IN "
    "(SELECT target FROM audit_entry WHERE action = 'gap.drafted')",
    "UPDATE audit_entry SET target = '' WHERE action IN ('gap.drafted', 'gap.dismissed')",
)


def upgrade() -> None:
    """Take the questions out and add the triggers, unless they are there."""
    downgrade()
    for words in _FROM_GAPS:
        op.execute(words)
    if op.get_bind().dialect.name == "sqlite":
        for name, when in _SQLITE.items():
            op.execute(f"CREATE TRIGGER {name} {when} BEGIN SELECT RAISE(ABORT, '{_MESSAGE}'); END")
        return
    op.execute(
        "CREATE FUNCTION keep_audit_entry() RETURNS trigger LANGUAGE plpgsql AS $$ "
        f"BEGIN RAISE EXCEPTION '{_MESSAGE}' USING ERRCODE = 'restrict_violation'; END $$"
    )
    op.execute(
        "CREATE TRIGGER audit_entry_stays BEFORE UPDATE OR DELETE ON audit_entry "
        "FOR EACH ROW EXECUTE FUNCTION keep_audit_entry()"
    )
    op.execute(
        "CREATE TRIGGER audit_entry_is_not_emptied BEFORE TRUNCATE ON audit_entry "
        "FOR EACH STATEMENT EXECUTE FUNCTION keep_audit_entry()"
    )


def downgrade() -> None:
    """Take them away."""
    if op.get_bind().dialect.name == "sqlite":
        for name in _SQLITE:
            op.execute(f"DROP TRIGGER IF EXISTS {name}")
        return
    op.execute("DROP TRIGGER IF EXISTS audit_entry_is_not_emptied ON audit_entry")
    op.execute("DROP TRIGGER IF EXISTS audit_entry_stays ON audit_entry")
    op.execute("DROP FUNCTION IF EXISTS keep_audit_entry()")
