"""No page of a list costs more because there are more rows: an index leads to its place."""

from typing import Any
from uuid import uuid4

import pytest
from sqlalchemy import event

from app.conversations.listing import Filter, Listing, Sort
from app.parts import Parts
from app.vocabulary import Status

COMPANY = uuid4()


@pytest.fixture
def store() -> str:
    """Its planner tells what it will do whatever is in the tables."""
    return "sqlite"


@pytest.mark.parametrize(
    ("listing", "after"),
    [
        (Listing(Filter(COMPANY)), [str(COMPANY)]),
        (Listing(Filter(COMPANY, status=Status.OPEN)), [str(COMPANY)]),
        (Listing(Filter(COMPANY), Sort.ACTIVITY), ["2026-01-01T00:00:00+00:00", str(COMPANY)]),
        (Listing(Filter(COMPANY, external_ref="ticket-1")), None),
    ],
)
async def test_a_page_is_found_and_not_sorted(
    parts: Parts, listing: Listing, after: list[str] | None
) -> None:
    asked: list[tuple[str, Any]] = []

    def note(_c: Any, _cursor: Any, statement: str, values: Any, *_rest: Any) -> None:
        asked.append((statement, values))

    async with parts.database.snapshot() as session:
        connection = await session.connection()
        event.listen(connection.sync_connection, "before_cursor_execute", note)
        await listing.page(session, after, 26)
        statement, values = next(one for one in asked if one[0].startswith("SELECT"))
        plan = await connection.exec_driver_sql(f"EXPLAIN QUERY PLAN {statement}", values)
        steps = [str(row.detail) for row in plan]

    assert steps[0].startswith("SEARCH conversation USING INDEX")
    assert not [one for one in steps if "SCAN" in one or "TEMP B-TREE" in one]
