"""Roundup (https://www.roundup-tracker.org) by its REST interface, version 1, as of 2.x.

Reads the settings `statuses_resolved` and `statuses_pending`, names of the tracker's own statuses
with commas between, and `priority`. Every message we write carries a `messageid` of ours, so a
second try finds what the first one wrote.
"""

from collections.abc import Collection
from datetime import UTC, datetime
from typing import Any
from urllib.parse import quote, urlencode, urlsplit

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
    signed_text,
)
from app.models import JsonObject
from app.outbound import Ask
from app.vocabulary import TicketStatus

_DATA = "/rest/data"
_TITLE_CHARS = 200
_MAX_USERS = 1_000
"""That are remembered."""
_DATE = "%Y-%m-%d.%H:%M:%S"


class Roundup(ByTime):
    """One tracker."""

    def __init__(self, ask: Ask, clock: Clock, access: Access) -> None:
        parts = urlsplit(access.url)
        origin = f"{parts.scheme}://{parts.netloc}"
        # Its guard against forged requests of browsers wants to see these of programs too.
        headers = {
            "X-Requested-With": "rest",
            "Origin": origin,
            "Referer": f"{access.url}/",
        }
        self._http = Http(ask, clock, access.url, basic(access.user, access.secret) | headers)
        self._access = access
        self._me: str | None = None
        self._statuses: dict[str, str] = {}
        self._users: dict[str, JsonObject] = {}

    async def check(self) -> str:
        """The name of our account."""
        await self._my_id()
        return self._access.user

    async def create_ticket(self, new: NewTicket) -> MadeTicket:
        """An issue with one message."""
        messageid = f"<{new.key}@careline>"
        message_ref = await self._message(messageid, first_text(new))
        query = urlencode({"messages": message_ref})
        found = await self._collection(f"issue?{query}")
        if found:
            ref = str(found[0]["id"])
        else:
            issue = {"title": new.subject[:_TITLE_CHARS], "messages": [message_ref]}
            if priority := self._access.settings.get("priority"):
                issue["priority"] = priority
            ref = await self._create("issue", issue | {"nosy": [await self._my_id()]})
        return MadeTicket(ref, f"{self._access.url}/issue{ref}", (message_ref,))

    async def add_comment(self, ref: str, new: NewComment) -> str:
        """A message of the issue."""
        message_ref = await self._message(f"<{new.key}@careline>", signed_text(new))
        issue, etag = await self._issue(ref)
        known = [str(one["id"]) for one in issue["attributes"]["messages"]]
        if message_ref not in known:
            await self._patch(ref, etag, {"@op": "add", "messages": [message_ref]})
        return message_ref

    async def set_status(self, ref: str, status: TicketStatus) -> None:
        """The tracker's own status that comes nearest."""
        wanted = self._name_of(status)
        issue, etag = await self._issue(ref)
        current = (issue["attributes"]["status"] or {}).get("id")
        statuses = await self._status_names()
        if self._status(statuses.get(str(current), "")) is not status:
            await self._patch(ref, etag, {"status": wanted})

    async def _changed_since(self, since: datetime, page: int) -> list[tuple[datetime, Ticket]]:
        """Issues by their time of activity, to the second."""
        asked = {
            "activity": f"{since.astimezone(UTC).strftime(_DATE)};",
            "@sort": "activity",
            "@fields": "activity,status,title,creator",
            "@page_size": str(PAGE),
            "@page_index": str(page),
        }
        found = await self._collection(f"issue?{urlencode(asked)}")
        statuses = await self._status_names()
        return [(_moment(one["activity"]), await self._ticket(one, statuses)) for one in found]

    async def comments(self, ref: str, known: Collection[str]) -> list[Comment]:
        """Messages by their number."""
        issue, _ = await self._issue(ref)
        refs = [str(one["id"]) for one in issue["attributes"]["messages"]]
        return [await self._comment(one) for one in sorted(refs, key=int) if one not in known]

    async def _message(self, messageid: str, text: str) -> str:
        """Of this `messageid`: the one that is there, or a new one."""
        found = await self._collection(f"msg?{urlencode({'messageid:': messageid})}")
        if found:
            return str(found[0]["id"])
        now = self._http.clock().astimezone(UTC).strftime(_DATE)
        message = {
            "content": text,
            "messageid": messageid,
            "author": await self._my_id(),
            "date": now,
        }
        return await self._create("msg", message)

    async def _comment(self, ref: str) -> Comment:
        message = (await self._data(f"msg/{quote(ref)}?@verbose=3"))["attributes"]
        author = message["author"] or message["creator"]
        user = await self._user(str(author["id"]))
        return Comment(
            ref,
            str(message["content"] or ""),
            user.get("realname") or user.get("username") or "Support",
            is_ours=str(author["id"]) == await self._my_id(),
        )

    async def _ticket(self, found: JsonObject, statuses: dict[str, str]) -> Ticket:
        ref, status = str(found["id"]), found["status"]
        name = statuses.get(str(status["id"]), "") if status else ""
        creator = await self._user(str(found["creator"]["id"]))
        requester = Requester(
            creator.get("realname") or creator.get("username") or "Customer",
            creator.get("address"),
        )
        url = f"{self._access.url}/issue{ref}"
        is_ours = str(found["creator"]["id"]) == await self._my_id()
        title = str(found["title"] or "")
        return Ticket(ref, self._status(name), title, url, requester, is_ours=is_ours)

    async def _my_id(self) -> str:
        if self._me is None:
            query = urlencode({"username:": self._access.user})
            found = await self._collection(f"user?{query}")
            if not found:
                raise TicketTrouble(f"There is no user {self._access.user!r} there.")
            self._me = str(found[0]["id"])
        return self._me

    async def _user(self, user_id: str) -> JsonObject:
        if user_id not in self._users:
            if len(self._users) >= _MAX_USERS:
                self._users.clear()
            self._users[user_id] = (await self._data(f"user/{quote(user_id)}"))["attributes"]
        return self._users[user_id]

    async def _status_names(self) -> dict[str, str]:
        if not self._statuses:
            found = await self._collection("status?@fields=name")
            self._statuses = {str(one["id"]): str(one["name"]) for one in found}
        return self._statuses

    def _status(self, name: str) -> TicketStatus:
        if name in self._names("statuses_resolved", "resolved,done-cbb"):
            return TicketStatus.RESOLVED
        if name in self._names("statuses_pending", "need-eg,deferred"):
            return TicketStatus.PENDING
        return TicketStatus.NEW if name in ("", "unread") else TicketStatus.OPEN

    def _name_of(self, status: TicketStatus) -> str:
        match status:
            case TicketStatus.RESOLVED:
                return self._names("statuses_resolved", "resolved")[0]
            case TicketStatus.PENDING:
                return self._names("statuses_pending", "need-eg")[0]
            case _:
                return self._names("statuses_open", "chatting")[0]

    def _names(self, setting: str, usual: str) -> list[str]:
        written = self._access.settings.get(setting) or usual
        return [name.strip() for name in written.split(",")]

    async def _issue(self, ref: str) -> tuple[JsonObject, str]:
        data = await self._data(f"issue/{quote(ref)}")
        return data, str(data["@etag"])

    async def _patch(self, ref: str, etag: str, change: JsonObject) -> None:
        """Refused with 412 when somebody else has changed the issue since it was read."""
        path = f"{_DATA}/issue/{quote(ref)}"
        await self._http.call("PATCH", path, change | {"@etag": etag})

    async def _create(self, kind: str, values: JsonObject) -> str:
        made = await self._http.call("POST", f"{_DATA}/{kind}", values)
        return str(made["data"]["id"])

    async def _collection(self, path: str) -> list[Any]:
        found: list[Any] = (await self._data(path))["collection"]
        return found

    async def _data(self, path: str) -> Any:
        return (await self._http.call("GET", f"{_DATA}/{path}"))["data"]


def _moment(written: str) -> datetime:
    return datetime.strptime(written, _DATE).replace(tzinfo=UTC)
