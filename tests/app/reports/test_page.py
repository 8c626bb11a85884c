"""The reports over what really happened, on both databases."""

import csv
import io
from datetime import UTC, datetime

import pytest

from app.conversations import service as conversations
from app.handoff import service as handoff
from app.knowledge.service import record_gap
from app.models import Rating
from app.reports.measures import Span, rates
from app.reports.queries import Reports
from app.vocabulary import AgentRole, AnsweredBy, Chip
from tests.app.bot import begin, complete
from tests.app.conversations.test_rating import answer, give, reply, resolve, write
from tests.app.office.desk import desk_of
from tests.conftest import Served
from tests.factories import message, nothing_shown, stranger

HOSTILE = "<script>alert(1)</script> =HYPERLINK()"


async def happen(served: Served) -> None:
    """One conversation answered by the bot and rated, one handed over."""
    asked = []
    for token in ("a", "b"):
        async with served.parts.database.work() as work:
            posted = await conversations.post_message(
                work,
                stranger(served.shop, token),
                message("Where is my parcel?"),
                shown=nothing_shown,
                reopen_days=7,
            )
        asked.append(posted.conversation_id)
    live = await begin(served.parts, str(asked[0]))
    live.append("It is on its way.")
    await complete(served.parts, live)
    async with served.parts.database.work() as work:
        await handoff.request_handoff(work, served.shop.agent, asked[1], shown=nothing_shown)
        work.session.add(
            Rating(
                workspace_id=served.shop.workspace_id,
                conversation_id=asked[0],
                score=5,
                answered_by=AnsweredBy.BOT,
            )
        )
        await record_gap(work, served.shop.workspace_id, HOSTILE, asked[1])


async def test_the_figures_are_those_of_what_happened(served: Served) -> None:
    await happen(served)
    today = datetime.now(UTC).date()

    async with served.parts.database.snapshot() as session:
        found = Reports(session, served.shop.workspace_id)
        span = Span(today, today, await found.zone())
        counted = rates(await found.conversations(span))
        handoffs = await found.handoffs(span)
        scores = await found.scores(span)
        gaps = await found.gaps(span)

    assert (counted.num_all, counted.num_involved, counted.num_resolved) == (2, 1, 0)
    assert [num for _, num in handoffs] == [1]
    assert [one.value for one in scores] == [5]
    assert gaps == (1, [(HOSTILE, 1)])


@pytest.mark.parametrize("store", ["sqlite"], indirect=True)
async def test_ratings_are_those_that_customers_gave(served: Served) -> None:
    for number, (token, score) in enumerate((("a", 5), ("b", 2), ("c", None))):
        customer, c = await write(served.parts, stranger(served.shop, token))
        await answer(served.parts, c)
        await write(served.parts, customer, c, Chip.HELPED if number == 0 else None)
        if number == 1:
            await reply(served.parts, served.shop, c)
        await resolve(served.parts, served.shop, c)
        if score is not None:
            await give(served.parts, customer, c, score)

    async with desk_of(served, AgentRole.VIEWER) as desk:
        page = await desk.get("/reports")
    async with served.parts.database.snapshot() as session:
        found = Reports(session, served.shop.workspace_id)
        today = datetime.now(UTC).date()
        scores = await found.scores(Span(today, today, await found.zone()))

    told = {(one.value, one.answered_by) for one in scores}
    assert told == {(5, AnsweredBy.BOT), (2, AnsweredBy.HUMAN)}
    assert "3 were asked" in page.text and "1 was said to help and 0 not to" in page.text


@pytest.mark.parametrize("store", ["sqlite"], indirect=True)
async def test_the_page_and_the_file_tell_the_same(served: Served) -> None:
    await happen(served)

    async with desk_of(served, AgentRole.VIEWER) as desk:
        page = await desk.get("/reports")
        told = await desk.get("/reports/days.csv")

    assert page.status_code == 200 and "<script>alert" not in page.text
    rows = list(csv.DictReader(io.StringIO(told.text)))
    assert len(rows) == 14
    assert (rows[-1]["conversations"], rows[-1]["involved"]) == ("2", "1")


@pytest.mark.parametrize("store", ["sqlite"], indirect=True)
async def test_days_that_do_not_fit_are_told_at_their_field(served: Served) -> None:
    async with desk_of(served, AgentRole.VIEWER) as desk:
        for first, last, reason in (
            ("2026-02-30", "2026-03-01", "Two days such as"),
            ("2026-03-02", "2026-03-01", "comes after"),
            ("2025-01-01", "2026-03-01", "At most 90 days"),
        ):
            page = await desk.get("/reports", first=first, last=last)
            assert page.status_code == 422 and reason in page.text


@pytest.mark.parametrize("store", ["sqlite"], indirect=True)
async def test_without_conversations_the_page_explains_itself(served: Served) -> None:
    async with desk_of(served, AgentRole.VIEWER) as desk:
        page = await desk.get("/reports", first="2020-01-01", last="2020-01-07")

    assert "Nobody wrote on these days" in page.text and "No ratings" in page.text
