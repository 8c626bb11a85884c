"""What other threads have asked of the engine since its last step."""

from collections import deque

from inference.request import FinishReason
from inference.sequence import Sequence


class Inbox:
    """Submissions and aborts, left by any thread and taken by the one that steps.

    An abort names the sequence, not its id: one that comes late never ends the next request of the
    same id.
    """

    def __init__(self) -> None:
        self._arrived: deque[tuple[Sequence, FinishReason | None]] = deque()
        self._aborted: deque[Sequence] = deque()

    @property
    def num_arrived(self) -> int:
        """Submissions that no step has taken in yet."""
        return len(self._arrived)

    def put(self, sequence: Sequence, reason: FinishReason | None) -> None:
        """Leave a submission; with a reason where the ids it resumes from are already the end."""
        self._arrived.append((sequence, reason))

    def withdraw(self, sequence: Sequence) -> None:
        """Leave an abort of something that was put."""
        self._aborted.append(sequence)

    def take(self) -> tuple[list[tuple[Sequence, FinishReason | None]], list[Sequence]]:
        """Submissions and aborts so far; whoever was aborted arrived in this take or before."""
        # Aborts first: one that is left meanwhile may belong to a submission left meanwhile.
        aborted = [self._aborted.popleft() for _ in range(len(self._aborted))]
        arrived = [self._arrived.popleft() for _ in range(len(self._arrived))]
        return arrived, aborted
