"""Freshdesk by its REST API v2 as documented (developers.freshdesk.com); not run against it here.

Signs in with an API key. Lists say `updated_since`, for without it Freshdesk silently leaves out
what is older than 30 days.
"""

from collections.abc import Collection
from datetime import datetime
from html import escape
from urllib.parse import quote, urlencode

from app.clock import Clock
from app.connectors.by_time import PAGE, ByTime
from app.connectors.system import (
    Access,
    Comment,
    Http,
    MadeTicket,
    NewComment,
    NewTicket,
    Requester,
    Ticket,
    basic,
    moment,
    signed_text,
)
from app.models import JsonObject
from app.outbound import Ask
from app.vocabulary import Priority, TicketStatus

_API = "/api/v2"
_TAG = "careline"
_NO_PASSWORD = "X"
_STATUSES = {
    2: TicketStatus.OPEN,
    3: TicketStatus.PENDING,
    4: TicketStatus.RESOLVED,
    5: TicketStatus.RESOLVED,
}
_NUMBERS = {
    TicketStatus.NEW: 2,
    TicketStatus.OPEN: 2,
    TicketStatus.PENDING: 3,
    TicketStatus.RESOLVED: 4,
}
_PRIORITIES = {Priority.LOW: 1, Priority.NORMAL: 2, Priority.HIGH: 3, Priority.URGENT: 4}


class Freshdesk(ByTime):
    """One account."""

    def __init__(self, ask: Ask, clock: Clock, access: Access) -> None:
        signed = basic(access.secret, _NO_PASSWORD)
        self._http = Http(ask, clock, f"{access.url}{_API}", signed)
        self._url = access.url
        self._me: int | None = None

    async def check(self) -> str:
        """Our agent."""
        agent = await self._http.call("GET", "/agents/me")
        self._me = agent["id"]
        return str(agent["contact"]["name"])

    async def create_ticket(self, new: NewTicket) -> MadeTicket:
        """The transcript as its description, the summary as a private note."""
        asker = new.requester
        ticket = {
            "subject": new.subject,
            "description": _html(new.transcript),
            "name": asker.name,
            "email": asker.email or f"conversation-{new.number}@careline.invalid",
            "status": _NUMBERS[TicketStatus.OPEN],
            "priority": _PRIORITIES[new.priority],
            "tags": [_TAG],
        }
        made = await self._http.call("POST", "/tickets", ticket)
        note = {"body": _html(new.summary), "private": True}
        told = await self._http.call("POST", f"/tickets/{made['id']}/notes", note)
        return MadeTicket(str(made["id"]), self._page(made), (str(told["id"]),))

    async def add_comment(self, ref: str, new: NewComment) -> str:
        """A public note: a reply would go to the customer by mail a second time."""
        body = {"body": _html(signed_text(new)), "private": False}
        return str((await self._http.call("POST", f"/tickets/{quote(ref)}/notes", body))["id"])

    async def set_status(self, ref: str, status: TicketStatus) -> None:
        """In Freshdesk's numbers."""
        await self._http.call("PUT", f"/tickets/{quote(ref)}", {"status": _NUMBERS[status]})

    async def _changed_since(self, since: datetime, page: int) -> list[tuple[datetime, Ticket]]:
        """With who asked."""
        asked = {
            "updated_since": since.strftime("%Y-%m-%dT%H:%M:%SZ"),
            "order_by": "updated_at",
            "order_type": "asc",
            "include": "requester,description",
            "per_page": str(PAGE),
            "page": str(page),
        }
        found = await self._http.call("GET", f"/tickets?{urlencode(asked)}")
        return [(moment(one["updated_at"]), self._ticket(one)) for one in found]

    async def comments(self, ref: str, known: Collection[str]) -> list[Comment]:
        """The ticket's conversations, all pages."""
        if self._me is None:
            await self.check()
        read: list[JsonObject] = []
        for page in range(1, 11):
            path = f"/tickets/{quote(ref)}/conversations?per_page={PAGE}&page={page}"
            found = await self._http.call("GET", path)
            read += found
            if len(found) < PAGE:
                break
        return [self._comment(one) for one in read if str(one["id"]) not in known]

    def _page(self, ticket: JsonObject) -> str:
        return f"{self._url}/a/tickets/{ticket['id']}"

    def _ticket(self, one: JsonObject) -> Ticket:
        asker = one.get("requester") or {}
        return Ticket(
            str(one["id"]),
            _STATUSES.get(one["status"], TicketStatus.OPEN),
            str(one.get("subject") or ""),
            self._page(one),
            Requester(asker.get("name") or "Customer", asker.get("email")),
            str(one.get("description_text") or ""),
            is_ours=_TAG in (one.get("tags") or ()),
        )

    def _comment(self, one: JsonObject) -> Comment:
        return Comment(
            str(one["id"]),
            str(one.get("body_text") or ""),
            "Customer" if one["incoming"] else "Support",
            is_customers=bool(one["incoming"]),
            is_internal=bool(one["private"]),
            is_ours=one.get("user_id") == self._me,
        )


def _html(text: str) -> str:
    return escape(text).replace("\n", "<br>")
