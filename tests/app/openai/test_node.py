"""The dialect through OpenAI's npm package."""

import asyncio
import os
import shutil
from asyncio.subprocess import PIPE, STDOUT
from pathlib import Path

from tests.app.openai.conftest import Dialect
from tests.patience import PATIENCE_S

ROOT = Path(__file__).parents[3]
MISSING = "Node.js 20 or its packages are missing: install node, then npm ci --ignore-scripts"


async def test_the_npm_package_speaks_to_it(stocked: Dialect) -> None:
    node = shutil.which("node")
    assert node and (ROOT / "node_modules" / "openai").exists(), MISSING
    known = {name: value for name, value in os.environ.items() if not name.startswith("OPENAI_")}

    process = await asyncio.create_subprocess_exec(
        node,
        "--test",
        str(Path(__file__).parent / "node_client.mjs"),
        cwd=ROOT,
        env=known | {"CARELINE_BASE_URL": stocked.base_url, "CARELINE_KEY": stocked.secret},
        stdout=PIPE,
        stderr=STDOUT,
    )
    async with asyncio.timeout(PATIENCE_S * 2):
        said, _ = await process.communicate()

    assert process.returncode == 0, said.decode()
    assert "pass 5" in said.decode(), "every test has run"
