"""A scripted engine process for all tests of the bot's turn, and the bot with a customer."""

from collections.abc import AsyncIterator

import pytest

from app.parts import Parts
from inference import EngineClient, EngineSupervisor
from tests.app.answers.rig import Rig, answering, make_rig, publish_demo_articles
from tests.engine_processes import quick_settings, running, write_script
from tests.factories import Shop

OPENING, CLOSING = "Happy to help.", "Is there anything else I can help with?"
SCRIPT = (
    {"match": "refund", "chunks": ["I have refunded ", "you 500 dollars.", " You get it today!"]},
    {"match": "freight", "chunks": [OPENING, f" {CLOSING}"], "delay_ms": 60},
    {"match": "hello", "chunks": ["Hello!", " How can I help you today?"]},
    {"match": "warranty|standard|bicycles|kayak|trade", "chunks": [OPENING, f" {CLOSING}"]},
)  # fmt: skip


@pytest.fixture(scope="module")
async def engine_process(
    tmp_path_factory: pytest.TempPathFactory,
) -> AsyncIterator[EngineSupervisor]:
    folder = tmp_path_factory.mktemp("engine")
    config = write_script(folder / "script.jsonl", *(dict(line) for line in SCRIPT))
    async with running(quick_settings(config), folder) as supervisor:
        yield supervisor


@pytest.fixture(scope="module")
def engine(engine_process: EngineSupervisor) -> EngineClient:
    return engine_process.client


@pytest.fixture
async def quiet(parts: Parts, shop: Shop) -> Rig:
    """Everything but the bot."""
    await publish_demo_articles(parts, shop)
    return make_rig(parts, shop)


@pytest.fixture
async def rig(quiet: Rig, engine: EngineClient) -> AsyncIterator[Rig]:
    async with answering(quiet, engine):
        yield quiet
