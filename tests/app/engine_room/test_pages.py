"""The engine's pages: live figures, and one answer word by word."""

import asyncio
import re
from datetime import UTC, datetime

import pytest

from app.conversations import service as conversations
from app.conversations.answering import FinishedAnswer, begin_answer, complete_answer
from app.engine_metrics import EngineReading
from app.engine_room.history import History, Sample
from app.vocabulary import AgentRole
from inference import MetricsSnapshot
from tests.app.office.desk import desk_of
from tests.conftest import Served
from tests.factories import message, nothing_shown, stranger

HOSTILE = "<script>alert(1)</script>"
on_sqlite = pytest.mark.parametrize("store", ["sqlite"], indirect=True)


@on_sqlite
async def test_an_engine_that_is_away_is_told(served: Served) -> None:
    async with desk_of(served, AgentRole.VIEWER) as desk:
        page = await desk.get("/engine")

    assert "The engine does not answer right now" in page.text


@on_sqlite
async def test_the_figures_come_alone_for_a_page_that_is_open(served: Served) -> None:
    values = {"num_generated_tokens": 5, "tokens_per_step": 2.5, "spec.ngram.depth1.drafted": 4}
    reading = EngineReading(HOSTILE, MetricsSnapshot(dict(values), {}))
    served.parts.engine_history.add(Sample(datetime.now(UTC), reading))
    async with desk_of(served, AgentRole.VIEWER) as desk:
        part = await desk.get("/engine/live")

    assert part.status_code == 200 and "<html" not in part.text
    assert "2.50" in part.text and "ngram" in part.text and part.text.count("<h2>") >= 6
    assert "<svg" in part.text and "Nothing was written in these minutes." in part.text
    assert HOSTILE not in part.text


async def test_an_answer_shows_who_drafted_its_words(served: Served) -> None:
    parts = served.parts
    async with parts.database.work() as work:
        posted = await conversations.post_message(
            work, stranger(served.shop), message(), shown=nothing_shown, reopen_days=7
        )
    async with parts.database.work() as work:
        begun = await begin_answer(work, posted.conversation_id, epoch=0)
    finished = FinishedAnswer(
        text=f"Returns are free. {HOSTILE}",
        model="tiny",
        drafted=[(7, None), (8, "ngram")],
    )
    async with parts.database.work() as work:
        await complete_answer(work, begun, finished)
    async with desk_of(served, AgentRole.VIEWER) as desk:
        listed = await desk.get("/engine/answers")
        page = await desk.get(f"/engine/answers/{begun.message_id}")

    assert str(begun.message_id) in listed.text
    assert re.search(r'<span title="the model itself">Returns </span>', page.text)
    assert re.search(r'<mark class="tone-\w+" title="ngram">are free. </mark>', page.text)
    assert HOSTILE not in page.text and "not computed by the engine" in page.text


async def test_the_history_is_bounded_and_goes_on_without_an_engine() -> None:
    read = asyncio.Event()

    async def nothing() -> None:
        read.set()

    history = History(kept=2)
    for _ in range(3):
        history.add(Sample(datetime.now(UTC), None))
    watching = asyncio.create_task(history.watch(nothing, lambda: datetime.now(UTC)))
    await read.wait()
    watching.cancel()

    assert len(history.samples) == 2
