"""Several web processes behind one port, with one engine beside them.

The parent holds the data folder, the port and the engine, and serves nobody itself. Each child gets
the listening socket and the engine's socket by its environment, says on its output when it serves,
and ends when its input ends, so that none outlives a killed parent. A child that dies is started
again; too many deaths in a minute end the whole.
"""

import asyncio
import contextlib
import logging
import os
import signal
import socket
import sys
import time
from asyncio.subprocess import PIPE, Process
from collections import deque
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager

from prometheus_client.metrics_core import Metric

from app import schema
from app.clock import now
from app.data_folder import DataFolder
from app.engine_metrics import restarts_of
from app.engines import Engine, running_engine
from app.errors import BadSettings, EngineFailed, WorkersFailed
from app.main import Prepare, build_parts
from app.process_figures import PARENT, Processes
from app.serving import bind
from app.settings import ENV_PREFIX, Settings

log = logging.getLogger(__name__)

READY = "ready"
"""What a child says when it serves."""
_CHILD = (sys.executable, "-c", "from app.cli import main; main()", "worker")
_MOST_DEATHS, _WINDOW_S, _PAUSE_S = 5, 60.0, 0.5


async def serve_group(
    settings: Settings,
    *,
    prepare: Prepare,
    on_ready: Callable[[int], None],
) -> None:
    """Serve with `settings.workers` processes until a signal.

    Raises:
        StartError: the start was refused, the engine was given up, or children die again and again.
    """
    if settings.database_url is None:
        raise BadSettings(
            f"workers: {settings.workers} processes need PostgreSQL; name it as database_url."
        )
    folder = DataFolder(settings.data).prepare()
    folder.take()
    try:
        await _prepare(settings, folder, prepare)
        with contextlib.closing(bind(settings)) as listener:
            async with running_engine(settings) as engine:
                group, figures = _Group(settings, listener), _figures(settings, engine)
                async with figures.offering(), group.running(), _stopping_at_signals() as stop:
                    on_ready(listener.getsockname()[1])
                    await _first_of(stop.wait(), engine.gave_up.wait(), group.failed.wait())
                if engine.gave_up.is_set():
                    raise EngineFailed("The engine died too often and was given up; see its log.")
                if group.failed.is_set():
                    raise WorkersFailed
    finally:
        folder.release()


async def end_with_parent() -> None:
    """In a child: stop as at SIGTERM when the parent is gone."""
    reader = asyncio.StreamReader()
    await asyncio.get_running_loop().connect_read_pipe(
        lambda: asyncio.StreamReaderProtocol(reader), sys.stdin
    )
    await reader.read()
    os.kill(os.getpid(), signal.SIGTERM)


class _Group:
    """The children, each kept alive by a task of its own."""

    def __init__(self, settings: Settings, listener: socket.socket) -> None:
        self._settings = settings
        self._listener = listener
        self._deaths: deque[float] = deque(maxlen=_MOST_DEATHS)
        self.failed = asyncio.Event()

    @asynccontextmanager
    async def running(self) -> AsyncIterator[None]:
        """All of them, from when each serves for the first time."""
        numbers = range(1, self._settings.workers + 1)
        serving = {number: asyncio.Event() for number in numbers}
        keeping = [asyncio.create_task(self._keep(number, serving[number])) for number in numbers]
        try:
            await _first_of(_all_set([*serving.values()]), self.failed.wait())
            yield
        finally:
            for one in keeping:
                one.cancel()
            await asyncio.gather(*keeping, return_exceptions=True)

    async def _keep(self, number: int, serving: asyncio.Event) -> None:
        while not self.failed.is_set():
            child = await self._start(number)
            try:
                assert child.stdout is not None
                async for line in child.stdout:
                    if line.decode().strip() == READY:
                        serving.set()
                status = await child.wait()
            finally:
                await self._end(child)
            log.error("a web process died", extra={"worker": number, "status": status})
            self._count_death()
            await asyncio.sleep(_PAUSE_S)

    async def _start(self, number: int) -> Process:
        fd = self._listener.fileno()
        own = {"engine": _engine_of(self._settings), "worker": number, "listener_fd": fd}
        return await asyncio.create_subprocess_exec(
            *_CHILD, stdin=PIPE, stdout=PIPE, stderr=None, pass_fds=[fd],
            env=_environment(self._settings, own), start_new_session=True,
        )  # fmt: skip

    async def _end(self, child: Process) -> None:
        """As a signal would end it; and if that does not help in time, at once."""
        if child.returncode is not None:
            return
        child.terminate()
        try:
            async with asyncio.timeout(self._settings.shutdown_grace_s + _WINDOW_S / 2):
                await child.wait()
        except TimeoutError:
            child.kill()
            await child.wait()

    def _count_death(self) -> None:
        self._deaths.append(time.monotonic())
        if len(self._deaths) == _MOST_DEATHS and self._deaths[-1] - self._deaths[0] < _WINDOW_S:
            self.failed.set()


async def _prepare(settings: Settings, folder: DataFolder, prepare: Prepare) -> None:
    """Once for all children."""
    parts = build_parts(settings, folder, now)
    try:
        await schema.upgrade(parts.database)
        await prepare(parts)
    finally:
        await parts.database.close()


def _figures(settings: Settings, engine: Engine) -> Processes:
    """What only the parent counts: how often its engine was started again."""

    def count() -> list[Metric]:
        return [restarts_of(engine.restarts)]

    return Processes(settings.run_dir, PARENT, settings.workers, count)


def _engine_of(settings: Settings) -> str:
    """The socket of the engine that runs beside us, or of the one that was named."""
    is_running_one = settings.engine is not None and settings.engine.startswith("unix:")
    return str(settings.engine) if is_running_one else f"unix:{settings.run_dir / 'engine.sock'}"


def _environment(settings: Settings, own: dict[str, object]) -> dict[str, str]:
    """All settings for a child, wherever they came from."""
    others = {
        name: value for name, value in os.environ.items() if not name.startswith(ENV_PREFIX)
    } | {name: os.environ[name] for name in ("CARELINE_CACHE",) if name in os.environ}
    values = settings.model_dump() | own
    return others | {
        f"{ENV_PREFIX}{name.upper()}": str(value)
        for name, value in values.items()
        if value is not None
    }


@asynccontextmanager
async def _stopping_at_signals() -> AsyncIterator[asyncio.Event]:
    stop, loop = asyncio.Event(), asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stop.set)
    try:
        yield stop
    finally:
        for number in (signal.SIGTERM, signal.SIGINT):
            loop.remove_signal_handler(number)


async def _all_set(events: list[asyncio.Event]) -> None:
    for one in events:
        await one.wait()


async def _first_of(*waiting: Awaitable[object]) -> None:
    tasks = [asyncio.ensure_future(one) for one in waiting]
    try:
        await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
    finally:
        for one in tasks:
            one.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
