"""OpenAI's own clients against a real port, with a tiny model of random weights behind it."""

from collections.abc import AsyncIterator
from dataclasses import dataclass

import pytest
from openai import AsyncOpenAI

from app.api.scopes import Scope
from app.engines import Engine
from inference import EngineClient, EngineConfig
from tests.api_client import make_key
from tests.app.answers.rig import publish_demo_articles
from tests.conftest import Served
from tests.engine_processes import quick_settings, running
from tests.patience import PATIENCE_S
from tests.tiny_models import save_tiny_llama


@pytest.fixture
def store() -> str:
    """The database plays no part here."""
    return "sqlite"


@pytest.fixture(scope="package")
async def tiny_engine(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[EngineClient]:
    folder = tmp_path_factory.mktemp("tiny")
    model = save_tiny_llama(folder / "model", max_positions=4_096)
    config = EngineConfig(model=str(model), device="cpu", dtype="float32", num_blocks=512)
    async with running(quick_settings(config), folder) as supervisor:
        yield supervisor.client


@dataclass(frozen=True)
class Dialect:
    """A served application, a key, and the official client."""

    served: Served
    engine: EngineClient
    secret: str
    client: AsyncOpenAI

    @property
    def base_url(self) -> str:
        return f"{self.served.http_url}/v1"


@pytest.fixture
async def dialect(served: Served, tiny_engine: EngineClient) -> AsyncIterator[Dialect]:
    served.parts.engine = Engine(tiny_engine)
    secret = await make_key(served.parts, served.shop, Scope.LLM_INVOKE)
    async with AsyncOpenAI(
        base_url=f"{served.http_url}/v1", api_key=secret, max_retries=0, timeout=PATIENCE_S
    ) as client:
        yield Dialect(served, tiny_engine, secret, client)


@pytest.fixture
async def stocked(dialect: Dialect) -> Dialect:
    """The same with articles to answer from."""
    await publish_demo_articles(dialect.served.parts, dialect.served.shop)
    return dialect
