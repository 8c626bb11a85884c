"""EngineSupervisor: starts the engine process, watches it, and starts it again when it is dead.

The supervisor and the engine hold the two ends of one socket, the leash. The engine reports on it
how its start went, and dies when the supervisor's end closes, so a killed web process leaves no
orphan. An engine that does not come back after many starts is given up: better a process that exits
and is seen than one that pretends.
"""

import asyncio
import contextlib
import logging
import os
import signal
import socket
import sys
import time
from collections import Counter, deque
from collections.abc import AsyncGenerator
from dataclasses import dataclass, field
from pathlib import Path
from typing import BinaryIO, Self

from inference.client import ClientSettings, EngineClient
from inference.config import EngineConfig
from inference.errors import EngineError, EngineUnavailable
from inference.process.command_line import ServerCommand, to_arguments
from inference.process.frames import Goodbye, read_frame, start_frames, to_error
from inference.process.socket_server import ServerSettings

logger = logging.getLogger(__name__)

MAX_LOG_BYTES = 16 << 20


@dataclass(frozen=True, kw_only=True)
class EngineProcessSettings:
    """What the engine process runs and how long anything about it may take.

    More than `restart_budget` deaths within `restart_window_s` are too many.
    """

    engine: EngineConfig
    server: ServerSettings = field(default_factory=ServerSettings)
    client: ClientSettings = field(default_factory=ClientSettings)
    start_timeout_s: float = 300.0
    stop_grace_s: float = 10.0
    restart_budget: int = 5
    restart_window_s: float = 60.0
    first_pause_s: float = 0.1
    max_pause_s: float = 5.0


class EngineSupervisor:
    """Keeps one engine process alive under `run_dir`, and a client connected to it.

    Files: `run_dir/engine.sock`, `run_dir/engine.pid`, and the engine's log in
    `run_dir/../logs/engine.log`. `gave_up` is set when the engine has died too often; `failure`
    then says why, all streams fail, and the process should exit with an error.
    """

    def __init__(self, settings: EngineProcessSettings, run_dir: Path) -> None:
        self._settings = settings
        self._run_dir = run_dir
        self._socket_path = run_dir / "engine.sock"
        self._pid_path = run_dir / "engine.pid"
        self._log_path = run_dir.parent / "logs" / "engine.log"
        self._process: asyncio.subprocess.Process | None = None
        self._task: asyncio.Task[None] | None = None
        self._deaths: deque[float] = deque()
        self._was_ready = False
        self._killed_for: str | None = None
        self._cause = "start"
        self._is_after_kill = False
        self.client = EngineClient(
            self._socket_path, settings.client, on_garbage=lambda: self._kill_at_once("garbage")
        )
        self.gave_up = asyncio.Event()
        self.failure: EngineError | None = None
        self.restarts: Counter[str] = Counter()
        """By cause: exited, killed (from outside), hang, garbage, start (it did not begin)."""

    @property
    def num_restarts(self) -> int:
        """How often the engine was started again."""
        return self.restarts.total()

    @property
    def pid(self) -> int | None:
        """The running engine process."""
        return None if self._process is None else self._process.pid

    async def start(self) -> None:
        """Start the engine and wait until it answers.

        Raises:
            EngineError: it cannot start; a ModelLoadError, ScriptError or InvalidConfig says what
                to change. Nothing is left running.
        """
        assert self._task is None, "a supervisor is started once"
        try:
            for folder in (self._run_dir, self._log_path.parent):
                folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        except OSError as error:
            raise EngineError(f"{error.filename}: {error.strerror}", code="run_dir") from None
        self._task = asyncio.create_task(self._keep_alive(), name="engine-supervisor")
        connecting = asyncio.create_task(self.client.connected())
        try:
            await asyncio.wait({self._task, connecting}, return_when=asyncio.FIRST_COMPLETED)
            if self.failure is not None:
                raise self.failure
        except BaseException:
            await self.stop()
            raise
        finally:
            connecting.cancel()

    async def stop(self) -> None:
        """End the engine: SIGTERM, and SIGKILL if that does not help in time."""
        await self.client.close()
        if self._task is not None:
            self._task.cancel()
            await asyncio.gather(self._task, return_exceptions=True)

    async def __aenter__(self) -> Self:
        await self.start()
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.stop()

    async def _keep_alive(self) -> None:
        """One engine process after the other, until cancelled or until there were too many."""
        try:
            while self.failure is None:
                reason = await self._run_once()
                is_certain = not isinstance(reason, EngineUnavailable)
                if is_certain and not self._was_ready:
                    self._give_up(reason)  # Another try would end the same way.
                else:
                    await self._recover(reason)
        except Exception as error:
            logger.exception("the supervisor fails")
            self._give_up(EngineError(f"the supervisor fails: {error}"))

    async def _run_once(self) -> EngineError:
        """One engine process from its start to its end; why there is none any more."""
        self._cause = "start"
        try:
            async with self._spawned() as (process, leash):
                await self._wait_until_ready(leash)
                if not self._was_ready:
                    # Not before: until now the socket may have been another engine's.
                    await self.client.start()
                self._was_ready = True
                logger.info("the engine is ready", extra={"engine_pid": process.pid})
                await self._watch(process)
                was_killed = process.returncode == -signal.SIGKILL
                self._is_after_kill = was_killed and self._killed_for is None
                self._cause = self._killed_for or ("killed" if was_killed else "exited")
                logger.warning("the engine has ended", extra={"exit_status": process.returncode})
                return EngineUnavailable("the engine process keeps dying")
        except EngineError as error:
            logger.error("the engine does not start", extra=_fields(error))
            return error
        except OSError as error:
            logger.error("the engine cannot be started", extra={"reason": str(error)})
            return EngineUnavailable(f"the engine process cannot be started: {error}")

    @contextlib.asynccontextmanager
    async def _spawned(
        self,
    ) -> AsyncGenerator[tuple[asyncio.subprocess.Process, asyncio.StreamReader]]:
        """A new engine process and our end of its leash; neither outlives the block."""
        ours, theirs = socket.socketpair()
        with theirs, ours, self._open_log() as log:
            process = await asyncio.create_subprocess_exec(
                *self._command(), stdin=theirs.fileno(), stdout=log, stderr=log, env=_environment()
            )
            theirs.close()  # So that only the engine holds it, and its death is seen here.
            reader, leash = await asyncio.open_connection(sock=ours)
            self._process, self._killed_for = process, None
            try:
                yield process, reader
            finally:
                await self._end(process)
                leash.close()
                self._process = None
                self._remove_pid_file(process.pid)

    async def _wait_until_ready(self, leash: asyncio.StreamReader) -> None:
        timeout_s = self._settings.start_timeout_s
        try:
            async with asyncio.timeout(timeout_s):
                frame = await read_frame(leash, start_frames)
        except TimeoutError:
            raise EngineError(f"not ready after {timeout_s:g} s", code="start_timeout") from None
        except ConnectionError:
            frame = None
        if frame is None:
            raise EngineUnavailable(f"the engine process ends at its start; see {self._log_path}")
        if isinstance(frame, Goodbye):
            raise to_error(frame.failure)

    async def _watch(self, process: asyncio.subprocess.Process) -> None:
        """Return when the process is dead; kill it when it makes no progress."""
        timeout_s = self._settings.client.hang_timeout_s
        pause_s = timeout_s / 10
        ready_at = time.monotonic()
        ending = asyncio.create_task(process.wait())
        try:
            while not ending.done():
                before = time.monotonic()
                await asyncio.wait({ending}, timeout=pause_s)
                now = time.monotonic()
                # When this process itself was held up, the engine's signs of life are still unread.
                was_late = now - before > 2 * pause_s
                stalled_s = min(self.client.stalled_s, now - ready_at)
                if stalled_s > timeout_s and not was_late:
                    logger.error("the engine hangs", extra={"stalled_s": round(stalled_s, 1)})
                    self._kill_at_once("hang")
                    await ending
        finally:
            ending.cancel()

    async def _end(self, process: asyncio.subprocess.Process) -> None:
        if process.returncode is not None:
            return
        with contextlib.suppress(ProcessLookupError):
            process.terminate()
        try:
            async with asyncio.timeout(self._settings.stop_grace_s):
                await process.wait()
        except TimeoutError:
            logger.warning("the engine does not stop, it is killed")
            self._kill_at_once("stop")
            await process.wait()

    def _remove_pid_file(self, pid: int) -> None:
        """What a killed engine could not do itself; another engine's file is left alone."""
        with contextlib.suppress(FileNotFoundError):
            if self._pid_path.read_text() == f"{pid}\n":
                self._pid_path.unlink()

    async def _recover(self, reason: EngineError) -> None:
        """Wait a little before the next start, longer each time; or give up."""
        now = time.monotonic()
        self._deaths.append(now)
        while now - self._deaths[0] > self._settings.restart_window_s:
            self._deaths.popleft()
        if len(self._deaths) > self._settings.restart_budget:
            self._give_up(reason)
            return
        self.restarts[self._cause] += 1
        pause_s = self._settings.first_pause_s * 2 ** (len(self._deaths) - 1)
        await asyncio.sleep(min(pause_s, self._settings.max_pause_s))

    def _give_up(self, error: EngineError) -> None:
        logger.critical("the engine is given up", extra=_fields(error))
        self.failure = error
        self.client.fail(error)
        self.gave_up.set()

    def _kill_at_once(self, cause: str) -> None:
        if self._process is not None and self._process.returncode is None:
            self._killed_for = cause
            with contextlib.suppress(ProcessLookupError):
                self._process.kill()

    def _command(self) -> list[str]:
        command = ServerCommand(
            socket_path=self._socket_path,
            is_supervised=True,
            is_after_kill=self._is_after_kill,
            engine=self._settings.engine,
            server=self._settings.server,
        )
        return [sys.executable, "-m", "inference.server", *to_arguments(command)]

    def _open_log(self) -> BinaryIO:
        with contextlib.suppress(FileNotFoundError):
            if self._log_path.stat().st_size > MAX_LOG_BYTES:
                self._log_path.replace(self._log_path.with_suffix(".log.1"))
        return self._log_path.open("ab")


def _fields(error: EngineError) -> dict[str, str]:
    return {"code": error.code, "reason": error.message}


def _environment() -> dict[str, str]:
    """This process's, with what must be there before the engine loads its first library."""
    here = str(Path(__file__).parents[1])
    paths = [here, *filter(None, [os.environ.get("PYTHONPATH")])]
    return {
        "OMP_WAIT_POLICY": "passive",
        **os.environ,
        "PYTHONPATH": os.pathsep.join(paths),
        "PYTHONUNBUFFERED": "1",
    }
