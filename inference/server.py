"""The engine process: `python -m inference.server --socket PATH --model MODEL`.

Its socket appears when the model is loaded and not before. With `--supervised`, standard input is a
socket to the supervisor, the leash: the start is reported on it as one frame, Ready or Goodbye, and
when its other end is closed this process ends, however the supervisor came to its own end.
"""

import asyncio
import contextlib
import ctypes
import fcntl
import logging
import os
import signal
import socket
import sys
import time
import uuid
from collections.abc import Generator, Sequence
from pathlib import Path
from typing import NoReturn

from inference.config import EngineConfig
from inference.errors import AlreadyRunning, EngineError
from inference.process.command_line import ServerCommand, parse
from inference.process.engine_thread import SteppingEngine
from inference.process.flight_recorder import FlightRecorder
from inference.process.frames import Goodbye, Ready, encode, to_failure
from inference.process.log_lines import LineFormatter
from inference.process.socket_server import Garble, SocketServer
from inference.scripted import PREFIX, ScriptedEngine

logger = logging.getLogger("inference.server")  # Run as a program, the module is `__main__`.

START_FAILED_EXIT_CODE = 2
_PR_SET_PDEATHSIG = 1
_LOCK_POLL_S = 0.02


class Leash:
    """This end of the socket to the supervisor; taken off standard input, so that no child has it.

    Raises:
        EngineError: standard input is no socket.
    """

    def __init__(self) -> None:
        try:
            self._socket = socket.socket(fileno=os.dup(0))
        except OSError:
            raise EngineError("--supervised: standard input is no socket", code="leash") from None
        with open(os.devnull, "rb") as nothing:
            os.dup2(nothing.fileno(), 0)
        if sys.platform == "linux":
            # A closed leash is noticed by the event loop; this works even when that is stuck.
            ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)
        # A terminal sends these to the whole process group; when to stop is for the supervisor.
        for number in (signal.SIGINT, signal.SIGHUP):
            signal.signal(number, signal.SIG_IGN)

    def report(self, frame: Ready | Goodbye) -> None:
        """Tell how the start went."""
        with contextlib.suppress(OSError):
            self._socket.sendall(encode(frame))

    def watch(self, loop: asyncio.AbstractEventLoop) -> None:
        """End this process as soon as the supervisor is gone."""
        loop.add_reader(self._socket, self._on_readable)

    def _on_readable(self) -> None:
        if not self._socket.recv(1024):
            os._exit(0)


def main(arguments: Sequence[str] | None = None) -> int:
    """Run an engine process; its exit status."""
    handler = logging.StreamHandler()
    handler.setFormatter(LineFormatter())
    logging.basicConfig(level=logging.INFO, handlers=[handler], force=True)
    leash = None
    try:
        # Before all else, so that even a wrong option is told through it.
        leash = Leash() if "--supervised" in (arguments or sys.argv) else None
        command = parse(arguments)
        with _hold(command.socket_path, command.server.lock_timeout_s):
            return asyncio.run(_run(command, leash))
    except EngineError as error:
        logger.error("start failed", extra={"code": error.code, "reason": error.message})
        if leash is not None:
            leash.report(Goodbye(to_failure(error)))
        return START_FAILED_EXIT_CODE


async def _run(command: ServerCommand, leash: Leash | None) -> int:
    socket_path = command.socket_path
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    loop.add_signal_handler(signal.SIGTERM, stop.set)
    if leash is None:
        loop.add_signal_handler(signal.SIGINT, stop.set)
    else:
        leash.watch(loop)
    recorder = FlightRecorder(
        socket_path.with_suffix(".flight"),
        uuid.uuid4().hex,
        is_from_outside=command.is_after_kill,
    )
    server = SocketServer(
        lambda garble: _build_engine(command.engine, garble),
        command.engine.seed,
        recorder,
        command.server,
    )
    loading = asyncio.create_task(server.load())
    stopping = asyncio.create_task(stop.wait())
    await asyncio.wait({loading, stopping}, return_when=asyncio.FIRST_COMPLETED)
    if stop.is_set():
        _exit_now()  # The thread that loads cannot be interrupted, and there is nothing to save.
    stopping.cancel()
    loading.result()
    listener = _listen(socket_path)
    try:
        logger.info("ready", extra={"model": command.engine.model, "pid": os.getpid()})
        if leash is not None:
            leash.report(Ready(os.getpid()))
        await server.serve(listener, stop)
    finally:
        with contextlib.suppress(FileNotFoundError):
            socket_path.unlink()
    logger.info("stopping")
    if not await server.close():
        logger.warning("the last step does not end, the process ends without it")
        _exit_now()
    return 0


def _build_engine(config: EngineConfig, garble: Garble) -> SteppingEngine:
    if config.model.startswith(PREFIX):
        return ScriptedEngine(Path(config.model.removeprefix(PREFIX)), garble)
    # Here, not above: torch takes seconds to load, and scripted answers need none of it.
    from inference.engine import Engine  # noqa: PLC0415

    return Engine(config)


@contextlib.contextmanager
def _hold(socket_path: Path, timeout_s: float) -> Generator[None]:
    """Own this socket, as the pid file tells; an engine that is just dying is waited for.

    Raises:
        AlreadyRunning: the other one goes on.
        EngineError: the folder cannot be written.
    """
    path = socket_path.with_suffix(".lock")
    try:
        file = path.open("w")
    except OSError as error:
        raise EngineError(f"{path}: {error.strerror}", code="socket") from None
    with file:
        deadline = time.monotonic() + timeout_s
        while True:
            try:
                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
                break
            except BlockingIOError:
                if time.monotonic() >= deadline:
                    raise AlreadyRunning(f"another engine serves {socket_path}") from None
                time.sleep(_LOCK_POLL_S)
        pid_path = socket_path.with_suffix(".pid")
        pid_path.write_text(f"{os.getpid()}\n")
        try:
            yield
        finally:
            pid_path.unlink(missing_ok=True)


def _listen(path: Path) -> socket.socket:
    """A listening socket at `path`, for this user alone from its first moment.

    Raises:
        EngineError: the path is too long for a socket, or its folder cannot be written.
    """
    listener = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    unready = path.with_suffix(".new")
    try:
        with contextlib.suppress(FileNotFoundError):
            unready.unlink()
        listener.bind(str(unready))
        unready.chmod(0o600)
        listener.listen(128)
        unready.rename(path)
    except OSError as error:
        listener.close()
        raise EngineError(f"{path}: {error.strerror or error}", code="socket") from None
    listener.setblocking(False)
    return listener


def _exit_now() -> NoReturn:
    logging.shutdown()
    os._exit(0)


if __name__ == "__main__":
    sys.exit(main())
