"""While a customer types, the engine computes what the prompt will begin with; nobody notices."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from uuid import UUID, uuid4

import pytest

from app.answers.typing_ahead import TypingAhead
from app.events import DraftTyped
from app.knowledge.library import Library
from app.vocabulary import Role
from inference import EngineClient, EngineConfig, EngineSupervisor
from tests.app.answers.conftest import SCRIPT
from tests.app.answers.rig import Rig, answering
from tests.engine_processes import held, quick_settings, running, write_script
from tests.tiny_models import save_tiny_llama

QUESTION = "How long does standard delivery take?"
TYPED = "How long does standard delivery take"
MAX_RUNNING = 2
WRITER = uuid4()


@pytest.fixture
def store() -> str:
    """What is read of the database is tested with the answers."""
    return "sqlite"


@pytest.fixture(scope="module")
async def real(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[EngineSupervisor]:
    folder = tmp_path_factory.mktemp("real")
    model = save_tiny_llama(folder / "model", max_positions=4_096)
    config = EngineConfig(model=str(model), dtype="float32", num_blocks=512, device="cpu")
    async with running(quick_settings(config), folder) as supervisor:
        yield supervisor


@asynccontextmanager
async def typing(rig: Rig, engine: EngineClient) -> AsyncIterator[TypingAhead]:
    """Somebody listens to what is typed, for the block."""
    ahead = TypingAhead(
        rig.parts.database,
        rig.live,
        engine,
        Library(rig.parts.database),
        salt_of=rig.parts.secrets.prefix_salt,
        max_running=MAX_RUNNING,
    )
    ahead.listen(rig.parts.dispatcher)
    running = asyncio.create_task(ahead.run())
    await asyncio.sleep(0)  # its task group is open now
    try:
        yield ahead
    finally:
        running.cancel()
        await asyncio.gather(running, return_exceptions=True)


def type_in(rig: Rig, text: str, conversation: UUID | None = None, writer: UUID = WRITER) -> None:
    shop = rig.shop
    typed = DraftTyped(shop.workspace_id, shop.inbox_id, writer, conversation, text)
    rig.parts.dispatcher.deliver([typed])


async def test_what_was_typed_is_computed_when_it_is_sent(
    quiet: Rig, real: EngineSupervisor
) -> None:
    async with answering(quiet, real.client), typing(quiet, real.client) as ahead:
        type_in(quiet, TYPED)
        await ahead.finished()
        conversation_id = await quiet.ask(QUESTION)
        first = await quiet.messages(conversation_id, Role.BOT)

        type_in(quiet, "How long is the warranty", conversation_id)
        await ahead.finished()
        await quiet.ask("How long is the warranty?")
        second = await quiet.messages(conversation_id, Role.BOT)

    for said in (first[-1], second[-1]):
        generation = await quiet.generation(said)
        assert generation.num_prompt_tokens is not None
        assert generation.num_cached_tokens is not None
        # The last word typed, what closes the message, and a block that is not full.
        left = generation.num_prompt_tokens - generation.num_cached_tokens
        assert left <= 16 + len("?") + 4, "bytes are this model's tokens"


async def test_nothing_is_computed_while_a_human_has_the_word(
    quiet: Rig, real: EngineSupervisor
) -> None:
    async with answering(quiet, real.client), typing(quiet, real.client) as ahead:
        conversation_id = await quiet.ask(QUESTION)
        await quiet.take_over(conversation_id)
        before = await real.client.stats()

        type_in(quiet, "Are you still there", conversation_id)
        await ahead.finished()

        after = await real.client.stats()
    assert after["prefix_query_tokens"] == before["prefix_query_tokens"]


async def test_one_draft_a_conversation_few_in_all_and_none_once_it_is_sent(
    quiet: Rig, real: EngineSupervisor
) -> None:
    first, second, third = uuid4(), uuid4(), uuid4()
    async with typing(quiet, real.client) as ahead:
        with held(real):
            for text in ("How", "How long", "How long does"):
                type_in(quiet, text, writer=first)
            assert ahead.num_running == 1
            type_in(quiet, "Where", writer=second)
            type_in(quiet, "When", writer=third)
            assert ahead.num_running == MAX_RUNNING

            type_in(quiet, "", writer=first)
            assert ahead.num_running == 1
            type_in(quiet, "", writer=second)
            assert ahead.num_running == 0


async def test_an_engine_that_refuses_is_nobodys_concern(
    quiet: Rig, tmp_path_factory: pytest.TempPathFactory, caplog: pytest.LogCaptureFixture
) -> None:
    folder = tmp_path_factory.mktemp("script")
    config = write_script(folder / "script.jsonl", *(dict(line) for line in SCRIPT))
    async with (
        running(quick_settings(config), folder) as supervisor,
        typing(quiet, supervisor.client) as ahead,
    ):
        type_in(quiet, "Which lengths do pants come in")
        await ahead.finished()

    assert quiet.frames == [] and quiet.events == []
    assert "pants" not in caplog.text
    assert [record for record in caplog.records if record.levelname == "ERROR"] == []
