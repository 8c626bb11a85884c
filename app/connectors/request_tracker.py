"""Request Tracker 5 (https://bestpractical.com/request-tracker) by its REST interface, version 2.

What we write is a comment there: RT mails correspondence to the requestor, who has read it in the
chat. A ticket of ours refers to an address with our key, so a second try finds the first one.
Statuses are those of RT's default lifecycle; the setting `queue` says where new tickets go.
"""

from collections.abc import Collection, Mapping
from datetime import datetime
from typing import Any
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
    TicketTrouble,
    basic,
    first_text,
    moment,
    plain,
    signed_text,
)
from app.models import JsonObject
from app.outbound import Ask
from app.vocabulary import Priority, TicketStatus

_API = "/REST/2.0"
_USUAL_QUEUE = "General"
_SUBJECT_CHARS = 200
_MAX_PAGES = 50
"""Of what was written in one ticket."""
_STATUSES = {
    "new": TicketStatus.NEW,
    "open": TicketStatus.OPEN,
    "stalled": TicketStatus.PENDING,
    "resolved": TicketStatus.RESOLVED,
    "rejected": TicketStatus.RESOLVED,
    "deleted": TicketStatus.RESOLVED,
}
_NAMES = {
    TicketStatus.NEW: "open",
    TicketStatus.OPEN: "open",
    TicketStatus.PENDING: "stalled",
    TicketStatus.RESOLVED: "resolved",
}
_PRIORITIES = {Priority.LOW: 0, Priority.NORMAL: 50, Priority.HIGH: 100, Priority.URGENT: 100}
"""As its names for numbers have them, where nobody has changed them."""
_PERSON = "Name,RealName,EmailAddress"
_WRITTEN = "Type = 'Create' OR Type = 'Correspond' OR Type = 'Comment'"


class RequestTracker(ByTime):
    """One RT."""

    def __init__(self, ask: Ask, clock: Clock, access: Access) -> None:
        signed = basic(access.user, access.secret)
        self._http = Http(ask, clock, f"{access.url}{_API}", signed)
        self._access = access

    async def check(self) -> str:
        """The name of our account."""
        return str((await self._get(f"/user/{quote(self._access.user)}"))["Name"])

    async def create_ticket(self, new: NewTicket) -> MadeTicket:
        """Summary and transcript are its first text."""
        link = f"careline://hand-off/{new.key}"
        found = await self._search("tickets", f"RefersTo = '{link}'")
        ref = str(found[0]["id"]) if found else await self._create(new, link)
        [begun] = await self._search("transactions", f"{_of(ref)} AND Type = 'Create'")
        return MadeTicket(ref, self._page(ref), (str(begun["id"]),))

    async def add_comment(self, ref: str, new: NewComment) -> str:
        """RT does not say which one it has made: it is our newest."""
        body = {"Content": signed_text(new), "ContentType": "text/plain"}
        await self._http.call("POST", f"/ticket/{quote(ref)}/comment", body)
        newest = {"fields": "Type,Creator", "orderby": "id", "order": "DESC"}
        found = await self._search("transactions", f"{_of(ref)} AND Type = 'Comment'", newest)
        ours = [str(one["id"]) for one in found if self._is_me(one["Creator"])]
        if not ours:
            raise TicketTrouble("It took a comment and does not show it; see our rights there.")
        return ours[0]

    async def set_status(self, ref: str, status: TicketStatus) -> None:
        """A refused status is told with 200, so it is looked at afterwards."""
        if await self._status(ref) is status:
            return
        await self._http.call("PUT", f"/ticket/{quote(ref)}", {"Status": _NAMES[status]})
        reached = await self._status(ref)
        if reached is not _STATUSES[_NAMES[status]]:
            raise TicketTrouble(f"It does not let us set the status {_NAMES[status]!r}.")

    async def _changed_since(self, since: datetime, page: int) -> list[tuple[datetime, Ticket]]:
        """By its search, which reads times in the zone of our account and numbers in none."""
        asked = {
            "fields": "Subject,Status,Creator,LastUpdated,Requestor",
            "fields[Requestor]": _PERSON,
            "orderby": "LastUpdated",
            "order": "ASC",
            "page": str(page),
        }
        query = f"LastUpdated >= '{int(since.timestamp())}'"
        found = await self._search("tickets", query, asked)
        return [(moment(one["LastUpdated"]), self._ticket(one)) for one in found]

    async def comments(self, ref: str, known: Collection[str]) -> list[Comment]:
        """What was written in the ticket; comments in RT's sense are internal."""
        asked = {"fields": "Type,Creator", "fields[Creator]": _PERSON, "orderby": "id"}
        new: list[JsonObject] = []
        for page in range(1, _MAX_PAGES + 1):
            query = f"{_of(ref)} AND ({_WRITTEN})"
            found = await self._search("transactions", query, asked | {"page": str(page)})
            new += [one for one in found if str(one["id"]) not in known]
            if len(found) < PAGE:
                break
        requestors = await self._requestors(ref) if new else set()
        return [await self._comment(one, requestors) for one in new]

    async def _create(self, new: NewTicket, link: str) -> str:
        ticket: JsonObject = {
            "Queue": self._access.settings.get("queue") or _USUAL_QUEUE,
            "Subject": new.subject[:_SUBJECT_CHARS],
            "Content": first_text(new),
            "ContentType": "text/plain",
            "Priority": _PRIORITIES[new.priority],
            "RefersTo": link,
        }
        if new.requester.email:
            ticket["Requestor"] = new.requester.email
        return str((await self._http.call("POST", "/ticket", ticket))["id"])

    async def _comment(self, one: JsonObject, requestors: set[str]) -> Comment:
        creator, ref = one["Creator"], str(one["id"])
        return Comment(
            ref,
            await self._text(ref),
            creator.get("RealName") or creator.get("Name") or "Support",
            is_customers=str(creator["id"]) in requestors,
            is_internal=one["Type"] == "Comment",
            is_ours=self._is_me(creator),
        )

    async def _text(self, transaction: str) -> str:
        """The plain text of a message, or what its HTML says; files are left there."""
        fields = urlencode({"fields": "Content,ContentType,Filename", "per_page": PAGE})
        found = await self._get(f"/transaction/{quote(transaction)}/attachments?{fields}")
        texts = {
            one["ContentType"]: one["Content"]
            for one in reversed(found["items"])
            if one["Content"] and not one.get("Filename")
        }
        if "text/plain" in texts:
            return str(texts["text/plain"]).strip()
        return plain(str(texts.get("text/html", "")))

    async def _status(self, ref: str) -> TicketStatus:
        return _known(await self._get(f"/ticket/{quote(ref)}"))

    async def _requestors(self, ref: str) -> set[str]:
        ticket = await self._get(f"/ticket/{quote(ref)}")
        return {str(one["id"]) for one in ticket["Requestor"]}

    def _ticket(self, one: JsonObject) -> Ticket:
        ref, requestors = str(one["id"]), one.get("Requestor") or [{}]
        person = requestors[0]
        name = person.get("RealName") or person.get("Name") or "Customer"
        return Ticket(
            ref,
            _known(one),
            str(one.get("Subject") or ""),
            self._page(ref),
            Requester(name, person.get("EmailAddress") or None),
            is_ours=self._is_me(one["Creator"]),
        )

    def _is_me(self, creator: Mapping[str, Any]) -> bool:
        return str(creator["id"]).lower() == self._access.user.lower()

    def _page(self, ref: str) -> str:
        return f"{self._access.url}/Ticket/Display.html?id={ref}"

    async def _search(
        self, kind: str, query: str, asked: Mapping[str, str] | None = None
    ) -> list[JsonObject]:
        told = urlencode({"query": query, "per_page": PAGE} | dict(asked or {}))
        found: list[JsonObject] = (await self._get(f"/{kind}?{told}"))["items"]
        return found

    async def _get(self, path: str) -> Any:
        return await self._http.call("GET", path)


def _of(ref: str) -> str:
    return f"ObjectType = 'RT::Ticket' AND ObjectId = {int(ref)}"


def _known(ticket: JsonObject) -> TicketStatus:
    return _STATUSES.get(str(ticket["Status"]), TicketStatus.OPEN)
