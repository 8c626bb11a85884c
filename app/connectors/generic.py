"""Any ticket system that takes signed JSON: Standard Webhooks to it, and from it.

It is posted `ticket.create`, `ticket.comment` and `ticket.status`, answers the first two with the
ids of what it made, and tells its own news to `/v1/inbound/{source}`.
"""

import json
from collections.abc import Collection
from dataclasses import asdict
from datetime import timedelta
from typing import Any

from app.clock import Clock, as_wire
from app.connectors.system import (
    Access,
    Changed,
    Comment,
    Http,
    MadeTicket,
    NewComment,
    NewTicket,
    TicketTrouble,
    moment,
)
from app.models import JsonObject
from app.outbound import Ask
from app.vocabulary import TicketStatus
from app.webhooks.signing import headers

_PING_EVERY = timedelta(minutes=1)


class Generic:
    """One receiver of signed JSON."""

    def __init__(self, ask: Ask, clock: Clock, access: Access) -> None:
        self._http = Http(ask, clock, access.url, {})
        self._keys = access.signing_keys
        self._url = access.url

    async def check(self) -> str:
        """A ping that must be taken."""
        await self._post("ping", "ticket.ping", {})
        return self._url

    async def create_ticket(self, new: NewTicket) -> MadeTicket:
        """The receiver knows a second try by its `webhook-id`."""
        told = asdict(new) | {"priority": new.priority.value}
        made = self._part(await self._post(f"ticket-{new.key}", "ticket.create", told), "ticket")
        return MadeTicket(str(made["id"]), str(made.get("url") or ""))

    async def add_comment(self, ref: str, new: NewComment) -> str:
        """The same for a comment."""
        told = asdict(new) | {"ticket_id": ref}
        made = self._part(await self._post(f"comment-{new.key}", "ticket.comment", told), "comment")
        return str(made["id"])

    async def set_status(self, ref: str, status: TicketStatus) -> None:
        """Saying it twice does no harm."""
        told = {"ticket_id": ref, "status": status.value}
        at = int(self._http.clock().timestamp() * 1_000)
        await self._post(f"status-{ref}-{at}", "ticket.status", told)

    async def changed(self, cursor: JsonObject) -> Changed:
        """It tells by itself; once a minute we see that it is there."""
        now = self._http.clock()
        pinged = cursor.get("pinged")
        if pinged and now - moment(pinged) < _PING_EVERY:
            return Changed((), cursor)
        await self.check()
        return Changed((), {"pinged": as_wire(now)})

    async def comments(self, ref: str, known: Collection[str]) -> list[Comment]:
        """It tells by itself."""
        return []

    async def _post(self, webhook_id: str, kind: str, data: JsonObject) -> Any:
        at = self._http.clock()
        body: JsonObject = {"type": kind, "timestamp": as_wire(at), "data": data}
        signed = headers(self._keys, webhook_id, at, json.dumps(body).encode())
        return await self._http.call("POST", "", body, dict(signed))

    def _part(self, answer: Any, name: str) -> JsonObject:
        part = answer.get(name) if isinstance(answer, dict) else None
        if not isinstance(part, dict) or not part.get("id"):
            raise TicketTrouble(f'It must answer {{"{name}": {{"id": …}}}}.')
        return part
