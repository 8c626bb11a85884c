"""Somebody else's program behind a real port, which checks signatures with a library of its own."""

import json
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

from standardwebhooks import Webhook

from tests.loopback import Answer, Request, serving_http


@dataclass(frozen=True)
class Heard:
    """A webhook as it came."""

    request: Request

    @property
    def webhook_id(self) -> str:
        return self.request.headers["webhook-id"]

    @property
    def told(self) -> dict[str, Any]:
        found: dict[str, Any] = json.loads(self.request.body)
        return found

    @property
    def place(self) -> tuple[str, int]:
        """Conversation and `seq`."""
        data = self.told["data"]
        return data["conversation"]["id"], data["seq"]

    def verify(self, secret: str) -> Any:
        """By the independent library; raises where it would refuse."""
        return Webhook(secret).verify(self.request.body, self.request.headers)


@dataclass
class Receiver:
    """Answers as told and remembers what it heard; `most_at_once` is what it had to bear."""

    url: str = ""
    answer: Answer = field(default_factory=Answer)
    heard: list[Heard] = field(default_factory=list)
    num_open: int = 0
    most_at_once: int = 0
    before: Callable[[], Awaitable[None]] | None = None
    """Waited for before an answer leaves."""

    @property
    def places(self) -> list[tuple[str, int]]:
        return [one.place for one in self.heard]

    async def respond(self, request: Request) -> Answer:
        self.num_open += 1
        self.most_at_once = max(self.most_at_once, self.num_open)
        self.heard.append(Heard(request))
        if self.before is not None:
            await self.before()
        self.num_open -= 1
        return self.answer


@asynccontextmanager
async def receiving() -> AsyncIterator[Receiver]:
    """A receiver for the block."""
    receiver = Receiver()
    async with serving_http(receiver.respond) as port:
        receiver.url = f"http://127.0.0.1:{port}/hook"
        yield receiver
