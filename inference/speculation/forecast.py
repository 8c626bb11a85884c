"""What asking some speculators lately brought: nodes by their survival, as a histogram."""

from collections.abc import Sequence

FIRST_LOOKS, FEWEST_LOOKS, FIRST_DRAFTS = 6, 2, 12
"""Times everyone is asked before anything is expected of anyone; fewer that bring many drafts."""
NUM_CLASSES = 10
"""Classes of survival that nodes are counted in."""


class Forecast:
    """How many nodes of which survival a request gets drafted; old drafts fade."""

    def __init__(self) -> None:
        self._num_looks = self._num_drafts = 0
        self._num_nodes = [0.0] * NUM_CLASSES
        self._accepted = [0.0] * NUM_CLASSES

    def note(self, num_requests: int, survivals: Sequence[float]) -> None:
        self._num_looks += 1
        self._num_drafts += num_requests
        weight = max(2.0 / (self._num_looks + 1), min(0.3, 0.05 * num_requests))
        num_nodes, accepted = [0] * NUM_CLASSES, [0.0] * NUM_CLASSES
        for survival in survivals:
            at = min(NUM_CLASSES - 1, int(survival * NUM_CLASSES))
            num_nodes[at] += 1
            accepted[at] += survival
        for at in range(NUM_CLASSES):
            self._num_nodes[at] += weight * (num_nodes[at] / num_requests - self._num_nodes[at])
            self._accepted[at] += weight * (accepted[at] / num_requests - self._accepted[at])

    @property
    def is_known(self) -> bool:
        """Whether enough was seen to go by."""
        has_many = self._num_drafts >= FIRST_DRAFTS and self._num_looks >= FEWEST_LOOKS
        return has_many or self._num_looks >= FIRST_LOOKS

    @property
    def accepted(self) -> float:
        """Tokens a request would gain if all were verified."""
        return sum(self._accepted)

    def totals(self, num_requests: int) -> list[tuple[float, float]]:
        """Nodes and expected tokens of so many requests, with each class taken in downwards."""
        totals: list[tuple[float, float]] = []
        num_nodes = accepted = 0.0
        for at in reversed(range(NUM_CLASSES)):
            num_nodes += self._num_nodes[at] * num_requests
            accepted += self._accepted[at] * num_requests
            totals.append((num_nodes, accepted))
        return totals
