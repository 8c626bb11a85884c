"""Where even giving up fails, because the store is away, it is tried until somebody has it."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest

from app.answers import service
from app.answers.service import Answers
from app.database import Database, Work
from app.errors import Unavailable
from app.knowledge.library import Library
from app.vocabulary import Control, EventType, HandoffReason
from inference import EngineClient
from tests.app.answers.rig import Rig

NUM_FAILURES = 4


@pytest.fixture
def store() -> str:
    """The database plays no part here."""
    return "sqlite"


class Flaky(Database):
    """A store that refuses to write a few times."""

    num_failures_left = 0

    @asynccontextmanager
    async def work(self) -> AsyncIterator[Work]:
        if self.num_failures_left:
            self.num_failures_left -= 1
            raise Unavailable
        async with super().work() as work:
            yield work


async def test_a_person_comes_as_soon_as_the_store_is_back(
    quiet: Rig, engine: EngineClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(service, "_FIRST_PAUSE_S", 0.001)
    parts = quiet.parts
    flaky = Flaky(parts.settings.database, parts.dispatcher, worker_id=parts.database.worker_id)
    answers = Answers(
        flaky,
        quiet.live,
        engine,
        Library(flaky),
        salt_of=parts.secrets.prefix_salt,
        timeout_s=20.0,
        merge_after_s=0.0,
    )
    answers.listen(parts.dispatcher)
    running = asyncio.create_task(answers.run())
    try:
        await quiet.ask("hello")
        flaky.num_failures_left = NUM_FAILURES
        conversation_id = await quiet.say("hello again")
        await quiet.until(lambda: any(e.type is EventType.CONTROL_CHANGED for e in quiet.events))
    finally:
        running.cancel()
        await asyncio.gather(running, return_exceptions=True)
        await flaky.close()

    conversation = await quiet.conversation(conversation_id)
    assert flaky.num_failures_left == 0
    assert conversation.control is Control.QUEUE
    assert conversation.handoff_reason == HandoffReason.ERROR
