"""`careline demo` as a process of its own, the way a person starts it."""

import json
import os
import signal
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Self

from tests.patience import PATIENCE_S
from tests.ports import free_port

EMAIL = "maya@fernhill.example"
PASSWORD = "fernhill-demo"
AGENT_NAME = "Maya Lindqvist"


def write_script(path: Path, *, slowly: str, delay_ms: float) -> str:
    """An engine that answers everything, what matches `slowly` with a pause before each piece.

    Returns the value of `--engine`.
    """
    words = "Is there anything else that I can help you with today?"
    chunks = ["Happy to help with that. ", *(f"{word} " for word in words.split())]
    lines = (
        {"match": slowly, "chunks": chunks, "delay_ms": delay_ms},
        {"match": ".", "chunks": chunks, "delay_ms": 2},
    )
    path.write_text("".join(json.dumps(line) + "\n" for line in lines), encoding="utf-8")
    return f"scripted:{path}"


@dataclass
class Careline:
    """A running application; starts again on the same port and data."""

    data: Path
    options: tuple[str, ...]
    """Which engine, as on the command line."""
    port: int
    process: subprocess.Popen[bytes] | None = None

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    @classmethod
    def launch(cls, data: Path, *options: str) -> Self:
        """Start it on a free port and wait until it can answer."""
        made = cls(data, options, free_port())
        made.start()
        return made

    def start(self) -> None:
        """Start it and wait until it can answer."""
        command = [sys.executable, "-c", "from app.cli import main; main()", "demo"]
        command += ["--port", str(self.port), "--data", str(self.data)]
        command += self.options
        self.data.mkdir(parents=True, exist_ok=True)
        with (self.data / "terminal.log").open("ab") as log:
            self.process = subprocess.Popen(
                command, stdout=log, stderr=log, start_new_session=True, env=_environment()
            )
        deadline = time.monotonic() + PATIENCE_S
        while not self.is_ready():
            assert self.process.poll() is None, self.said()
            assert time.monotonic() < deadline, self.said()
            # Nothing tells a parent that a port answers; asking costs a refused connection.
            time.sleep(0.05)

    def is_ready(self) -> bool:
        """Whether an answer could stream now."""
        try:
            with urllib.request.urlopen(f"{self.url}/readyz", timeout=5) as response:
                return bool(response.status == 200)
        except (urllib.error.URLError, TimeoutError, ConnectionError):
            return False

    def kill(self) -> None:
        """As a power cut would, the engine process included."""
        assert self.process is not None
        os.killpg(self.process.pid, signal.SIGKILL)
        self.process.wait()

    def kill_engine(self) -> None:
        """The engine process alone; whoever keeps it starts another."""
        os.kill(int((self.data / "run" / "engine.pid").read_text()), signal.SIGKILL)

    @contextmanager
    def held_engine(self) -> Iterator[None]:
        """Stop the engine process for the block, so that no answer ends in it."""
        pid = int((self.data / "run" / "engine.pid").read_text())
        os.kill(pid, signal.SIGSTOP)
        try:
            yield
        finally:
            os.kill(pid, signal.SIGCONT)

    def stop(self) -> None:
        """As Ctrl-C does."""
        assert self.process is not None
        self.process.send_signal(signal.SIGINT)
        try:
            self.process.wait(timeout=PATIENCE_S)
        except subprocess.TimeoutExpired:
            self.kill()
            raise

    def said(self) -> str:
        """What it told the terminal."""
        return (self.data / "terminal.log").read_text(encoding="utf-8", errors="replace")


def _environment() -> dict[str, str]:
    """Patient with an engine that a test holds."""
    own = {name: value for name, value in os.environ.items() if not name.startswith("CARELINE_")}
    return own | {
        "OMP_WAIT_POLICY": "passive",
        "CARELINE_ENGINE_HANG_TIMEOUT_S": str(PATIENCE_S),
        "CARELINE_ANSWER_TIMEOUT_S": str(2 * PATIENCE_S),
    }
