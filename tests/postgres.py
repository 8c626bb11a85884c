"""A PostgreSQL of the tests' own: made with initdb, on a Unix socket, gone afterwards."""

import contextlib
import os
import pwd
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

_PLACES = (Path("/usr/lib/postgresql"), Path("/usr/local/pgsql"), Path("/opt/homebrew/opt"))
_MISSING = (
    "These tests need PostgreSQL's server programs (initdb, pg_ctl) and found none. "
    "On Debian or Ubuntu: apt-get install postgresql."
)


@dataclass(frozen=True)
class Cluster:
    """A running server; its databases are reached through `socket_dir`."""

    socket_dir: Path
    user: str

    def url(self, database: str) -> str:
        """For SQLAlchemy."""
        return f"postgresql+asyncpg://{self.user}@/{database}?host={self.socket_dir}"


@contextlib.contextmanager
def running_cluster() -> Iterator[Cluster]:
    """Start a server for the block.

    Raises:
        RuntimeError: PostgreSQL is not installed; the message says what to install.
    """
    programs = _find_programs()
    owner = "postgres" if os.geteuid() == 0 else pwd.getpwuid(os.geteuid()).pw_name
    folder = Path(tempfile.mkdtemp(prefix="careline-pg-"))  # short: a socket's path has 107 bytes
    if os.geteuid() == 0:
        shutil.chown(folder, owner)
    data = folder / "data"
    try:
        _run(owner, programs / "initdb", "-D", data, "-U", owner, "-A", "trust", "-N", "-E", "UTF8")
        # Nobody gathers statistics behind a test's back, on which plans depend.
        options = f"-k {folder} -c listen_addresses='' -c fsync=off -c max_connections=200"
        options += " -c autovacuum=off"
        log = folder / "log"
        _run(owner, programs / "pg_ctl", "-D", data, "-l", log, "-w", "-o", options, "start")
        try:
            yield Cluster(folder, owner)
        finally:
            _run(owner, programs / "pg_ctl", "-D", data, "-m", "immediate", "-w", "stop")
    finally:
        shutil.rmtree(folder)


def _find_programs() -> Path:
    on_path = shutil.which("initdb")
    if on_path is not None:
        return Path(on_path).resolve().parent
    found = [program for place in _PLACES for program in place.glob("*/bin/initdb")]
    if not found:
        raise RuntimeError(_MISSING)
    return max(found, key=lambda program: _version(program.parent.parent.name)).parent


def _version(name: str) -> int:
    digits = "".join(character for character in name if character.isdigit())
    return int(digits or 0)


def _run(owner: str, program: Path, *arguments: str | Path) -> None:
    command = [str(program), *map(str, arguments)]
    if os.geteuid() == 0:
        command = ["runuser", "-u", owner, "--", *command]
    done = subprocess.run(
        command, cwd="/", stdin=subprocess.DEVNULL, capture_output=True, text=True, check=False
    )
    if done.returncode != 0:
        raise RuntimeError(f"{program.name} failed: {done.stderr.strip()}")
