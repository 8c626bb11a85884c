"""A client of `care.v1` that checks what every client may rely on while it listens."""

import asyncio
import json
from dataclasses import dataclass, field, replace
from typing import Any, Self
from uuid import UUID

from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed

from app.agents.cookies import COOKIE_NAME
from app.ids import new_id
from app.models import Agent
from app.parts import Parts
from app.speakers import SignedInAgent
from tests.factories import Shop
from tests.patience import PATIENCE_S

Frame = dict[str, Any]


@dataclass
class View:
    """What a client makes of a conversation's stored events, starting from nothing."""

    last_seq: int = 0
    messages: dict[str, Frame] = field(default_factory=dict)
    control: str = "bot"
    epoch: int = 0
    status: str = "open"
    assignee: Frame | None = None
    priority: str = "normal"
    labels: list[Frame] = field(default_factory=list)
    is_blocked: bool = False
    until: str | None = None
    rating: Frame | None = None

    @classmethod
    def of(cls, snapshot: Frame) -> Self:
        """What a client makes of a `snapshot`."""
        conversation = snapshot["conversation"]
        return cls(
            last_seq=conversation["last_seq"],
            messages={message["id"]: message for message in snapshot["messages"]},
            control=conversation["control"],
            epoch=conversation["epoch"],
            status=conversation["status"],
            assignee=conversation.get("assignee"),
            priority=conversation["priority"],
            labels=conversation["labels"],
            is_blocked=conversation["contact"]["blocked"],
            until=conversation.get("until"),
            rating=conversation.get("rating"),
        )

    def public(self) -> Self:
        """What of an agent's view a customer has too."""
        shown = {i: one for i, one in self.messages.items() if "visibility" not in one}
        return replace(self, messages=shown, priority="normal", labels=[], is_blocked=False)

    def take(self, frame: Frame) -> None:
        """Apply one stored event; a hole or a repetition is an error of the server."""
        assert frame["s"] == self.last_seq + 1, f"got {frame['s']} after {self.last_seq}"
        self.last_seq = frame["s"]
        kind, data = frame["t"], frame["d"]
        if kind.startswith("message.") or kind == "note.created":
            self.messages[data["message"]["id"]] = data["message"]
        elif kind == "control.changed":
            self.control, self.epoch = data["to"], data["epoch"]
        elif kind == "status.changed":
            self.status, self.until = data["to"], data.get("until")
        elif kind == "assignee.changed":
            self.assignee = data["to"]
        elif kind == "priority.changed":
            self.priority = data["to"]
        elif kind == "labels.changed":
            self.labels = data["labels"]
        elif kind == "contact.changed":
            self.is_blocked = data["blocked"]
        elif kind.startswith("csat."):
            self.rating = data

    def texts(self) -> list[tuple[str, str]]:
        """Who said what, in order."""
        thread = sorted(self.messages.values(), key=lambda message: message["s"])
        return [(message["role"], message["text"]) for message in thread]


class CareClient:
    """One socket. `frames` is everything heard, `views` what follows from the stored events."""

    def __init__(
        self, url: str, parts: Parts, shop: Shop, headers: dict[str, str] | None = None
    ) -> None:
        self._url = url
        self._parts = parts
        self._shop = shop
        self._headers = {k.replace("_", "-"): v for k, v in (headers or {}).items()}
        self._socket: ClientConnection | None = None
        self._listening: asyncio.Task[None] | None = None
        self._heard = asyncio.Event()
        self.frames: list[Frame] = []
        self.views: dict[str, View] = {}
        self.session: str | None = None
        self.close_code: int | None = None

    async def __aenter__(self) -> Self:
        self._socket = await connect(
            self._url,
            subprotocols=["care.v1"],  # type: ignore[list-item]  # a NewType of str
            additional_headers=self._headers,
            compression=None,
            max_size=None,
            open_timeout=PATIENCE_S,
            ping_interval=None,
        )
        self._listening = asyncio.create_task(self._listen())
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.close()

    async def close(self) -> None:
        """Go away politely."""
        assert self._socket is not None and self._listening is not None
        await self._socket.close()
        await self._listening

    async def cut(self) -> None:
        """Break the connection as a lost network does: without a word."""
        assert self._socket is not None and self._listening is not None
        self._socket.transport.abort()
        await self._listening

    async def hello(self, **fields: object) -> Frame:
        """Greet as the widget of the shop; returns the data of `welcome`."""
        greeting = {"t": "hello", "proto": 1, "role": "widget", "site": self._shop.site}
        return await self._greet(greeting | fields)

    async def hello_agent(self, agent: SignedInAgent, **fields: object) -> Frame:
        """Greet as a signed-in agent; the socket must have been opened with `agent_headers`."""
        cookie = self._headers["Cookie"].removeprefix(f"{COOKIE_NAME}=")
        csrf = self._parts.secrets.csrf_token(cookie)
        return await self._greet({"t": "hello", "proto": 1, "role": "agent", "csrf": csrf} | fields)

    async def send(self, kind: str, **fields: object) -> None:
        """Send a frame."""
        await self.send_raw(json.dumps({"t": kind} | fields, default=str))

    async def send_raw(self, text: str | bytes) -> None:
        """Send whatever this is."""
        assert self._socket is not None
        await self._socket.send(text)

    async def say(self, text: str, *, c: str | None = None, cid: str | None = None) -> Frame:
        """Send a message and wait for its `ack` or `nack`."""
        cid = cid or str(new_id())
        start = len(self.frames)
        where = {"c": c} if c else {}
        await self.send("message.send", cid=cid, text=text, **where)
        return await self.wait_for("ack", "nack", start=start, cid=cid)

    async def wait_for(self, *kinds: str, start: int = 0, **data: object) -> Frame:
        """The first frame from index `start` of one of these kinds whose data fits."""
        async with asyncio.timeout(PATIENCE_S):
            while True:
                for frame in self.frames[start:]:
                    fits = all(frame["d"].get(name) == value for name, value in data.items())
                    if frame["t"] in kinds and fits:
                        return frame
                if self.close_code is not None:
                    raise AssertionError(f"closed with {self.close_code} before {kinds}")
                self._heard.clear()
                await self._heard.wait()

    async def wait_for_seq(self, conversation_id: str, seq: int) -> View:
        """The view once it has come that far."""
        async with asyncio.timeout(PATIENCE_S):
            while conversation_id not in self.views or self.views[conversation_id].last_seq < seq:
                self._heard.clear()
                await self._heard.wait()
        return self.views[conversation_id]

    async def wait_for_news(self) -> None:
        """Until the next frame has come."""
        self._heard.clear()
        await self._heard.wait()

    async def wait_closed(self) -> int:
        """The code the server closed with."""
        assert self._listening is not None
        async with asyncio.timeout(PATIENCE_S):
            await self._listening
        assert self.close_code is not None
        return self.close_code

    def heard(self, *kinds: str) -> list[Frame]:
        """All frames of these kinds so far."""
        return [frame for frame in self.frames if frame["t"] in kinds]

    async def _greet(self, greeting: Frame) -> Frame:
        for conversation_id, seq in greeting.get("resume", {}).items():
            self.views.setdefault(conversation_id, View(last_seq=seq))
        await self.send_raw(json.dumps(greeting))
        data: Frame = (await self.wait_for("welcome"))["d"]
        self.session = data.get("session") or greeting.get("session")
        return data

    async def _listen(self) -> None:
        assert self._socket is not None
        try:
            async for text in self._socket:
                frame = json.loads(text)
                self.frames.append(frame)
                if "s" in frame:
                    self.views.setdefault(frame["c"], View()).take(frame)
                elif frame["t"] == "welcome":
                    for own in frame["d"]["conversations"]:
                        self.views.setdefault(own["id"], View(last_seq=own["last_seq"]))
                elif frame["t"] == "snapshot":
                    self.views[frame["c"]] = View.of(frame["d"])
                self._heard.set()
        except ConnectionClosed:
            pass
        self.close_code = self._socket.close_code
        self._heard.set()


async def agent_headers(parts: Parts, agent: SignedInAgent) -> dict[str, str]:
    """The headers of a browser in which this agent has signed in."""
    async with parts.database.snapshot() as session:
        row = await session.get_one(Agent, agent.agent_id)
    cookie = parts.secrets.agent_cookie(row.id, row.password_hash)
    return {"Cookie": f"{COOKIE_NAME}={cookie}"}


def as_uuid(text: str) -> UUID:
    """For the services."""
    return UUID(text)
