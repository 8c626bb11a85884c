"""One question without a conversation."""

import contextlib
from collections.abc import AsyncIterator
from typing import Any

import pytest
from sqlalchemy import func, select

from app.answers import phrases
from app.answers.ask import Asked, AskOnce, Finding, Reply, Said
from app.answers.generator import BATCH_PRIORITY, DRAFT_PRIORITY
from app.answers.phrasebooks import book_of
from app.errors import Unavailable
from app.knowledge.evidence import ANSWER_CONFIDENCE
from app.models import Conversation
from app.vocabulary import Phase, Role
from inference import EngineClient
from tests.app.answers.rig import Rig
from tests.engine_processes import quick_settings, running, until_running, write_script
from tests.patience import PATIENCE_S

WARRANTY = "How long is the warranty?"
OWN_WORDS = ["Happy to help.", " Is there anything else I can help with?"]


@pytest.fixture
def store() -> str:
    """The database plays no part here."""
    return "sqlite"


@pytest.fixture(scope="module")
async def engine(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[EngineClient]:
    folder = tmp_path_factory.mktemp("engine")
    config = write_script(
        folder / "script.jsonl",
        {"match": "freight", "chunks": OWN_WORDS, "delay_ms": 500},
        {"match": ".", "chunks": OWN_WORDS},
    )
    async with running(quick_settings(config), folder) as supervisor:
        yield supervisor.client


def asking(rig: Rig, engine: EngineClient, *, timeout_s: float = PATIENCE_S) -> AskOnce:
    return AskOnce(
        rig.parts.database,
        rig.parts.library,
        engine,
        salt_of=rig.parts.secrets.prefix_salt,
        timeout_s=timeout_s,
    )


async def reply(rig: Rig, engine: EngineClient, question: str, **more: Any) -> Reply:
    return await asking(rig, engine).reply(rig.shop.workspace_id, Asked(question, **more))


async def test_a_reply_has_its_sources_and_nothing_is_stored(
    quiet: Rig, engine: EngineClient
) -> None:
    first = await reply(quiet, engine, WARRANTY)
    again = await reply(quiet, engine, WARRANTY)

    assert first.text == again.text
    assert (first.finding, first.reason, first.language) == (Finding.ANSWERED, "evidence", "en")
    assert first.citations[0].quote in first.text and "2 years" in first.text
    assert first.confidence and ANSWER_CONFIDENCE <= first.confidence <= 1
    assert first.cost.num_output_tokens and first.cost.first_ms is not None
    async with quiet.parts.database.snapshot() as session:
        assert (await session.execute(select(func.count(Conversation.id)))).scalar_one() == 0


async def test_a_reply_says_when_a_person_should_answer(quiet: Rig, engine: EngineClient) -> None:
    human = await reply(quiet, engine, "human please")
    legal = await reply(quiet, engine, "I will sue you, my lawyer writes tomorrow")
    nothing = await reply(quiet, engine, "Do you sell bicycles?")

    assert (human.finding, human.reason, human.text) == (Finding.HANDOFF, "asked", "")
    assert (human.confidence, human.cost.first_ms) == (None, None)
    assert (legal.finding, legal.reason) == (Finding.HANDOFF, "legal")
    assert (nothing.finding, nothing.reason) == (Finding.UNKNOWN, "no_evidence")
    assert nothing.citations == ()
    assert nothing.confidence is not None and nothing.confidence < ANSWER_CONFIDENCE


async def test_another_language_is_the_reason_why_nothing_is_known(
    quiet: Rig, engine: EngineClient
) -> None:
    found = await reply(quiet, engine, "Verkauft ihr auch bicycles und wie sind die Preise?")

    assert (found.finding, found.reason, found.language) == (Finding.UNKNOWN, "language", "de")


async def test_what_was_said_before_is_read(quiet: Rig, engine: EngineClient) -> None:
    offered = (Said(Role.CUSTOMER, "Do you sell bicycles?"), Said(Role.BOT, phrases.UNKNOWN[0]))

    german = Said(Role.BOT, book_of("de").unknown[0])
    abroad = await reply(quiet, engine, "Ja, bitte.", history=(offered[0], german), locale="de")
    alone = await reply(quiet, engine, "yes please")
    accepted = await reply(quiet, engine, "yes please", history=offered)

    assert alone.finding is not Finding.HANDOFF
    assert (abroad.finding, abroad.text) == (Finding.HANDOFF, "")
    assert (accepted.finding, accepted.reason) == (Finding.HANDOFF, "asked")


async def test_a_stream_tells_phases_pieces_and_the_whole(quiet: Rig, engine: EngineClient) -> None:
    asked = Asked(WARRANTY)
    stream = asking(quiet, engine).stream(quiet.shop.workspace_id, asked)
    async with contextlib.aclosing(stream) as news:
        heard = [one async for one in news]

    assert heard[:3] == [Phase.SEARCHING, Phase.READING, Phase.WRITING]
    last = heard[-1]
    assert isinstance(last, Reply)
    assert "".join(one for one in heard[3:-1] if isinstance(one, str)) == last.text


async def test_a_stream_that_is_closed_leaves_nothing_in_the_engine(
    quiet: Rig, engine: EngineClient
) -> None:
    asked = Asked("How is freight delivered?")
    stream = asking(quiet, engine).stream(quiet.shop.workspace_id, asked)
    async with contextlib.aclosing(stream) as news:
        async for one in news:
            if isinstance(one, str) and not isinstance(one, Phase):
                break  # the rest would take half a second a piece

    await until_running(engine, 0)


async def test_who_waits_too_long_is_told(quiet: Rig, engine: EngineClient) -> None:
    slow = asking(quiet, engine, timeout_s=0.05)

    with pytest.raises(Unavailable, match=r"within 0\.05 s"):
        await slow.reply(quiet.shop.workspace_id, Asked("How is freight delivered?"))


async def test_what_nobody_waits_for_may_take_longer(quiet: Rig, engine: EngineClient) -> None:
    hasty, asked = asking(quiet, engine, timeout_s=0.0), Asked("How long is the warranty?")

    with pytest.raises(Unavailable, match="within 0 s"):
        await hasty.reply(quiet.shop.workspace_id, asked, priority=DRAFT_PRIORITY)
    reply = await hasty.reply(quiet.shop.workspace_id, asked, priority=BATCH_PRIORITY)

    assert reply.finding is Finding.ANSWERED
