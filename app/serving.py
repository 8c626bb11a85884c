"""Runs the application: binds the port first, opens the parts, serves, and ends in order.

The lifespan is run here and not by uvicorn, so that a refused start reaches the caller as the
`StartError` it is. On SIGTERM or Ctrl-C the sockets hear `draining` and then close with 1012.
"""

import asyncio
import contextlib
import errno
import signal
import socket
from collections.abc import Callable, Iterator

import uvicorn
from fastapi import FastAPI

from app.errors import AppError, BadSettings, EngineFailed, PortInUse
from app.parts import Parts
from app.settings import Settings

_NOTICE_S = 0.05
"""For the sockets' writers to send the notice before the close."""
_MAX_MESSAGE_IN_FRAMES = 32
"""A message over the frame limit is read up to this many times it, to be refused with 4413."""


class CareServer(uvicorn.Server):
    """uvicorn, with our way of stopping."""

    def __init__(
        self, app: FastAPI, settings: Settings, on_ready: Callable[[], None] | None = None
    ) -> None:
        config = uvicorn.Config(
            app,
            lifespan="off",
            log_config=None,
            access_log=False,
            server_header=False,
            ws="websockets-sansio",
            ws_max_size=settings.frame_limit_bytes * _MAX_MESSAGE_IN_FRAMES,
            ws_per_message_deflate=False,  # it doubles the memory of an idle socket
            ws_ping_interval=settings.heartbeat_s,
            ws_ping_timeout=settings.pong_timeout_s,
            timeout_graceful_shutdown=max(1, round(settings.shutdown_grace_s)),
        )
        super().__init__(config)
        self._parts: Parts = app.state.parts
        self._on_ready = on_ready

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        """Listen, then tell that it does."""
        await super().startup(sockets)
        if self._on_ready is not None:
            self._on_ready()

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        """Tell the sockets, close them with 1012, finish what runs."""
        self._parts.readiness.is_draining = True
        self._parts.hub.announce_draining()
        await asyncio.sleep(_NOTICE_S)
        await super().shutdown(sockets)

    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        """Stop at SIGTERM and Ctrl-C; unlike uvicorn's, a stop we were asked for is a success."""
        loop = asyncio.get_running_loop()
        for number in (signal.SIGTERM, signal.SIGINT):
            loop.add_signal_handler(number, self.handle_exit, number, None)
        try:
            yield
        finally:
            for number in (signal.SIGTERM, signal.SIGINT):
                loop.remove_signal_handler(number)


async def serve(
    app: FastAPI,
    settings: Settings,
    *,
    on_ready: Callable[[int], None],
) -> None:
    """Serve until a signal; `on_ready` hears the port when the first request can come.

    Raises:
        StartError: the start was refused, or the engine was given up while serving.
    """
    listener = bind(settings)
    port: int = listener.getsockname()[1]
    server = CareServer(app, settings, on_ready=lambda: on_ready(port))
    parts: Parts = app.state.parts
    with contextlib.closing(listener), _told_alone():
        async with app.router.lifespan_context(app):
            watching = asyncio.create_task(_stop_without_engine(parts, server))
            try:
                await server.serve(sockets=[listener])
            finally:
                watching.cancel()
    if parts.engine is not None and parts.engine.gave_up.is_set():
        raise EngineFailed("The engine died too often and was given up; see its log.")


def bind(settings: Settings) -> socket.socket:
    """The listening socket.

    Raises:
        PortInUse, BadSettings: it cannot be had.
    """
    if settings.listener_fd is not None:
        return socket.socket(fileno=settings.listener_fd)
    family = socket.AF_INET6 if ":" in settings.host else socket.AF_INET
    listener = socket.socket(family, socket.SOCK_STREAM)
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listener.bind((settings.host, settings.port))
        listener.listen(2048)
    except OSError as error:
        listener.close()
        where = f"{settings.host}:{settings.port}"
        if error.errno == errno.EADDRINUSE:
            raise PortInUse(f"{where} is in use; choose another port with --port.") from error
        raise BadSettings(f"{where} cannot be listened on: {error.strerror}.") from error
    return listener


@contextlib.contextmanager
def _told_alone() -> Iterator[None]:
    """What one of the application's tasks, or the block, refused with, out of its group."""
    try:
        yield
    except BaseExceptionGroup as group:
        refusals, others = group.split(AppError)
        if refusals is None or others is not None:
            raise
        refusal: BaseException = refusals
        while isinstance(refusal, BaseExceptionGroup):
            refusal = refusal.exceptions[0]
        raise refusal from None


async def _stop_without_engine(parts: Parts, server: CareServer) -> None:
    assert parts.engine is not None, "the lifespan has started one"
    await parts.engine.gave_up.wait()
    server.should_exit = True
