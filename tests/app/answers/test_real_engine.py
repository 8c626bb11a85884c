"""The bot's turn on the real engine with random weights: facts stand whatever a model would say."""

import os
import signal
from collections.abc import AsyncIterator

import pytest

from app.answers.planning import Plan, make_plan
from app.answers.writing import Written, write
from app.knowledge.sentences import split_sentences
from app.vocabulary import MessageState, Role
from inference import EngineConfig, EngineSupervisor
from tests.app.answers.rig import Rig, answering
from tests.app.answers.threads import said, thread
from tests.app.knowledge.demo_index import demo_index
from tests.engine_processes import quick_settings, running, until_replaced, write_script
from tests.tiny_models import save_tiny_llama

QUESTION = "How long does standard delivery take?"


@pytest.fixture
def store() -> str:
    """The database plays no part here."""
    return "sqlite"


@pytest.fixture(scope="module")
async def real(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[EngineSupervisor]:
    folder = tmp_path_factory.mktemp("real")
    model = save_tiny_llama(folder / "model", max_positions=4_096)
    config = EngineConfig(model=str(model), dtype="float32", num_blocks=512)
    async with running(quick_settings(config), folder) as supervisor:
        yield supervisor


def plan() -> Plan:
    return make_plan(demo_index(), thread(said(QUESTION)))


async def written_by(engine: EngineSupervisor, seed: int = 7) -> Written:
    return await write(engine.client, plan(), seed=seed, salt=b"shop", show=lambda _: None)


async def test_a_random_model_cannot_change_a_fact(real: EngineSupervisor, quiet: Rig) -> None:
    async with answering(quiet, real.client):
        conversation_id = await quiet.ask(QUESTION)

    [answer] = await quiet.messages(conversation_id, Role.BOT)
    [citation] = answer.citations
    before, after = answer.text.split(f" {citation['quote']} [1] ")
    assert answer.state is MessageState.COMPLETE
    assert quiet.shown() == answer.text
    assert "3 to 5 working days" in citation["quote"]
    assert len(split_sentences(before)) == len(split_sentences(after)) == 1
    generation = await quiet.generation(answer)
    assert generation.num_prompt_tokens and generation.context


async def test_after_a_change_of_the_model_the_texts_are_read_anew(
    real: EngineSupervisor, quiet: Rig, tmp_path_factory: pytest.TempPathFactory
) -> None:
    folder = tmp_path_factory.mktemp("other")
    other = write_script(folder / "script.jsonl", {"match": "delivery", "chunks": ["So.", "Yes."]})
    async with (
        running(quick_settings(other), folder) as before,
        answering(quiet, before.client),
    ):
        await quiet.ask(QUESTION)
    async with answering(quiet, real.client):
        conversation_id = await quiet.ask("How long is the warranty?")
        await quiet.ask(QUESTION)

    said = await quiet.messages(conversation_id, Role.BOT)
    first, second, third = [await quiet.generation(one) for one in said]
    assert {one.state for one in said} == {MessageState.COMPLETE}
    assert first.context and second.context and third.context
    assert first.context["fingerprint"] != second.context["fingerprint"]
    num_bytes = sum(len(one.text.encode()) for one in said[:1])
    assert second.num_prompt_tokens and second.num_prompt_tokens > num_bytes, "one token a byte"
    assert third.num_cached_tokens
    assert third.num_cached_tokens > second.num_prompt_tokens - 16, "its own prompt goes on"


async def test_the_same_seed_gives_the_same_text(real: EngineSupervisor) -> None:
    first, second = await written_by(real), await written_by(real)

    assert (first.text, first.token_ids) == (second.text, second.token_ids)


async def test_a_killed_engine_changes_no_token(real: EngineSupervisor) -> None:
    untouched = await written_by(real)
    first_pid = real.pid
    assert first_pid is not None
    killing = iter([first_pid])

    def kill_once(_text: str) -> None:
        for pid in killing:
            os.kill(pid, signal.SIGKILL)

    resumed = await write(real.client, plan(), seed=7, salt=b"shop", show=kill_once)

    await until_replaced(real, first_pid)
    assert (resumed.text, resumed.token_ids) == (untouched.text, untouched.token_ids)
