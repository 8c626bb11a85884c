"""What a connector wants of a ticket system, whichever it is.

A system that cannot tell its news by itself is asked for them: `changed` names the tickets that
have changed since a cursor, `comments` reads what is new in one of them. Reading a thing twice does
no harm; `inward.py` knows what has crossed already.
"""

import json
import re
from base64 import b64encode
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from html import unescape
from typing import Any, Protocol

from app.clock import Clock
from app.errors import AppError
from app.models import JsonObject
from app.outbound import Ask, Call, FetchRefused, Limits, Reply
from app.vocabulary import Priority, TicketStatus
from app.webhooks import pacing

_LIMITS = Limits(max_bytes=2_000_000, timeout_s=15.0)
_SHOWN_CHARS = 500
ODD = (AttributeError, IndexError, KeyError, TypeError, ValueError)
"""What comes of reading an answer that is not as documented."""


class TicketTrouble(AppError):
    """A ticket system did not do what it was asked; `http_status` is its own, if it answered."""

    code, status = "ticket_system_failed", 502

    def __init__(
        self,
        sentence: str,
        *,
        http_status: int | None = None,
        response: str = "",
        wait: timedelta = timedelta(),
    ) -> None:
        super().__init__(sentence)
        self.http_status = http_status
        self.response = response
        self.wait = wait


@dataclass(frozen=True)
class Access:
    """How to reach a ticket system, and as whom."""

    url: str
    """Of its front page, without a slash at the end."""
    user: str
    secret: str
    settings: Mapping[str, str] = field(default_factory=dict)
    signing_keys: tuple[bytes, ...] = ()
    """For systems that are told by signed JSON."""


@dataclass(frozen=True)
class Requester:
    """The customer of a ticket."""

    name: str
    email: str | None = None
    external_id: str | None = None


@dataclass(frozen=True)
class NewTicket:
    """A hand-off as it is told to a ticket system."""

    key: str
    """The same when it is tried again."""
    number: int
    """Of the conversation."""
    subject: str
    requester: Requester
    summary: str
    """For people there, not for the customer."""
    transcript: str
    priority: Priority


@dataclass(frozen=True)
class MadeTicket:
    """A ticket that is there now."""

    ref: str
    url: str = ""
    comment_refs: tuple[str, ...] = ()
    """Of what was written into it when it was made."""


@dataclass(frozen=True)
class NewComment:
    """A message of a conversation as it is told to a ticket system."""

    key: str
    """The same when it is tried again."""
    text: str
    author: str
    is_customers: bool


@dataclass(frozen=True)
class Comment:
    """What somebody wrote in a ticket."""

    ref: str
    text: str
    author: str
    is_customers: bool = False
    is_internal: bool = False
    is_ours: bool = False
    """Written by the account that the connector uses."""


@dataclass(frozen=True)
class Ticket:
    """A ticket as it stands now."""

    ref: str
    status: TicketStatus
    subject: str = ""
    url: str = ""
    requester: Requester = Requester("Customer")
    text: str = ""
    """What it began with, where the system keeps that apart from the comments."""
    is_ours: bool = False
    """Made by the account that the connector uses."""


@dataclass(frozen=True)
class Changed:
    """Tickets that have changed, and from where to look the next time."""

    tickets: tuple[Ticket, ...]
    cursor: JsonObject


class TicketSystem(Protocol):
    """One ticket system, reached with one account. Everything may raise `TicketTrouble`."""

    async def check(self) -> str:
        """Who we are there: proof that address and account are right."""
        ...

    async def create_ticket(self, new: NewTicket) -> MadeTicket:
        """Make it; where the system can tell, a second time finds the first."""
        ...

    async def add_comment(self, ref: str, new: NewComment) -> str:
        """Write into a ticket; returns the comment's id there."""
        ...

    async def set_status(self, ref: str, status: TicketStatus) -> None:
        """Say whose turn it is."""
        ...

    async def changed(self, cursor: JsonObject) -> Changed:
        """Tickets that have changed; an empty cursor means from now on."""
        ...

    async def comments(self, ref: str, known: Collection[str]) -> list[Comment]:
        """What was written in a ticket and is not known yet, oldest first."""
        ...


class Http:
    """JSON over HTTP with one account, through the guard of `app/outbound.py`."""

    def __init__(self, ask: Ask, clock: Clock, base_url: str, headers: Mapping[str, str]) -> None:
        self._ask = ask
        self.clock = clock
        self._base_url = base_url.rstrip("/")
        self._headers = {"Accept": "application/json"} | dict(headers)

    async def call(
        self,
        method: str,
        path: str,
        body: JsonObject | None = None,
        headers: Mapping[str, str] | None = None,
    ) -> Any:
        """The JSON of the answer; None where it has no body.

        Raises:
            TicketTrouble: no answer, or one that is not of 2xx and JSON.
        """
        told = self._headers | dict(headers or {})
        sent = b"" if body is None else json.dumps(body).encode()
        if sent:
            told["Content-Type"] = "application/json"
        call = Call(method, tuple(told.items()), sent)
        try:
            reply = await self._ask(f"{self._base_url}{path}", call, _LIMITS)
        except FetchRefused as refused:
            raise TicketTrouble(refused.sentence) from refused
        return self._read(reply)

    def _read(self, reply: Reply) -> Any:
        shown = reply.body.decode(errors="replace").replace("\0", "")[:_SHOWN_CHARS]
        if not 200 <= reply.status < 300:
            raise TicketTrouble(
                f"It answered with status {reply.status}.",
                http_status=reply.status,
                response=shown,
                wait=pacing.asked_to_wait(reply.status, reply.header("retry-after"), self.clock()),
            )
        if not reply.body:
            return None
        try:
            return storable(json.loads(reply.body))
        except (ValueError, RecursionError) as error:
            raise TicketTrouble(
                "It answered with something that is no JSON.",
                http_status=reply.status,
                response=shown,
            ) from error


def storable(told: Any) -> Any:
    """The same JSON with texts that every store takes: no NUL, no half of a surrogate pair."""
    if isinstance(told, str):
        return told.replace("\0", "").encode("utf-8", "replace").decode()
    if isinstance(told, list):
        return [storable(one) for one in told]
    if isinstance(told, dict):
        return {storable(name): storable(one) for name, one in told.items()}
    return told


def basic(user: str, secret: str) -> dict[str, str]:
    """The header of HTTP Basic."""
    return {"Authorization": f"Basic {b64encode(f'{user}:{secret}'.encode()).decode()}"}


def first_text(new: NewTicket) -> str:
    """A ticket's first text for people: the summary, then everything that was said."""
    return f"{new.summary}\n\n{new.transcript}"


def signed_text(new: NewComment) -> str:
    """A comment's text; who said it stands above, for all come from one account."""
    return f"{new.author} wrote:\n{new.text}"


def plain(html: str) -> str:
    """What simple HTML says."""
    broken = re.sub(r"<br\s*/?>|</p>|</div>", "\n", html)
    return unescape(re.sub(r"<[^>]*>", "", broken)).strip()


def moment(written: str) -> datetime:
    """A time as these systems write it; one without a zone is in UTC.

    Raises:
        ValueError: it is none.
    """
    read = datetime.fromisoformat(written)
    return read if read.tzinfo is not None else read.replace(tzinfo=UTC)
