"""The tree that an EAGLE head grows for one request.

Li et al., "EAGLE-2: Faster Inference of Language Models with Dynamic Draft Trees" (arXiv
2406.16858): at each level the head reads the likeliest of the new nodes, and in the end the
likeliest of all nodes are kept.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from inference.speculation.base import Draft
from inference.speculation.candidates import likeliest_tree

BEAM = 4
"""Most nodes that are read at one level."""


@dataclass(frozen=True)
class ReadRows:
    """Nodes as rows behind `num_settled` others, which lie in the cache and are seen by all."""

    num_settled: int
    nodes: list[int]
    ancestors: list[int]
    """Bit j: the row sees row j of these."""
    num_new: int
    """The last of them were not read before."""


class GrowingTree:
    """The likeliest nodes found so far, and which of them the head has read."""

    def __init__(self, room: int, num_slots: int) -> None:
        self.token_ids: list[int] = []
        self.depths: list[int] = []
        self.state_places: list[int] = []
        """Where the state lies that each node is read with."""
        self._room = room
        self._most_rows = min(room, num_slots)
        self._parents: list[int] = []
        self._log_probs: list[float] = []
        self._best: list[int] = []
        self._num_ranked = 0
        self._read: dict[int, int] = {}  # node -> its row
        self._masks: list[int] = []  # bit j: the row sees row j

    def add(
        self, parent: int, state_place: int, token_ids: Sequence[int], log_probs: Sequence[float]
    ) -> None:
        """The guesses behind a node, -1 for the request's last token, and its state's place."""
        depth, above = (self.depths[parent] + 1, self._log_probs[parent]) if parent >= 0 else (1, 0)
        for token_id, log_prob in zip(token_ids, log_probs, strict=True):
            self.token_ids.append(token_id)
            self.depths.append(depth)
            self.state_places.append(state_place)
            self._parents.append(parent)
            self._log_probs.append(above + log_prob)

    def next_rows(self) -> ReadRows | None:
        """The likeliest nodes of the last level, as rows; None where reading on changes nothing.

        A node can have a child among the `room` best only if fewer are as good as itself.
        """
        new = range(self._num_ranked, len(self.token_ids))
        self._rank()
        useful = [node for node in self._best[: self._room - 1] if node in new]
        chosen = useful[: min(BEAM, self._most_rows - len(self._masks))]
        if not chosen:
            return None
        num_before = len(self._masks)
        for node in chosen:
            above = self._read.get(self._parents[node])
            row = self._read[node] = len(self._masks)
            self._masks.append((0 if above is None else self._masks[above]) | 1 << row)
        return self._rows(num_before)

    def draft(self) -> Draft:
        """The likeliest nodes that there is room for."""
        return likeliest_tree(self.token_ids, self._parents, self._log_probs, self._room)

    def _rank(self) -> None:
        new = range(self._num_ranked, len(self.token_ids))
        self._num_ranked = len(self.token_ids)
        order = sorted((*self._best, *new), key=lambda node: (-self._log_probs[node], node))
        self._best = order[: self._room]

    def _rows(self, num_before: int) -> ReadRows:
        """The new rows, and the old ones unless all of the new see all of the old.

        Where some see others than some do, only a mask over all of them tells them apart.
        """
        old = (1 << num_before) - 1
        are_settled = all(mask & old == old for mask in self._masks[num_before:])
        settled = num_before if are_settled else 0
        return ReadRows(
            num_settled=settled,
            nodes=list(self._read)[settled:],
            ancestors=[mask >> settled for mask in self._masks[settled:]],
            num_new=len(self._masks) - num_before,
        )
