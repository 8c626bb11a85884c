"""The bench answers as the company has decided that its bot answers."""

from collections.abc import AsyncIterator

import pytest

from app.bench.service import Bench, Trial, read_house, try_question
from app.models import Workspace
from app.parts import Parts
from app.vocabulary import HandoffReason
from inference import EngineClient
from tests.app.answers.rig import publish_demo_articles
from tests.engine_processes import quick_settings, running, write_script
from tests.factories import Shop

WARRANTY = "How long is the warranty of a tent?"
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


async def tried(
    parts: Parts, shop: Shop, engine: EngineClient, question: str, **settings: object
) -> Trial:
    async with parts.database.work() as work:
        workspace = await work.session.get_one(Workspace, shop.workspace_id)
        workspace.settings = settings
    async with parts.database.snapshot() as session:
        house = await read_house(session, shop.workspace_id)
    index = (await parts.library.shelf(shop.workspace_id)).index
    return await try_question(engine, Bench(house, index, b"salt"), question)


async def test_words_that_the_company_never_says_are_not_quoted(
    parts: Parts, shop: Shop, engine: EngineClient
) -> None:
    await publish_demo_articles(parts, shop)
    free = await tried(parts, shop, engine, WARRANTY)
    banned = free.citations[0].quote.split()[0].strip(".,")

    bound = await tried(parts, shop, engine, WARRANTY, never_say=[banned])

    assert free.outcome == "answer" and banned in free.text
    assert all(banned.casefold() not in one.quote.casefold() for one in bound.citations)
    assert bound.citations != free.citations


async def test_the_companys_mode_decides_whose_words_state_facts(
    parts: Parts, shop: Shop, engine: EngineClient
) -> None:
    await publish_demo_articles(parts, shop)

    spans = await tried(parts, shop, engine, WARRANTY)
    free = await tried(parts, shop, engine, WARRANTY, answer_mode="free")
    person = await tried(parts, shop, engine, "A person please", answer_mode="free")

    assert spans.text.startswith(OWN_WORDS[0]) and spans.citations
    assert free.text != spans.text, "no guide puts the quote between the model's words"
    assert person.handoff == HandoffReason.ASKED
