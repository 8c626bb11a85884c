"""A customer at the terminal: speaks `care.v1` to a running Careline, as the widget does."""

import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any
from urllib.parse import urlsplit, urlunsplit

from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed, WebSocketException
from websockets.typing import Subprotocol

from app.errors import NotFound, Unavailable
from app.ids import new_id
from app.live.protocol import SUBPROTOCOL, CloseCode

JsonObject = dict[str, Any]


_GOES_ON = ("superseded", "handoff")
"""Reasons for which an answer ends and something else follows."""


class Terminal:
    """One socket; questions are asked one after the other, in one conversation."""

    def __init__(self, socket: ClientConnection) -> None:
        self._socket = socket
        self._conversation_id: str | None = None

    async def ask(self, text: str) -> AsyncIterator[JsonObject]:
        """Send a question and yield every frame until it is answered or somebody else takes over.

        Raises:
            Unavailable: the message was refused, or the connection ended.
        """
        frame: JsonObject = {"t": "message.send", "cid": str(new_id()), "text": text}
        if self._conversation_id is not None:
            frame["c"] = self._conversation_id
        await self._socket.send(json.dumps(frame))
        is_handed_over = False
        async for answer in self.frames():
            if answer["t"] == "nack":
                raise Unavailable(answer["d"]["message"])
            if answer["t"] == "ack":
                self._conversation_id = answer["d"]["c"]
            yield answer
            if answer["t"] == "answer.ended" and answer["d"]["reason"] not in _GOES_ON:
                return
            if is_handed_over and answer["t"] == "message.created":
                return  # the line that tells who answers now
            if answer["t"] == "control.changed" and answer["d"]["to"] != "bot":
                is_handed_over = True

    async def frames(self) -> AsyncIterator[JsonObject]:
        """Everything the server says.

        Raises:
            Unavailable: the connection ended.
        """
        try:
            async for text in self._socket:
                yield json.loads(text)
        except ConnectionClosed as error:
            raise Unavailable(f"The connection ended: {error}.") from error


@asynccontextmanager
async def terminal(url: str, site: str) -> AsyncIterator[Terminal]:
    """A terminal that has said hello to the Careline at `url`.

    Raises:
        Unavailable: nobody answers there.
        NotFound: they know no such site.
    """
    parts = urlsplit(url)
    scheme = "wss" if parts.scheme == "https" else "ws"
    address = urlunsplit((scheme, parts.netloc, "/ws/v1", "", ""))
    try:
        async with connect(
            address, subprotocols=[Subprotocol(SUBPROTOCOL)], compression=None
        ) as socket:
            made = Terminal(socket)
            hello = {"t": "hello", "proto": 1, "role": "widget", "site": site}
            await socket.send(json.dumps(hello))
            await _be_greeted(made, url, site)
            yield made
    except (OSError, WebSocketException) as error:
        raise Unavailable(f"No Careline answers at {url}: {error}.") from error


async def _be_greeted(made: Terminal, url: str, site: str) -> None:
    try:
        async for frame in made.frames():
            if frame["t"] == "synced":
                return
    except Unavailable as error:
        closed = error.__cause__
        told = closed.rcvd if isinstance(closed, ConnectionClosed) else None
        if told is None or told.code != CloseCode.NOT_SIGNED_IN:
            raise
        raise NotFound(
            f"{url} knows no site {site}; the script tag of its widget has the token: --site=pk_…"
        ) from error
