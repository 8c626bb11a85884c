"""Who may enter the engine next, in a process whose predecessor may have been killed by a request.

Requests that were inside when an engine died are suspects. They enter before all others, those with
the most strikes first, and one at a time: the next may follow when the last has given its first
token. So a request that kills the engine again does so alone, and its client knows whom to blame.
With chunked prefill this costs the innocent next to nothing.
"""

import bisect
import time
from dataclasses import dataclass, field

from inference.errors import QueueFull
from inference.process.flight_recorder import FlightRecorder
from inference.process.frames import InFlight, Question

RETRY_AFTER_S = 1.0


@dataclass(frozen=True)
class Ticket:
    """A request at the door; `engine_id` is unique in this process, `origin` beyond it."""

    engine_id: str
    arrival: int
    origin: InFlight
    question: Question
    is_again: bool
    arrived_s: float = field(default_factory=time.monotonic)

    @property
    def rank(self) -> tuple[int, int]:
        """Who goes first: more strikes, then earlier arrival."""
        return -self.origin.strikes, self.arrival


class Admission:
    """The queue before the engine and the list of those inside, which the recorder mirrors."""

    def __init__(self, recorder: FlightRecorder, max_waiting: int) -> None:
        self._recorder = recorder
        self._max_waiting = max_waiting
        self._queue: list[Ticket] = []
        self._inside: dict[str, Ticket] = {}
        self._on_trial: str | None = None

    @property
    def can_admit(self) -> bool:
        """Whether `admit` would give a ticket."""
        return self._on_trial is None and bool(self._queue)

    @property
    def num_waiting(self) -> int:
        """Requests in the queue."""
        return len(self._queue)

    def add(self, ticket: Ticket) -> None:
        """Queue a request.

        Raises:
            QueueFull: it is new and too many wait; one that was accepted before always may.
        """
        if not ticket.is_again and len(self._queue) >= self._max_waiting:
            raise QueueFull(RETRY_AFTER_S)
        bisect.insort(self._queue, ticket, key=lambda one: one.rank)

    def admit(self) -> Ticket:
        """Take the first of the queue; it counts as inside from now on, on disk too."""
        assert self.can_admit, "nobody may enter now"
        ticket = self._queue.pop(0)
        if ticket.origin.strikes:
            self._on_trial = ticket.engine_id
        self._inside[ticket.engine_id] = ticket
        self._record()
        return ticket

    def put_back(self, ticket: Ticket) -> None:
        """The engine has no room yet: the ticket waits again, in its old place."""
        self.leave(ticket.engine_id)
        bisect.insort(self._queue, ticket, key=lambda one: one.rank)

    def acquit(self, engine_id: str) -> None:
        """It has given a token; the next may enter."""
        if self._on_trial == engine_id:
            self._on_trial = None

    def leave(self, engine_id: str) -> None:
        """Forget a request, wherever it is."""
        self.acquit(engine_id)
        if self._inside.pop(engine_id, None) is not None:
            self._record()
        else:
            self._queue = [one for one in self._queue if one.engine_id != engine_id]

    def _record(self) -> None:
        self._recorder.write(ticket.origin for ticket in self._inside.values())
