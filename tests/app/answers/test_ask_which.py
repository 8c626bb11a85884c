"""A single question that two articles may answer is asked back, and the choice is understood."""

from collections.abc import AsyncIterator

import pytest

from app.answers.ask import Asked, AskOnce, Finding, Reply, Said
from app.answers.phrasebooks import book_of
from app.answers.schemas import Answer
from app.openai.wire import careline_of
from app.vocabulary import Role
from inference import EngineClient
from tests.app.answers.rig import Rig
from tests.engine_processes import quick_settings, running, write_script
from tests.patience import PATIENCE_S

MAYBE = "some thief took the box off my steps, who pays for that"
OWN_WORDS = ["Happy to help.", " Is there anything else I can help with?"]


@pytest.fixture
def store() -> str:
    """The database plays no part here."""
    return "sqlite"


@pytest.fixture(scope="module")
async def engine(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[EngineClient]:
    folder = tmp_path_factory.mktemp("engine")
    config = write_script(folder / "script.jsonl", {"match": ".", "chunks": OWN_WORDS})
    async with running(quick_settings(config), folder) as supervisor:
        yield supervisor.client


async def reply(rig: Rig, engine: EngineClient, asked: Asked) -> Reply:
    once = AskOnce(
        rig.parts.database,
        rig.parts.library,
        engine,
        salt_of=rig.parts.secrets.prefix_salt,
        timeout_s=PATIENCE_S,
    )
    return await once.reply(rig.shop.workspace_id, asked)


async def test_both_articles_are_options_and_either_can_be_chosen(
    quiet: Rig, engine: EngineClient
) -> None:
    which = await reply(quiet, engine, Asked(MAYBE))
    titles = [one.title for one in which.options]
    before = (Said(Role.CUSTOMER, MAYBE), Said(Role.BOT, which.text))
    german = book_of("de").which.format(one=titles[0], other=titles[1])
    abroad = (before[0], Said(Role.BOT, german))

    by_number = await reply(quiet, engine, Asked("1", before))
    by_name = await reply(quiet, engine, Asked(titles[1], before))
    in_german = await reply(quiet, engine, Asked("das zweite bitte", abroad, locale="de"))
    alone = await reply(quiet, engine, Asked("1"))

    assert (which.finding, which.reason) == (Finding.CLARIFY, "which_article")
    assert which.text == book_of("en").which.format(one=titles[0], other=titles[1])
    assert [one.number for one in which.options] == [1, 2] and which.citations == ()
    first, second = (one.article_id for one in which.options)
    assert (by_number.finding, by_number.citations[0].article_id) == (Finding.ANSWERED, first)
    assert (by_name.finding, by_name.citations[0].article_id) == (Finding.ANSWERED, second)
    assert in_german.citations[0].article_id == second
    assert in_german.text.startswith(book_of("de").openings[0])
    assert alone.options == () and first not in [one.article_id for one in alone.citations]


async def test_everybody_who_asks_once_is_told_the_options(
    quiet: Rig, engine: EngineClient
) -> None:
    which = await reply(quiet, engine, Asked(MAYBE))

    told = Answer.of(which, {}).model_dump(mode="json")
    assert told["outcome"] == "clarify"
    assert [one["title"] for one in told["options"]] == [one.title for one in which.options]
    assert all(one["url"].startswith("/articles/") for one in told["options"])
    assert careline_of(which, [])["options"] == told["options"]
