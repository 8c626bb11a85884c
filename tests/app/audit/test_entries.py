"""Entries of the audit log are only ever added, whoever is at the database; none holds a customer's
words.
"""

import pytest
from sqlalchemy import select, text
from sqlalchemy.exc import IntegrityError

from app import schema
from app.audit.service import Doer, note
from app.database import Database
from app.ids import new_id
from app.knowledge.gaps import dismiss, draft_from
from app.knowledge.service import record_gap
from app.models import AuditEntry, KbGap
from app.parts import Parts
from app.vocabulary import AgentRole
from tests.factories import Shop

QUESTION = "Where does Xylophone-4711 live?"


@pytest.fixture
def database_url(own_database_url: str) -> str:
    """Some of these take the triggers away and bring them back."""
    return own_database_url


async def entries(database: Database) -> list[AuditEntry]:
    async with database.snapshot() as session:
        return list(await session.scalars(select(AuditEntry).order_by(AuditEntry.id)))


async def note_something(parts: Parts, shop: Shop) -> AuditEntry:
    async with parts.database.work() as work:
        note(work, Doer(shop.agents[AgentRole.OWNER], "203.0.113.7"), "label.created", "vip")
    return (await entries(parts.database))[-1]


async def execute(parts: Parts, command: str, **values: object) -> None:
    async with parts.database.work() as work:
        await work.session.execute(text(command), values)


@pytest.mark.parametrize(
    "command",
    [
        "UPDATE audit_entry SET target = 'nothing'",
        "UPDATE audit_entry SET address = NULL",
        "DELETE FROM audit_entry",
    ],
)
async def test_an_entry_stays_as_it_was_written(parts: Parts, shop: Shop, command: str) -> None:
    written = await note_something(parts, shop)

    with pytest.raises(IntegrityError, match="entries of the audit log stay"):
        await execute(parts, command)

    [kept] = await entries(parts.database)
    assert (kept.id, kept.target, kept.address) == (written.id, "vip", "203.0.113.7")
    await note_something(parts, shop)
    assert len(await entries(parts.database)) == 2


async def test_no_side_door_takes_an_entry_away(parts: Parts, shop: Shop, store: str) -> None:
    await note_something(parts, shop)
    doors = {
        "sqlite": "INSERT OR REPLACE INTO audit_entry SELECT * FROM audit_entry",
        "postgres": "TRUNCATE audit_entry",
    }

    with pytest.raises(IntegrityError, match="entries of the audit log stay"):
        await execute(parts, doors[store])

    assert len(await entries(parts.database)) == 1


async def test_customers_questions_are_not_in_it(parts: Parts, shop: Shop) -> None:
    doer = Doer(shop.agents[AgentRole.OWNER])
    async with parts.database.work() as work:
        for question in (QUESTION, f"{QUESTION} Please!"):
            await record_gap(work, shop.workspace_id, question)
    async with parts.database.work() as work:
        first, second = await work.session.scalars(select(KbGap.id).order_by(KbGap.id))
        await draft_from(work, doer, [first])
        await dismiss(work, doer, [second])

    told = await entries(parts.database)
    assert {one.action for one in told} == {"article.created", "gap.drafted", "gap.dismissed"}
    assert not [one for one in told if "Xylophone" in f"{one.target}{one.details}"]


async def test_what_older_versions_noted_of_questions_is_taken_out(
    parts: Parts, shop: Shop
) -> None:
    doer = Doer(shop.agents[AgentRole.OWNER])
    async with parts.database.work() as work:
        for action in ("article.created", "gap.drafted", "gap.dismissed"):
            note(work, doer, action, QUESTION)
        note(work, doer, "article.created", "Returns")
    await schema.downgrade(parts.database, "0010")

    await schema.upgrade(parts.database)

    told = sorted(one.target for one in await entries(parts.database))
    assert told == ["", "", "", "Returns"]
    with pytest.raises(IntegrityError):
        await execute(parts, "DELETE FROM audit_entry WHERE id <> :id", id=str(new_id()))


async def test_entries_of_older_versions_get_their_area_and_stay_as_they_were(
    parts: Parts, shop: Shop
) -> None:
    written = await note_something(parts, shop)
    await schema.downgrade(parts.database, "0015")

    await schema.upgrade(parts.database)

    [kept] = await entries(parts.database)
    assert (kept.area, kept.action, kept.target) == ("label", written.action, written.target)
    with pytest.raises(IntegrityError, match="entries of the audit log stay"):
        await execute(parts, "UPDATE audit_entry SET area = ''")
