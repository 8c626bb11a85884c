"""The `careline` command as a process of its own."""

import asyncio
import json
import os
import signal
import sqlite3
import sys
from asyncio.subprocess import PIPE, Process
from dataclasses import dataclass
from pathlib import Path

from tests.patience import PATIENCE_S

_RUN = "from app.cli import main; main()"


def write_script(folder: Path, delay_ms: float = 1) -> str:
    """An engine that says one thing; returns the value of `--engine`."""
    line = {"match": ".", "chunks": ["Happy ", "to ", "help."], "delay_ms": delay_ms}
    path = folder / "script.jsonl"
    path.write_text(json.dumps(line) + "\n")
    return f"scripted:{path}"


@dataclass
class Serving:
    """A `careline serve` that is ready."""

    process: Process
    port: int
    data: Path

    @property
    def http_url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    @property
    def ws_url(self) -> str:
        return f"ws://127.0.0.1:{self.port}/ws/v1"

    @property
    def site(self) -> str:
        """The public token of the one site."""
        with sqlite3.connect(self.data / "careline.db") as connection:
            [token] = connection.execute("SELECT public_token FROM inbox").fetchone()
        connection.close()
        return str(token)

    async def stop(self, number: int = signal.SIGTERM) -> int:
        """Send a signal and wait for the exit status."""
        self.process.send_signal(number)
        async with asyncio.timeout(PATIENCE_S):
            return await self.process.wait()

    async def kill(self) -> None:
        """SIGKILL to web and engine process alike, as a power cut."""
        os.killpg(self.process.pid, signal.SIGKILL)
        await self.process.wait()


async def start(
    data: Path, engine: str, *options: str, command: str = "serve", **settings: str
) -> Serving:
    """Start `careline serve` on a free port and wait until it says that it is ready.

    `settings` by name, for what has no option.
    """
    process = await _spawn(
        command, "--port=0", f"--data={data}", f"--engine={engine}", *options, **settings
    )
    said = ""
    assert process.stdout is not None
    async with asyncio.timeout(PATIENCE_S):
        async for line in process.stdout:
            said += line.decode()
            if "/docs" in said:
                port = int(said.split("/docs")[0].rsplit(":", 1)[1])
                return Serving(process, port, data)
    raise AssertionError(f"careline ended: {said}{await _rest(process)}")


async def run(*arguments: str) -> tuple[int, str]:
    """Run the command to its end: exit status, and all it said."""
    process = await _spawn(*arguments)
    async with asyncio.timeout(PATIENCE_S):
        out, err = await process.communicate()
    assert process.returncode is not None
    return process.returncode, (out + err).decode()


async def _spawn(*arguments: str, **settings: str) -> Process:
    own = {name: value for name, value in os.environ.items() if not name.startswith("CARELINE_")}
    return await asyncio.create_subprocess_exec(
        sys.executable,
        "-c",
        _RUN,
        *arguments,
        stdout=PIPE,
        stderr=PIPE,
        start_new_session=True,
        env=own
        | {"OMP_WAIT_POLICY": "passive", "COLUMNS": "200"}
        | {f"CARELINE_{name.upper()}": value for name, value in settings.items()},
    )


async def _rest(process: Process) -> str:
    assert process.stderr is not None
    return (await process.stderr.read()).decode()
