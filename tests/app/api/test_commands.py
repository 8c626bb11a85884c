"""`careline key`: a key from the shell opens the API of the Careline that runs."""

import asyncio
import json
from pathlib import Path

import pytest
from typer.testing import CliRunner

from app import cli
from app.api.description import describe
from app.vocabulary import AgentRole
from tests.api_client import Api, told


@pytest.fixture
def store() -> str:
    return "sqlite"


async def careline(*words: str) -> str:
    """What the command prints; it has an event loop of its own."""
    result = await asyncio.to_thread(CliRunner().invoke, cli.app, list(words))
    assert result.exit_code == 0, (words, result.output, result.exception)
    return result.output


async def test_a_key_is_made_listed_and_ended(api: Api) -> None:
    data = ("--data", str(api.parts.settings.data))
    scopes = ("--scope", "conversations:read", "--scope", "kb:read")

    secret = (await careline("key", "create", "--name", "Helpdesk", *scopes, *data)).strip()
    http = api.with_headers(Authorization=f"Bearer {secret}")
    told(await http.get("/v1/conversations"))
    told(await http.get("/v1/contacts"), 403)
    listed = await careline("key", "list", *data)
    prefix = secret.rpartition("_")[0]
    ended = await careline("key", "revoke", prefix, *data)

    assert secret not in listed
    assert "Helpdesk" in ended
    assert (await http.get("/v1/conversations")).status_code == 401
    by = {one["by"] for one in told(await (await api.client()).get("/v1/audit"))["data"]}
    owner = api.shop.agents[AgentRole.OWNER].name
    assert f"{owner}, by the command line" in by


async def test_the_description_is_written_to_a_file(tmp_path: Path) -> None:
    await careline("openapi", str(tmp_path / "api.json"))

    assert json.loads((tmp_path / "api.json").read_text("utf-8"))["info"] == describe()["info"]
