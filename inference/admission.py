"""Who may enter the engine next, in a process whose predecessor may have been killed by a request.

Requests that were inside when an engine died are suspects. They enter before all others, those with
the most strikes first, and one at a time: the next may follow when the last has given its first
token. So a request that kills the engine again does so alone, and its client knows whom to blame.
With chunked prefill this costs the innocent next to nothing.
"""

import heapq
from collections import deque
from dataclasses import dataclass

from inference.errors import QueueFull
from inference.flight_recorder import FlightRecorder
from inference.frames import InFlight, Question

RETRY_AFTER_S = 1.0


@dataclass(frozen=True)
class Ticket:
    """A request at the door. `engine_id` is unique in this process, `origin` beyond it."""

    engine_id: str
    origin: InFlight
    question: Question
    is_again: bool

    @property
    def is_suspect(self) -> bool:
        """Whether it was inside an engine that died."""
        return self.origin.strikes > 0


class Admission:
    """The queue before the engine, and the list of those inside; the recorder mirrors the list."""

    def __init__(self, recorder: FlightRecorder, max_waiting: int) -> None:
        self._recorder = recorder
        self._max_waiting = max_waiting
        self._suspects: list[tuple[int, int, Ticket]] = []
        self._others: deque[Ticket] = deque()
        self._inside: dict[str, Ticket] = {}
        self._on_trial: str | None = None
        self._num_seen = 0

    @property
    def can_admit(self) -> bool:
        """Whether `next` would give a ticket."""
        return self._on_trial is None and bool(self._suspects or self._others)

    def add(self, ticket: Ticket) -> None:
        """Queue a request.

        Raises:
            QueueFull: it is new and too many wait; one that was accepted before always may.
        """
        if not ticket.is_again and len(self._others) >= self._max_waiting:
            raise QueueFull(RETRY_AFTER_S)
        if ticket.is_suspect:
            self._num_seen += 1
            heapq.heappush(self._suspects, (-ticket.origin.strikes, self._num_seen, ticket))
        else:
            self._others.append(ticket)

    def next(self) -> Ticket:
        """Take the first of the queue; it counts as inside from now on, on disk too."""
        assert self.can_admit, "nobody may enter now"
        if self._suspects:
            _, _, ticket = heapq.heappop(self._suspects)
            self._on_trial = ticket.engine_id
        else:
            ticket = self._others.popleft()
        self._inside[ticket.engine_id] = ticket
        self._record()
        return ticket

    def put_back(self, ticket: Ticket) -> None:
        """The engine has no room yet: the ticket is the first of its queue again."""
        self.leave(ticket.engine_id)
        if ticket.is_suspect:
            heapq.heappush(self._suspects, (-ticket.origin.strikes, 0, ticket))
        else:
            self._others.appendleft(ticket)

    def acquit(self, engine_id: str) -> None:
        """It has given a token; the next suspect may enter."""
        if self._on_trial == engine_id:
            self._on_trial = None

    def leave(self, engine_id: str) -> bool:
        """Forget a request wherever it is; whether it was inside."""
        self.acquit(engine_id)
        if self._inside.pop(engine_id, None) is not None:
            self._record()
            return True
        self._suspects = [one for one in self._suspects if one[2].engine_id != engine_id]
        heapq.heapify(self._suspects)
        self._others = deque(one for one in self._others if one.engine_id != engine_id)
        return False

    def _record(self) -> None:
        self._recorder.write(ticket.origin for ticket in self._inside.values())
