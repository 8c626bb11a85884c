"""What a company decides about answers holds on a real engine, be it random or hostile."""

from collections.abc import AsyncIterator

import pytest

from app.models import Workspace
from app.vocabulary import MessageState, Role
from inference import EngineClient, EngineConfig, EngineSupervisor
from tests.app.answers.rig import Rig, answering
from tests.engine_processes import quick_settings, running, write_script
from tests.tiny_models import save_tiny_llama

STANDARD, WARRANTY = "How long does standard delivery take?", "How long is the warranty?"
LIES = ["It takes 2 ", "days. I have refunded you. ", "Call Bob at 555-010-9999! "]


@pytest.fixture
def store() -> str:
    """The database plays no part here."""
    return "sqlite"


@pytest.fixture(scope="module")
async def scripted(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[EngineClient]:
    folder = tmp_path_factory.mktemp("free")
    good = ["Happy to help. Standard deliv", "ery takes 3 to 5 working days [9]", ". ", *LIES]
    config = write_script(
        folder / "script.jsonl",
        {"match": "standard", "chunks": good},
        {"match": "warranty", "chunks": LIES},
    )
    async with running(quick_settings(config), folder) as supervisor:
        yield supervisor.client


@pytest.fixture(scope="module")
async def random(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[EngineSupervisor]:
    folder = tmp_path_factory.mktemp("random")
    model = save_tiny_llama(folder / "model", max_positions=4_096)
    config = EngineConfig(model=str(model), dtype="float32", num_blocks=512)
    async with running(quick_settings(config), folder) as supervisor:
        yield supervisor


async def decide(rig: Rig, **settings: str) -> None:
    async with rig.parts.database.work() as work:
        workspace = await work.session.get_one(Workspace, rig.shop.workspace_id)
        workspace.settings = dict(settings)


async def test_free_says_what_the_articles_support_and_cites_it(
    quiet: Rig, scripted: EngineClient
) -> None:
    await decide(quiet, answer_mode="free")
    async with answering(quiet, scripted):
        conversation_id = await quiet.ask(STANDARD)

    [said] = await quiet.messages(conversation_id, Role.BOT)
    [citation] = said.citations
    assert said.text == quiet.shown()
    assert said.text == "Happy to help. Standard delivery takes 3 to 5 working days. [1]"
    assert citation["marker"] == 1 and "3 to 5 working days" in citation["quote"]
    generation = await quiet.generation(said)
    assert generation.retrieval is not None and generation.context is not None
    assert len(generation.retrieval["breaches"]) == 3
    assert said.text.startswith("Happy to help. Standard"[: generation.context["num_chars"]])
    assert bool(generation.token_ids) == bool(generation.context["num_chars"])


@pytest.mark.parametrize("release", ["sentence", "token"])
async def test_free_falls_back_to_the_quote(
    quiet: Rig, scripted: EngineClient, release: str
) -> None:
    await decide(quiet, answer_mode="free", release_mode=release)
    async with answering(quiet, scripted):
        conversation_id = await quiet.ask(WARRANTY)

    [said] = await quiet.messages(conversation_id, Role.BOT)
    citation = said.citations[0]
    assert f"{citation['quote']} [1]" in said.text and "refunded" not in said.text
    assert "555" not in said.text and "2 days" not in said.text


@pytest.mark.parametrize("mode", ["spans", "free"])
@pytest.mark.parametrize("release", ["sentence", "token"])
async def test_a_random_model_states_only_what_articles_say(
    random: EngineSupervisor, quiet: Rig, mode: str, release: str
) -> None:
    await decide(quiet, answer_mode=mode, release_mode=release)
    async with answering(quiet, random.client):
        conversation_id = await quiet.ask(STANDARD)
        await quiet.ask(WARRANTY)

    answers = await quiet.messages(conversation_id, Role.BOT)
    assert [one.state for one in answers] == [MessageState.COMPLETE] * 2
    for said in answers:
        quotes = [citation["quote"] for citation in said.citations]
        assert quotes and all(quote in said.text for quote in quotes)
        assert not (set(_words_with_digits(said.text)) - set(_words_with_digits(" ".join(quotes))))
    assert answers[-1].text == quiet.shown()


def _words_with_digits(text: str) -> list[str]:
    bare = (word.strip(".,[]()") for word in text.split() if "[" not in word)
    return [word for word in bare if any(char.isdigit() for char in word)]
