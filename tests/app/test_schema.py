"""The tables come and go by migrations, alike on both databases, and never run backwards."""

from pathlib import Path

import pytest
from alembic.autogenerate import compare_metadata
from alembic.runtime.migration import MigrationContext
from sqlalchemy import Connection, inspect, text

from app import schema
from app.conversations import service
from app.conversations.desk import NewLabel, set_label
from app.database import Database
from app.errors import DatabaseBehind, DatabaseTooNew
from app.models import Base
from app.parts import Parts
from app.vocabulary import EventType
from tests.factories import Shop, message, nothing_shown, stranger


@pytest.fixture
def database_url(own_database_url: str) -> str:
    """These tests change the tables."""
    return own_database_url


async def test_the_migrations_make_the_tables_of_the_models(parts: Parts) -> None:
    def differences(connection: Connection) -> list[object]:
        context = MigrationContext.configure(connection)
        return list(compare_metadata(context, Base.metadata))

    assert await parts.database.run_sync(differences) == []


async def test_every_constraint_has_the_name_the_models_give_it(parts: Parts) -> None:
    def names(connection: Connection) -> set[str | None]:
        found = inspect(connection)
        return {
            constraint["name"]
            for table in Base.metadata.tables
            for constraint in (
                *found.get_check_constraints(table),
                *found.get_foreign_keys(table),
                *found.get_unique_constraints(table),
            )
        }

    wanted = {
        str(constraint.name)
        for table in Base.metadata.tables.values()
        for constraint in table.constraints
        if not str(constraint.name).startswith("pk_")
    }
    assert await parts.database.run_sync(names) == wanted


async def test_migrating_down_leaves_nothing_and_up_again_works(parts: Parts) -> None:
    def tables(connection: Connection) -> set[str]:
        return set(inspect(connection).get_table_names()) - {"alembic_version"}

    await schema.downgrade(parts.database, "base")
    assert await parts.database.run_sync(tables) == set()
    with pytest.raises(DatabaseBehind):
        await schema.check(parts.database)

    await schema.upgrade(parts.database)
    await schema.upgrade(parts.database)

    await schema.check(parts.database)
    assert await parts.database.run_sync(tables) == set(Base.metadata.tables)


async def test_conversations_survive_the_way_down_and_up_again(parts: Parts, shop: Shop) -> None:
    async with parts.database.work() as work:
        posted = await service.post_message(
            work, stranger(shop), message(), shown=nothing_shown, reopen_days=7
        )
        label = NewLabel("delivery")
        await set_label(work, shop.agent, posted.conversation_id, label, is_on=True)

    await schema.downgrade(parts.database, "0002")
    await schema.upgrade(parts.database)

    async with parts.database.snapshot() as session:
        log = await service.read_events(
            session, shop.agent, posted.conversation_id, after=0, limit=10
        )
    assert [event.type for event in log.events] == [
        EventType.MESSAGE_CREATED,
        EventType.STATUS_CHANGED,  # the label is gone, its place in the counter is not
    ]
    assert [event.seq for event in log.events] == [1, 2]


async def test_a_database_of_a_newer_version_is_refused_and_left_alone(parts: Parts) -> None:
    await _set_version(parts.database, "9999")

    with pytest.raises(DatabaseTooNew, match="9999"):
        await schema.upgrade(parts.database)
    with pytest.raises(DatabaseTooNew, match="9999"):
        await schema.check(parts.database)


def test_a_migration_imports_nothing_of_the_application() -> None:
    versions = Path(schema.__file__).parent.parent / "migrations" / "versions"

    for path in versions.glob("*.py"):
        assert "app" not in path.read_text().replace("application", "").split(), path


async def _set_version(database: Database, version: str) -> None:
    async with database.work() as work:
        await work.session.execute(text(f"UPDATE alembic_version SET version_num = '{version}'"))
