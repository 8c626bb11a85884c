"""The examples of docs/api.md, run as they stand there, one after the other."""

import asyncio
import os
import re
import sys
from pathlib import Path

import pytest

from app.api.scopes import Scope
from tests.api_client import make_key
from tests.conftest import Served

PAGE = Path(__file__).parents[3] / "docs" / "api.md"
EXAMPLES = re.findall(r"^```(bash|python)\n(.*?)^```", PAGE.read_text("utf-8"), re.M | re.S)


@pytest.fixture
def store() -> str:
    return "sqlite"


async def run(environment: dict[str, str], *command: str) -> str:
    process = await asyncio.create_subprocess_exec(
        *command,
        env=os.environ | environment,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )
    out, err = await process.communicate()
    assert process.returncode == 0, (command[-1], out, err)
    return out.decode()


async def test_every_example_does_what_it_says(served: Served) -> None:
    key = await make_key(served.parts, served.shop, Scope.ADMIN)
    environment = {"CARELINE_URL": served.http_url, "CARELINE_KEY": key}
    shell = [
        text.replace("curl -sS", "curl -sS --fail-with-body")
        for kind, text in EXAMPLES
        if kind == "bash"
    ]
    program = "\n".join(text for kind, text in EXAMPLES if kind == "python")

    shown = [await run(environment, "bash", "-ec", text) for text in shell]
    again = await run(environment, "bash", "-ec", shell[0])
    printed = await run(environment, sys.executable, "-c", program)

    assert len(shell) == 3 and program.count("call(") > 5
    assert again == shown[0]
    assert '"external_ref":"ticket-4711"' in shown[1]
    assert "You may return a parcel within 30 days." in shown[2]
    assert "1 open us Where is my parcel?" in printed
    assert "The customer wrote" in printed
    assert "message.created" in printed
