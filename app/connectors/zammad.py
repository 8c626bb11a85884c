"""Zammad by its REST API as documented (docs.zammad.org); not run against it here.

Signs in with an access token. `internal` keeps an article from customers' eyes, though a trigger
there may still send mail about it.
"""

import re
from collections.abc import Collection
from datetime import datetime, timedelta
from urllib.parse import quote, urlencode

from app.clock import Clock, as_wire
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
    moment,
    plain,
    signed_text,
)
from app.models import JsonObject
from app.outbound import Ask
from app.vocabulary import TicketStatus

_API = "/api/v1"
_USUAL_GROUP = "Users"
_STATUSES = {
    "new": TicketStatus.NEW,
    "open": TicketStatus.OPEN,
    "pending reminder": TicketStatus.PENDING,
    "pending close": TicketStatus.PENDING,
    "closed": TicketStatus.RESOLVED,
    "merged": TicketStatus.RESOLVED,
}
_PENDING_FOR = timedelta(days=7)


class Zammad(ByTime):
    """One Zammad."""

    def __init__(self, ask: Ask, clock: Clock, access: Access) -> None:
        signed = {"Authorization": f"Token token={access.secret}"}
        self._http = Http(ask, clock, f"{access.url}{_API}", signed)
        self._access = access
        self._me: int | None = None

    async def check(self) -> str:
        """Our user."""
        user = await self._http.call("GET", "/users/me")
        self._me = user["id"]
        return str(user["login"])

    async def create_ticket(self, new: NewTicket) -> MadeTicket:
        """The transcript for the customer too, the summary as an internal note."""
        email = new.requester.email or f"conversation-{new.number}@careline.invalid"
        ticket = {
            "title": new.subject,
            "group": self._access.settings.get("group") or _USUAL_GROUP,
            "customer_id": f"guess:{email}",
            "article": _article(new.transcript, is_customers=True),
        }
        made = await self._http.call("POST", "/tickets", ticket)
        note = _article(new.summary, is_customers=False) | {"internal": True}
        told = await self._http.call("POST", "/ticket_articles", note | {"ticket_id": made["id"]})
        refs = (*map(str, made.get("article_ids") or ()), str(told["id"]))
        return MadeTicket(str(made["id"]), self._page(made), refs)

    async def add_comment(self, ref: str, new: NewComment) -> str:
        """An article."""
        article = _article(signed_text(new), is_customers=new.is_customers)
        body = article | {"ticket_id": int(ref)}
        return str((await self._http.call("POST", "/ticket_articles", body))["id"])

    async def set_status(self, ref: str, status: TicketStatus) -> None:
        """A pending ticket needs a time at which it comes back."""
        change: JsonObject = {"state": "closed" if status is TicketStatus.RESOLVED else "open"}
        if status is TicketStatus.PENDING:
            until = as_wire(self._http.clock() + _PENDING_FOR)
            change = {"state": "pending reminder", "pending_time": until}
        await self._http.call("PUT", f"/tickets/{quote(ref)}", change)

    async def _changed_since(self, since: datetime, page: int) -> list[tuple[datetime, Ticket]]:
        """By its search, with names beside ids."""
        await self._my_id()
        asked = {
            "query": f"updated_at:[{as_wire(since)} TO *]",
            "sort_by": "updated_at",
            "order_by": "asc",
            "expand": "true",
            "limit": str(PAGE),
            "page": str(page),
        }
        found = await self._http.call("GET", f"/tickets/search?{urlencode(asked)}")
        return [(moment(one["updated_at"]), self._ticket(one)) for one in found]

    async def comments(self, ref: str, known: Collection[str]) -> list[Comment]:
        """Articles of the ticket."""
        await self._my_id()
        found = await self._http.call("GET", f"/ticket_articles/by_ticket/{quote(ref)}")
        return [self._comment(one) for one in found if str(one["id"]) not in known]

    async def _my_id(self) -> int:
        if self._me is None:
            await self.check()
        assert self._me is not None, "a check tells it"
        return self._me

    def _page(self, ticket: JsonObject) -> str:
        return f"{self._access.url}/#ticket/zoom/{ticket['id']}"

    def _ticket(self, one: JsonObject) -> Ticket:
        customer = str(one.get("customer") or "")
        email = customer if "@" in customer else None
        return Ticket(
            str(one["id"]),
            _STATUSES.get(str(one["state"]), TicketStatus.OPEN),
            str(one.get("title") or ""),
            self._page(one),
            Requester(customer or "Customer", email),
            is_ours=one.get("created_by_id") == self._me,
        )

    def _comment(self, one: JsonObject) -> Comment:
        is_html = one.get("content_type") == "text/html"
        return Comment(
            str(one["id"]),
            plain(str(one["body"])) if is_html else str(one["body"]),
            re.sub(r"\s*<[^>]*>$", "", str(one.get("from") or "")) or "Support",
            is_customers=one.get("sender") == "Customer",
            is_internal=bool(one["internal"]),
            is_ours=one.get("created_by_id") == self._me,
        )


def _article(text: str, *, is_customers: bool) -> JsonObject:
    return {
        "body": text,
        "content_type": "text/plain",
        "type": "note",
        "internal": False,
        "sender": "Customer" if is_customers else "Agent",
    }
