"""Zendesk Support by its REST API v2 as documented (developer.zendesk.com), not run against it.

Signs in with e-mail and API token. A ticket carries the conversation's id as `external_id`, by
which a second try finds the first.
"""

from collections.abc import Collection
from typing import Any
from urllib.parse import quote, urlencode

from app.clock import Clock
from app.connectors.system import (
    Access,
    Changed,
    Comment,
    Http,
    MadeTicket,
    NewComment,
    NewTicket,
    Requester,
    Ticket,
    basic,
    signed_text,
)
from app.models import JsonObject
from app.outbound import Ask
from app.vocabulary import TicketStatus

_API = "/api/v2"
_TAG = "careline"
_MAX_COMMENT_PAGES = 50
_STATUSES = {
    "new": TicketStatus.NEW,
    "open": TicketStatus.OPEN,
    "pending": TicketStatus.PENDING,
    "hold": TicketStatus.PENDING,
    "solved": TicketStatus.RESOLVED,
    "closed": TicketStatus.RESOLVED,
}
_NAMES = {
    TicketStatus.NEW: "new",
    TicketStatus.OPEN: "open",
    TicketStatus.PENDING: "pending",
    TicketStatus.RESOLVED: "solved",
}


class Zendesk:
    """One account."""

    def __init__(self, ask: Ask, clock: Clock, access: Access) -> None:
        signed = basic(f"{access.user}/token", access.secret)
        self._http = Http(ask, clock, f"{access.url}{_API}", signed)
        self._url = access.url
        self._me: int | None = None

    async def check(self) -> str:
        """Our user."""
        user = (await self._http.call("GET", "/users/me.json"))["user"]
        self._me = user["id"]
        return str(user["name"])

    async def create_ticket(self, new: NewTicket) -> MadeTicket:
        """The transcript in public, the summary as an internal note.

        The submitter is the author of the first comment; who asks for help would be it otherwise,
        and the transcript would come back as their words.
        """
        found = await self._http.call("GET", f"/tickets.json?{urlencode({'external_id': new.key})}")
        if found["tickets"]:
            return self._made(found["tickets"][0])
        ticket: JsonObject = {
            "subject": new.subject,
            "comment": {"body": new.transcript, "public": True},
            "submitter_id": await self._my_id(),
            "external_id": new.key,
            "priority": new.priority.value,
            "tags": [_TAG],
        }
        if new.requester.email:
            ticket["requester"] = {"name": new.requester.name, "email": new.requester.email}
        once = {"Idempotency-Key": new.key}
        made = await self._http.call("POST", "/tickets.json", {"ticket": ticket}, once)
        note = {"comment": {"body": new.summary, "public": False}}
        await self._http.call("PUT", f"/tickets/{made['ticket']['id']}.json", {"ticket": note})
        return self._made(made["ticket"])

    async def add_comment(self, ref: str, new: NewComment) -> str:
        """The comment's id stands in the audit of the change."""
        comment = {"body": signed_text(new), "public": True}
        body = {"ticket": {"comment": comment}}
        done = await self._http.call("PUT", f"/tickets/{quote(ref)}.json", body)
        events = done["audit"]["events"]
        return next(str(one["id"]) for one in events if one["type"] == "Comment")

    async def set_status(self, ref: str, status: TicketStatus) -> None:
        """In Zendesk's words."""
        body = {"ticket": {"status": _NAMES[status]}}
        await self._http.call("PUT", f"/tickets/{quote(ref)}.json", body)

    async def changed(self, cursor: JsonObject) -> Changed:
        """The incremental export, which goes on from its cursor."""
        asked = {"include": "users"} | dict(cursor)
        if not cursor:
            asked["start_time"] = str(int(self._http.clock().timestamp()))
        path = f"/incremental/tickets/cursor.json?{urlencode(asked)}"
        found = await self._http.call("GET", path)
        users = {one["id"]: one for one in found.get("users", [])}
        tickets = tuple(self._ticket(one, users) for one in found["tickets"])
        after = found.get("after_cursor")
        return Changed(tickets, {"cursor": after} if after else cursor)

    async def ticket(self, ref: str) -> Ticket:
        """One as it is now."""
        await self._my_id()
        found = await self._http.call("GET", f"/tickets/{quote(ref)}.json?include=users")
        users = {one["id"]: one for one in found.get("users", [])}
        return self._ticket(found["ticket"], users)

    async def comments(self, ref: str, known: Collection[str]) -> list[Comment]:
        """All pages, with the names of who wrote."""
        await self._my_id()
        asked = {"include": "users", "page[size]": "100"}
        read: list[Comment] = []
        for _ in range(_MAX_COMMENT_PAGES):
            path = f"/tickets/{quote(ref)}/comments.json?{urlencode(asked)}"
            found = await self._http.call("GET", path)
            users = {one["id"]: one for one in found.get("users", [])}
            read += [self._comment(one, users) for one in found["comments"]]
            meta = found.get("meta", {})
            if not meta.get("has_more"):
                break
            asked["page[after]"] = meta["after_cursor"]
        return [one for one in read if one.ref not in known]

    async def _my_id(self) -> int:
        if self._me is None:
            await self.check()
        assert self._me is not None, "a check tells it"
        return self._me

    def _made(self, ticket: JsonObject) -> MadeTicket:
        return MadeTicket(str(ticket["id"]), self._page(ticket))

    def _page(self, ticket: JsonObject) -> str:
        return f"{self._url}/agent/tickets/{ticket['id']}"

    def _ticket(self, one: JsonObject, users: dict[Any, Any]) -> Ticket:
        asker = users.get(one.get("requester_id"), {})
        return Ticket(
            str(one["id"]),
            _STATUSES.get(str(one["status"]), TicketStatus.OPEN),
            str(one.get("subject") or ""),
            self._page(one),
            Requester(asker.get("name") or "Customer", asker.get("email")),
            is_ours=_TAG in (one.get("tags") or ()),
        )

    def _comment(self, one: JsonObject, users: dict[Any, Any]) -> Comment:
        author = users.get(one["author_id"], {})
        return Comment(
            str(one["id"]),
            str(one.get("plain_body") or one["body"]),
            author.get("name") or "Support",
            is_customers=author.get("role") == "end-user",
            is_internal=not one["public"],
            is_ours=one["author_id"] == self._me,
        )
