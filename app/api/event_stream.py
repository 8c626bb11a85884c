"""Server-sent events, and work that ends with whoever asked for it.

A reader who goes away closes what was being made for him, so the engine is free within a step: the
server hears of it while the next piece is awaited, and with it while a whole answer is made.
"""

import asyncio
import contextlib
import json
from collections.abc import AsyncGenerator, Coroutine
from typing import Any, TypeVar

from fastapi.responses import StreamingResponse
from starlette.requests import Request
from starlette.types import Receive, Scope, Send

from app.errors import AppError
from app.models import JsonObject

MEDIA_TYPE = "text/event-stream"
_PING_S = 15.0
_PING = ": ping\n\n"

Made = TypeVar("Made")


class ClientGone(AppError):
    """Whoever asked has left; nobody reads what is told."""

    code, status, sentence = "client_gone", 499, "You have left."


class EventStream(StreamingResponse):
    """Events as they come; where none does, a comment now and then, for impatient proxies."""

    def __init__(self, events: AsyncGenerator[str], headers: dict[str, str] | None = None) -> None:
        own = {"Cache-Control": "no-store", "X-Accel-Buffering": "no"} | (headers or {})
        self._events = events
        self._pinged = _pinged(events)
        super().__init__(self._pinged, media_type=MEDIA_TYPE, headers=own)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Send until the end or until the reader leaves, and close the source in any case."""
        try:
            await super().__call__(scope, receive, send)
        finally:
            await self._pinged.aclose()
            await self._events.aclose()


def event(data: JsonObject | str, name: str | None = None) -> str:
    """One event; `data` is a document, or a word of the protocol."""
    told = data if isinstance(data, str) else json.dumps(data, ensure_ascii=False)
    return f"event: {name}\ndata: {told}\n\n" if name else f"data: {told}\n\n"


async def begun(source: AsyncGenerator[Made]) -> AsyncGenerator[Made]:
    """The same, its first item made already: what fails before it fails before the answer begins.

    Raises:
        Exception: whatever the source raises before its first item; it is closed then.
    """
    try:
        first = await anext(source)
    except BaseException:
        await source.aclose()
        raise
    return _continued(first, source)


async def while_connected(request: Request, making: Coroutine[Any, Any, Made]) -> Made:
    """What is made for a request whose body has been read; cancelled when its client leaves.

    Raises:
        ClientGone: the client left first.
    """
    made = asyncio.create_task(making)
    gone = asyncio.create_task(_disconnect(request))
    try:
        await asyncio.wait({made, gone}, return_when=asyncio.FIRST_COMPLETED)
        if not made.done():
            raise ClientGone
        return await made
    finally:
        made.cancel()
        gone.cancel()
        await asyncio.gather(made, gone, return_exceptions=True)


async def _disconnect(request: Request) -> None:
    while (await request.receive())["type"] != "http.disconnect":
        pass


async def _continued(first: Made, source: AsyncGenerator[Made]) -> AsyncGenerator[Made]:
    async with contextlib.aclosing(source):
        yield first
        async for one in source:
            yield one


async def _pinged(events: AsyncGenerator[str]) -> AsyncGenerator[str]:
    following = asyncio.ensure_future(anext(events, None))
    try:
        while True:
            await asyncio.wait({following}, timeout=_PING_S)
            if not following.done():
                yield _PING
            elif (one := following.result()) is None:
                return
            else:
                yield one
                following = asyncio.ensure_future(anext(events, None))
    finally:
        following.cancel()
        await asyncio.gather(following, return_exceptions=True)
