"""News by their time: nothing is left out, however much has changed at once."""

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta

import pytest

from app.connectors.by_time import MAX_PAGES, PAGE, ByTime
from app.connectors.system import Http, Ticket
from app.models import JsonObject
from app.outbound import Call, Limits, Reply
from app.vocabulary import TicketStatus
from tests.turned_clock import TurnedClock


@pytest.fixture
def anyio_backend() -> str:
    return "asyncio"


async def nobody(_url: str, _call: Call, _limits: Limits | None = None) -> Reply:
    raise AssertionError("nothing is asked")


class Listed(ByTime):
    """A system that lists its tickets; times are to the second, as most have them."""

    def __init__(self, clock: TurnedClock) -> None:
        self._http = Http(nobody, clock, "https://desk.example", {})
        self.times: dict[str, datetime] = {}
        self.asked: list[tuple[datetime, int]] = []

    def change(self, ref: str, at: datetime) -> None:
        self.times[ref] = at.replace(microsecond=0)

    async def _changed_since(self, since: datetime, page: int) -> Sequence[tuple[datetime, Ticket]]:
        self.asked.append((since, page))
        found = sorted((at, ref) for ref, at in self.times.items() if at >= since)
        shown = found[(page - 1) * PAGE : page * PAGE]
        return [(at, Ticket(ref, TicketStatus.OPEN)) for at, ref in shown]


async def read(listed: Listed, cursor: JsonObject) -> tuple[set[str], JsonObject]:
    changed = await listed.changed(cursor)
    return {one.ref for one in changed.tickets}, changed.cursor


@pytest.mark.parametrize("num", [0, 1, PAGE, PAGE + 1, PAGE * (MAX_PAGES + 2) + 7])
@pytest.mark.parametrize("spread_s", [0, 1, 600])
async def test_all_that_changed_is_read_sooner_or_later(num: int, spread_s: int) -> None:
    clock = TurnedClock()
    listed = Listed(clock)
    _, cursor = await read(listed, {})
    clock.go_on(minutes=30)
    for number in range(num):
        share = timedelta(seconds=spread_s * number / max(num, 1))
        listed.change(f"T-{number}", clock() + share)

    num_polls = 2 + num // PAGE
    seen: set[str] = set()
    for _ in range(num_polls):
        fresh, cursor = await read(listed, cursor)
        seen |= fresh
    clock.go_on(hours=1)
    listed.change("T-last", clock())
    late: set[str] = set()
    for _ in range(num_polls):
        fresh, cursor = await read(listed, cursor)
        late |= fresh

    assert len(seen) == num and "T-last" in late
    assert (await read(listed, cursor))[0] == {"T-last"}


async def test_no_poll_asks_for_more_than_its_share() -> None:
    clock = TurnedClock()
    listed = Listed(clock)
    _, cursor = await read(listed, {})
    for number in range(PAGE * MAX_PAGES * 2):
        listed.change(f"T-{number}", clock())

    await read(listed, cursor)

    assert len(listed.asked) == MAX_PAGES


async def test_a_cursor_of_before_is_gone_on_from() -> None:
    listed = Listed(TurnedClock())
    listed.change("T-1", datetime(2026, 5, 1, 10, 0, 1, tzinfo=UTC))

    old, _ = await read(listed, {"since": "2026-05-01.10:00:02"})
    fresh, _ = await read(listed, {"since": "2026-05-01T10:00:02Z"})

    assert old == fresh == {"T-1"}, "Roundup's own writing, and everybody's"
