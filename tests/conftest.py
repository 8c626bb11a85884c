"""The real application on fresh databases, SQLite and PostgreSQL alike.

Kernels run in Triton's interpreter where there is no GPU; a process chooses it before the first of
them is imported, and an engine imports them all.
"""

import asyncio
import itertools
import os
import shutil
from collections.abc import AsyncIterator, Iterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

import asyncpg  # type: ignore[import-untyped]  # it has no stubs
import httpx
import numpy as np
import pytest
from hypothesis import HealthCheck
from hypothesis import settings as hypothesis_settings
from sqlalchemy import text
from sqlalchemy.ext.asyncio import create_async_engine

if not Path("/dev/nvidiactl").exists():
    os.environ["TRITON_INTERPRET"] = "1"

from app import schema
from app.clock import now
from app.data_folder import DataFolder
from app.database import Database
from app.events import Dispatcher
from app.knowledge import library
from app.knowledge.meaning import Meaning, Vectors
from app.knowledge.passages import SourceArticle
from app.knowledge.search import SearchIndex
from app.main import build_parts
from app.models import Base
from app.parts import Parts
from app.serving import CareServer, bind
from app.settings import Settings
from tests.api_client import Api
from tests.care_client import CareClient
from tests.factories import Shop, open_shop
from tests.postgres import Cluster, running_cluster
from tests.routes import routes_over

# What a machine that others use is slow at says nothing of the code, and who changes one thing must
# not meet the rare mistake of another; `--hypothesis-profile=search` looks for new examples.
hypothesis_settings.register_profile(
    "search", deadline=None, suppress_health_check=[HealthCheck.too_slow]
)
hypothesis_settings.register_profile(
    "same examples", hypothesis_settings.get_profile("search"), derandomize=True, database=None
)
hypothesis_settings.load_profile("same examples")

_SHARED = "careline_shared"
_numbers = itertools.count()


@dataclass(frozen=True)
class Template:
    """A migrated, empty database: a file's path, or a name in a cluster."""

    cluster: Cluster | None
    name: str
    cleaner: asyncpg.Connection | None = None


@pytest.fixture(scope="session")
def anyio_backend() -> str:
    return "asyncio"


@pytest.fixture(scope="session", autouse=True)
def shared_indexes() -> Iterator[None]:
    """Equal texts are indexed once for all tests: it takes its time, and no index changes."""

    @lru_cache(maxsize=8)
    def built(
        texts: tuple[SourceArticle, ...], meaning: Meaning, kept: tuple[tuple[bytes, bytes], ...]
    ) -> SearchIndex:
        vectors = {digest: np.frombuffer(vector, dtype="<f2") for digest, vector in kept}
        return SearchIndex(texts, meaning, vectors)

    def build(texts: Sequence[SourceArticle], meaning: Meaning, vectors: Vectors) -> SearchIndex:
        kept = sorted((digest, vector.tobytes()) for digest, vector in vectors.items())
        return built(tuple(texts), meaning, tuple(kept))

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(library, "SearchIndex", build)
        yield


@pytest.fixture(scope="session")
def postgres() -> Iterator[Cluster]:
    with running_cluster() as cluster:
        yield cluster


@pytest.fixture(scope="session")
async def sqlite_template(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("template") / "careline.db"
    await _migrate(f"sqlite+aiosqlite:///{path}")
    return path


@pytest.fixture(scope="session")
async def postgres_template(postgres: Cluster) -> str:
    await _administer(postgres, "CREATE DATABASE template_careline")
    await _migrate(postgres.url("template_careline"))
    await _administer(postgres, f"CREATE DATABASE {_SHARED} TEMPLATE template_careline")
    return "template_careline"


@pytest.fixture(scope="session")
async def postgres_cleaner(
    postgres: Cluster, postgres_template: str
) -> AsyncIterator[asyncpg.Connection]:
    """One connection for all emptying: opening one takes longer than the emptying."""
    assert postgres_template
    connection = await asyncpg.connect(
        host=str(postgres.socket_dir), user=postgres.user, database=_SHARED
    )
    # The audit log lets nobody delete; a session of this role asks no trigger.
    await connection.execute("SET session_replication_role = replica")
    yield connection
    await connection.close()


@pytest.fixture(params=["sqlite", "postgres"])
def store(request: pytest.FixtureRequest) -> str:
    """Which database; a test that needs only one overrides the parameter."""
    return str(request.param)


@pytest.fixture
def template(store: str, request: pytest.FixtureRequest) -> Template:
    """What a fresh database is copied from."""
    if store == "sqlite":
        return Template(None, str(request.getfixturevalue("sqlite_template")))
    return Template(
        request.getfixturevalue("postgres"),
        request.getfixturevalue("postgres_template"),
        request.getfixturevalue("postgres_cleaner"),
    )


@pytest.fixture
async def own_database_url(template: Template, tmp_path: Path) -> AsyncIterator[str]:
    """A database of the test's own, whose tables it may change."""
    if template.cluster is None:
        yield _copied(template, tmp_path)
        return
    name = f"careline_{next(_numbers)}"
    await _administer(template.cluster, f"CREATE DATABASE {name} TEMPLATE {template.name}")
    yield template.cluster.url(name)
    await _administer(template.cluster, f"DROP DATABASE {name} WITH (FORCE)")


@pytest.fixture
async def database_url(template: Template, tmp_path: Path) -> str:
    """A database with all tables and no rows; the one of PostgreSQL is emptied for each test."""
    if template.cluster is None or template.cleaner is None:
        return _copied(template, tmp_path)
    tables = [table.name for table in reversed(Base.metadata.sorted_tables)]
    await template.cleaner.execute("; ".join(f"DELETE FROM {name}" for name in tables))
    return template.cluster.url(_SHARED)


@pytest.fixture
def settings(tmp_path: Path, database_url: str) -> Settings:
    """Those of the product, on a free port."""
    return Settings(port=0, data=tmp_path / "data", database_url=database_url)


@pytest.fixture
async def parts(settings: Settings) -> AsyncIterator[Parts]:
    """The application's parts without an engine: tests write the bot's answers themselves."""
    made = build_parts(settings, DataFolder(settings.data).prepare(), now)
    yield made
    await made.database.close()


@pytest.fixture
async def shop(parts: Parts) -> Shop:
    """A company with one site and one agent of each role."""
    return await open_shop(parts.database)


@dataclass(frozen=True)
class Served:
    """The application behind a real port."""

    parts: Parts
    shop: Shop
    port: int

    @property
    def http_url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def client(self, **headers: str) -> CareClient:
        """A socket that has not said hello; headers by name, `_` for `-`."""
        return CareClient(f"ws://127.0.0.1:{self.port}/ws/v1", self.parts, self.shop, headers)


@pytest.fixture
async def served(parts: Parts, shop: Shop) -> AsyncIterator[Served]:
    async with serving(parts) as port:
        yield Served(parts, shop, port)


@pytest.fixture
async def api(parts: Parts, shop: Shop) -> AsyncIterator[Api]:
    """The routes in process; its clients have keys of their own."""
    made = Api(parts, shop)
    yield made
    await made.close()


@pytest.fixture
async def http(api: Api) -> httpx.AsyncClient:
    """A program with a key that may do everything."""
    return await api.client()


@asynccontextmanager
async def serving(parts: Parts) -> AsyncIterator[int]:
    """Serve the routes over these parts for the block; the port is free and real."""
    listener = bind(parts.settings)
    server = CareServer(routes_over(parts), parts.settings, on_ready=lambda: None)
    server.config.load()
    server.lifespan = server.config.lifespan_class(server.config)
    await server.startup(sockets=[listener])
    try:
        yield listener.getsockname()[1]
    finally:
        await _end(server)


async def _end(server: CareServer) -> None:
    """Like a shutdown, without its pauses."""
    for listening in server.servers:
        listening.close()
    for connection in list(server.server_state.connections):
        connection.shutdown()
    if server.server_state.tasks:
        await asyncio.wait(server.server_state.tasks, timeout=5)


def _copied(template: Template, tmp_path: Path) -> str:
    path = tmp_path / "data" / "careline.db"
    path.parent.mkdir(exist_ok=True)
    shutil.copy(template.name, path)
    return f"sqlite+aiosqlite:///{path}"


async def _migrate(url: str) -> None:
    database = Database(url, Dispatcher())
    await schema.upgrade(database)
    await database.close()


async def _administer(cluster: Cluster, command: str) -> None:
    engine = create_async_engine(cluster.url("postgres"), isolation_level="AUTOCOMMIT")
    async with engine.connect() as connection:
        await connection.execute(text(command))
    await engine.dispose()
