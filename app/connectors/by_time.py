"""News of ticket systems that list tickets by the time of their last change, page by page.

A time is where to go on, so a ticket that changes while it is read moves to the end and hides no
other; only where more tickets than fit a page have one time is the page's number counted. What
stands on the edge comes again, for most of these times have no fractions.
"""

from abc import ABC, abstractmethod
from collections.abc import Sequence
from datetime import datetime, timedelta

from app.clock import as_wire
from app.connectors.system import Changed, Http, Ticket, moment
from app.models import JsonObject

PAGE = 100
MAX_PAGES = 5
"""At once; the next time goes on behind them."""
_OVERLAP = timedelta(seconds=2)
_EDGE = timedelta(seconds=1)


class ByTime(ABC):
    """The half of such a system that asks for what has changed."""

    _http: Http

    @abstractmethod
    async def _changed_since(self, since: datetime, page: int) -> Sequence[tuple[datetime, Ticket]]:
        """Tickets by their time, oldest first; a page is full with `PAGE` of them."""

    async def changed(self, cursor: JsonObject) -> Changed:
        """All that has changed, a ticket that did so meanwhile twice."""
        if "since" not in cursor:
            return Changed((), {"since": as_wire(self._http.clock())})
        known, page = moment(cursor["since"]), cursor.get("page")
        since, page = (known, page) if page else (known - _OVERLAP, 1)
        tickets: list[Ticket] = []
        for _ in range(MAX_PAGES):
            found = await self._changed_since(since, page)
            tickets += [ticket for _, ticket in found]
            newest = max((at for at, _ in found), default=since)
            if len(found) < PAGE:
                return Changed(tuple(tickets), {"since": as_wire(max(known, newest))})
            since, page = (newest - _EDGE, 1) if newest - _EDGE > since else (since, page + 1)
        return Changed(tuple(tickets), {"since": as_wire(since), "page": page})
