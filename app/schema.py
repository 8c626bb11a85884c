"""The version of the tables: brought forward by migrations, checked before anything is served."""

from pathlib import Path

from alembic import command
from alembic.config import Config
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import Connection, text

from app.database import Database
from app.errors import DatabaseBehind, DatabaseTooNew

_MIGRATIONS = Path(__file__).parent.parent / "migrations"
_ADVISORY_LOCK = 0x636172656C696E65
"""So that of several starting processes one migrates and the others wait."""


async def upgrade(database: Database) -> None:
    """Bring the tables to this code's version; nothing happens when they are there already.

    Raises:
        DatabaseTooNew: they were written by a newer code.
    """
    await database.run_sync(_upgrade)


async def downgrade(database: Database, revision: str) -> None:
    """Take the tables back to an older version, `base` being no tables at all."""
    await database.run_sync(lambda connection: command.downgrade(_config(connection), revision))


async def check(database: Database) -> None:
    """Raises: DatabaseTooNew or DatabaseBehind unless the tables are this code's."""
    current = await database.run_sync(_known_revision)
    if current != head():
        raise DatabaseBehind


def head() -> str | None:
    """This code's version of the tables."""
    return ScriptDirectory(str(_MIGRATIONS)).get_current_head()


def _upgrade(connection: Connection) -> None:
    if connection.dialect.name == "postgresql":
        connection.execute(text(f"SELECT pg_advisory_xact_lock({_ADVISORY_LOCK})"))
    if _known_revision(connection) != head():
        command.upgrade(_config(connection), "head")


def _known_revision(connection: Connection) -> str | None:
    found = MigrationContext.configure(connection).get_current_revision()
    known = {script.revision for script in ScriptDirectory(str(_MIGRATIONS)).walk_revisions()}
    if found is not None and found not in known:
        raise DatabaseTooNew(
            f"The database is at version {found}, which this Careline does not know; "
            "start the newer Careline that wrote it."
        )
    return found


def _config(connection: Connection) -> Config:
    config = Config()
    config.set_main_option("script_location", str(_MIGRATIONS))
    config.attributes["connection"] = connection
    return config
