"""Starting and ending in order, within one process."""

import asyncio
from pathlib import Path

import pytest

from app.engines import Engine
from app.errors import BadSettings, EngineFailed, PortInUse
from app.main import create_app
from app.parts import Parts
from app.serving import bind, serve
from app.settings import Settings
from inference import EngineClient
from tests.patience import PATIENCE_S

pytestmark = pytest.mark.parametrize("store", ["sqlite"], indirect=True)


@pytest.fixture
def engine(tmp_path: Path) -> Engine:
    """One that never comes."""
    return Engine(EngineClient(tmp_path / "engine.sock"))


async def test_an_engine_that_is_gone_for_good_ends_the_server_with_an_error(
    settings: Settings, engine: Engine
) -> None:
    def give_up(_port: int) -> None:
        engine.gave_up.set()

    with pytest.raises(EngineFailed):
        async with asyncio.timeout(PATIENCE_S):
            await serve(create_app(settings, engine), settings, on_ready=give_up)

    assert not (settings.data / "run" / "web.pid").exists()


async def test_what_is_prepared_is_there_before_anybody_is_served(
    settings: Settings, engine: Engine
) -> None:
    order: list[str] = []

    async def prepare(parts: Parts) -> None:
        assert (settings.data / "run" / "web.pid").exists()
        await parts.database.ping()
        order.append("prepared")

    def ready(port: int) -> None:
        order.append(f"ready {port > 0}")
        engine.gave_up.set()

    with pytest.raises(EngineFailed):
        await serve(create_app(settings, engine, prepare=prepare), settings, on_ready=ready)

    assert order == ["prepared", "ready True"]


async def test_a_preparation_that_fails_leaves_nothing_behind(
    settings: Settings, engine: Engine
) -> None:
    async def prepare(_parts: Parts) -> None:
        raise BadSettings("No demo today.")

    def never(_port: int) -> None:
        raise AssertionError("nobody may be served")

    with pytest.raises(BadSettings):
        await serve(create_app(settings, engine, prepare=prepare), settings, on_ready=never)

    assert not (settings.data / "run" / "web.pid").exists()


async def test_a_port_that_is_taken_and_an_address_that_is_not_ours_are_refused(
    settings: Settings,
) -> None:
    with bind(settings) as taken:
        port = taken.getsockname()[1]
        with pytest.raises(PortInUse, match=str(port)):
            bind(settings.model_copy(update={"port": port}))
    with pytest.raises(BadSettings, match=r"192\.0\.2\.1"):
        bind(settings.model_copy(update={"host": "192.0.2.1"}))
