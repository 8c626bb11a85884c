"""No page of a list costs more because there are more rows: an index leads to its place."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

import pytest
from sqlalchemy import event, update
from sqlalchemy.ext.asyncio import AsyncSession

from app.api.seeking import Order
from app.conversations import desk, listing
from app.conversations.desk import NewLabel
from app.conversations.listing import Filter, Listing, Sort
from app.conversations.repository import ConversationRow
from app.ids import new_id
from app.models import Contact, Conversation
from app.parts import Parts
from app.vocabulary import AgentRole, Control, Priority, Side, Status
from tests.factories import Shop

COMPANY = UUID(int=7)
BEGUN = datetime(2026, 1, 1, tzinfo=UTC)
FILTERS: list[tuple[str, Any, str]] = [
    ("status", Status.OPEN, "status=?"),
    ("control", Control.HUMAN, "control=?"),
    ("waiting_on", Side.US, "waiting_on=?"),
    ("priority", Priority.URGENT, "priority=?"),
    ("assignee_id", COMPANY, "assignee_id=?"),
    ("contact_id", COMPANY, "contact_id=?"),
    ("inbox_id", COMPANY, "inbox_id=?"),
    ("external_ref", "ticket-1", "external_ref=?"),
    ("created_after", BEGUN, "created_at>?"),
    ("created_before", BEGUN, "created_at<?"),
]


@pytest.fixture
def store() -> str:
    """Its planner tells what it will do whatever is in the tables."""
    return "sqlite"


async def plans(parts: Parts, listed: Listing, after: list[str] | None = None) -> list[list[str]]:
    """The steps of every query for a page that reads conversations."""
    asked: list[tuple[str, Any]] = []

    def note(_c: Any, _cursor: Any, statement: str, values: Any, *_rest: Any) -> None:
        asked.append((statement, values))

    async with parts.database.snapshot() as session:
        connection = await session.connection()
        event.listen(connection.sync_connection, "before_cursor_execute", note)
        await listed.page(session, after, 26)
        event.remove(connection.sync_connection, "before_cursor_execute", note)
        found = []
        for statement, values in asked:
            plan = await connection.exec_driver_sql(f"EXPLAIN QUERY PLAN {statement}", values)
            found.append([str(row.detail) for row in plan])
    return [steps for steps in found if any(map(is_of_conversations, steps))]


def is_of_conversations(step: str) -> bool:
    """Whether it reads them, and not what belongs to one."""
    return step.split()[1] == "conversation"


def conversation_step(steps: list[str]) -> str:
    """How a query gets at conversations."""
    return next(one for one in steps if is_of_conversations(one))


@pytest.mark.parametrize(("name", "value", "found_by"), FILTERS, ids=lambda one: str(one)[:14])
async def test_every_filter_is_an_index_in_the_order_of_the_list(
    parts: Parts, name: str, value: Any, found_by: str
) -> None:
    listed = Listing(replace(Filter(COMPANY), **{name: value}))

    for order in Order:
        for after in (None, [BEGUN.isoformat(), str(COMPANY)]):
            [steps] = await plans(parts, replace(listed, order=order), after)
            assert found_by in conversation_step(steps)
            assert not [one for one in steps if "SCAN" in one], steps
            if name != "contact_id":  # who has few conversations; his row is looked up first
                assert not [one for one in steps if "TEMP B-TREE" in one], steps


@pytest.mark.parametrize("sort", Sort)
async def test_without_a_filter_a_page_is_found_and_not_sorted(parts: Parts, sort: Sort) -> None:
    [steps] = await plans(parts, Listing(Filter(COMPANY), sort), [BEGUN.isoformat(), str(COMPANY)])

    assert conversation_step(steps).startswith("SEARCH conversation USING INDEX")
    assert not [one for one in steps if "SCAN" in one or "TEMP B-TREE" in one]


@pytest.mark.parametrize(("name", "value", "found_by"), FILTERS, ids=lambda one: str(one)[:14])
async def test_few_are_found_by_their_filter_and_many_in_the_order_of_activity(
    parts: Parts, monkeypatch: pytest.MonkeyPatch, name: str, value: Any, found_by: str
) -> None:
    listed = Listing(replace(Filter(COMPANY), **{name: value}), Sort.ACTIVITY)

    few, *others = await plans(parts, listed)
    monkeypatch.setattr(listing, "FEW", -1)
    *_, many = await plans(parts, listed)

    assert found_by in conversation_step(few) or name == "contact_id"
    by_id = [conversation_step(one) for one in others]
    assert all("(id=?)" in one for one in by_id), by_id
    assert not [one for one in (*few, *many) if "SCAN" in one]
    if name not in ("external_ref", "contact_id"):
        assert "ix_conversation_activity" in conversation_step(many), many
        assert not [one for one in many if "TEMP B-TREE" in one]


@pytest.mark.parametrize("sort", Sort)
async def test_a_label_is_found_without_reading_all_conversations(
    parts: Parts, shop: Shop, monkeypatch: pytest.MonkeyPatch, sort: Sort
) -> None:
    await fill(parts, shop, 3)
    listed = Listing(Filter(shop.workspace_id, label="even"), sort)

    few = await plans(parts, listed)
    monkeypatch.setattr(listing, "FEW", 0)
    many = await plans(parts, listed)

    for steps in (*few, *many):
        assert not [one for one in steps if "SCAN" in one], steps
    for walked in many:
        assert not [one for one in walked if "TEMP B-TREE" in one], walked
    assert len(few) == 2 and all("(id=?)" in conversation_step(steps) for steps in few)


async def fill(parts: Parts, shop: Shop, num: int) -> None:
    """Conversations of which every other has a label; activity runs against their age."""
    agent = shop.agents[AgentRole.ADMIN]
    ids = [new_id() for _ in range(num)]
    async with parts.database.work() as work:
        contact = Contact(id=new_id(), workspace_id=shop.workspace_id, name="Kim")
        work.session.add(contact)
        await work.session.flush()
        for number, one in enumerate(ids):
            work.session.add(
                Conversation(
                    id=one,
                    workspace_id=shop.workspace_id,
                    inbox_id=shop.inbox_id,
                    contact_id=contact.id,
                    number=number + 1,
                    last_message_at=BEGUN - timedelta(hours=number // 2),
                )
            )
        await work.session.flush()
        for number, one in enumerate(ids):
            created = BEGUN + timedelta(hours=number // 2)  # two of each moment
            mine = update(Conversation).where(Conversation.id == one)
            await work.session.execute(mine.values(created_at=created))
            if number % 2 == 0:
                await desk.set_label(work, agent, one, NewLabel("even"), is_on=True)


@pytest.mark.parametrize("store", ["sqlite", "postgres"], indirect=True)
@pytest.mark.parametrize(
    "few, looked_through",
    [(0, 10_000), (1_000, 10_000), (0, 2)],
    ids=["many", "few", "in short stretches"],
)
async def test_however_it_is_found_a_list_is_the_same(
    parts: Parts, shop: Shop, monkeypatch: pytest.MonkeyPatch, few: int, looked_through: int
) -> None:
    await fill(parts, shop, 12)
    monkeypatch.setattr(listing, "FEW", few)
    monkeypatch.setattr(listing, "LOOKED_THROUGH", looked_through)
    company = Filter(shop.workspace_id)
    filters = [
        company,
        replace(company, label="even"),
        replace(company, label="nothing"),
        replace(company, control=Control.BOT, created_after=BEGUN, label="even"),
        replace(company, control=Control.BOT, status=Status.OPEN),
        replace(company, created_before=BEGUN + timedelta(hours=3)),
    ]

    for chosen in filters:
        for sort in Sort:
            for order in Order:
                listed = Listing(chosen, sort, order)
                async with parts.database.snapshot() as session:
                    pages = await read_through(session, listed)

                shown = [one.conversation.number for one in pages]
                assert len(shown) == len(set(shown))
                assert set(shown) == expected(chosen)
                places = [(listed.place(one)[0], one.conversation.id) for one in pages]
                assert places == sorted(places, reverse=order is Order.DESC)


async def read_through(session: AsyncSession, listed: Listing) -> list[ConversationRow]:
    """All pages of three rows, as a client reads them."""
    pages: list[ConversationRow] = []
    place: list[str] | None = None
    while True:
        found = await listed.page(session, place, 4)
        pages += found.rows[:3]
        place = listed.place(found.rows[2]) if len(found.rows) > 3 else found.stopped_at
        if place is None:
            return pages


def expected(chosen: Filter) -> set[int]:
    """Numbers, by the rules of `fill`."""
    numbers = set(range(1, 13))
    if chosen.label is not None:
        numbers &= {1, 3, 5, 7, 9, 11} if chosen.label == "even" else set()
    if chosen.created_after is not None:
        numbers -= {1, 2}
    if chosen.created_before is not None:
        numbers &= set(range(1, 7))
    return numbers
