"""A small HTTP server on a free port of this machine, for what stands outside the application."""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass

import h11


@dataclass(frozen=True)
class Request:
    """What came in; header names in lower case."""

    method: str
    target: str
    headers: dict[str, str]
    body: bytes


@dataclass(frozen=True)
class Answer:
    """What goes out."""

    status: int = 200
    body: bytes = b""
    headers: tuple[tuple[str, str], ...] = ()


Respond = Callable[[Request], Awaitable[Answer]]


@contextlib.asynccontextmanager
async def serving_http(respond: Respond) -> AsyncIterator[int]:
    """Answer requests for the block; all connections are closed when it ends."""
    open_tasks: set[asyncio.Task[None]] = set()

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        open_tasks.add(task)
        try:
            await _serve_one(reader, writer, respond)
        except (ConnectionError, h11.RemoteProtocolError):
            pass  # the other side has gone
        finally:
            open_tasks.discard(task)
            writer.close()
            with contextlib.suppress(ConnectionError):
                await writer.wait_closed()

    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    async with server:
        yield server.sockets[0].getsockname()[1]
    for task in open_tasks:  # those that hang for ever
        task.cancel()
    await asyncio.gather(*open_tasks, return_exceptions=True)


async def _serve_one(
    reader: asyncio.StreamReader, writer: asyncio.StreamWriter, respond: Respond
) -> None:
    http = h11.Connection(h11.SERVER)
    head: h11.Request | None = None
    body = b""
    while True:
        event = http.next_event()
        if event is h11.NEED_DATA:
            http.receive_data(await reader.read(65_536))
        elif isinstance(event, h11.Request):
            head = event
        elif isinstance(event, h11.Data):
            body += event.data
        elif isinstance(event, h11.ConnectionClosed):
            return
        elif isinstance(event, h11.EndOfMessage):
            break
    assert head is not None, "a body came before its head"
    headers = {name.decode().lower(): value.decode("latin-1") for name, value in head.headers}
    asked = Request(head.method.decode(), head.target.decode(), headers, bytes(body))
    answer = await respond(asked)
    told = [("Content-Length", str(len(answer.body))), ("Connection", "close"), *answer.headers]
    response = h11.Response(status_code=answer.status, headers=told)
    for part in (response, h11.Data(data=answer.body), h11.EndOfMessage()):
        writer.write(http.send(part) or b"")
    await writer.drain()
