"""The examples that need an engine, of three pages, as they stand there."""

import asyncio
import os
import re
import sys
from asyncio.subprocess import PIPE, STDOUT
from pathlib import Path

import pytest

from app.api.scopes import Scope
from tests.api_client import make_key
from tests.app.openai.conftest import Dialect
from tests.patience import PATIENCE_S

DOCS = Path(__file__).parents[3] / "docs"
BLOCK = re.compile(r"```(python|sh)\n(# example: [^\n]+\n.*?)```", re.DOTALL)
EXAMPLES = [
    (language, text)
    for page in ("api.md", "openai.md", "triage.md")
    for language, text in BLOCK.findall((DOCS / page).read_text(encoding="utf-8"))
]
SAYS = {
    "suggest a reply": "2 years",
    "ask once": '"outcome":"answered"',
    "grounded": "2 years",
    "stream": "2 years",
    "embeddings": "alike True",
    "curl": '"chat.completion"',
    "one ticket": '"intent":{"name":"defect"',
}


def test_every_example_is_run() -> None:
    assert sorted(name_of(text) for _, text in EXAMPLES) == sorted(SAYS)


def name_of(text: str) -> str:
    return text.splitlines()[0].removeprefix("# example: ")


@pytest.mark.parametrize(("language", "text"), EXAMPLES, ids=[name_of(t) for _, t in EXAMPLES])
async def test_an_example_does_what_the_page_says(
    stocked: Dialect, language: str, text: str
) -> None:
    served = stocked.served
    scopes = (Scope.LLM_INVOKE, Scope.ANSWERS_CREATE, Scope.CONVERSATIONS_WRITE)
    key = await make_key(served.parts, served.shop, *scopes)
    prelude = "import os\nURL, KEY = os.environ['URL'], os.environ['KEY']\n"
    environment = {"URL": served.http_url, "KEY": key}
    environment |= {f"CARELINE_{name}": value for name, value in environment.items()}
    command = ["bash", "-c", text] if language == "sh" else [sys.executable, "-c", prelude + text]

    process = await asyncio.create_subprocess_exec(
        *command, env=os.environ | environment, stdout=PIPE, stderr=STDOUT
    )
    async with asyncio.timeout(PATIENCE_S):
        said, _ = await process.communicate()

    assert process.returncode == 0, said.decode()
    assert SAYS[name_of(text)] in said.decode()
