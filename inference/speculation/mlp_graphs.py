"""Proposals of an MLP speculator, recorded once a size and replayed.

Four stages are some fifty launches, each of which costs a host more than most of them a GPU.
"""

from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass

import torch

from inference.speculation.base import Recorder

MOST_REQUESTS = 64
"""For more, launches are a small part of the work."""
WANTED = 3
"""How often a size must be wanted before it is recorded: that costs as much as many proposals."""


@dataclass(frozen=True)
class Levels:
    """The nodes of all requests, stage after stage."""

    rows: torch.Tensor  # [B, 3, N] float64: token ids, places of parents, log-probabilities
    sizes: tuple[int, ...]
    """Nodes of each stage; they add up to N."""


Expand = Callable[[torch.Tensor, torch.Tensor, int], Levels]
"""From states [B, W] and last tokens [B], so many stages deep."""


class RecordedExpansion:
    """Runs proposals padded to a power of two of requests, from buffers that stay where they are.

    What it returns is overwritten by the next proposal.
    """

    def __init__(
        self, expand: Expand, record: Recorder, hidden: torch.Tensor, last_ids: torch.Tensor
    ) -> None:
        """`hidden` and `last_ids` are any proposal's, for their type, width and device."""
        self._expand, self._record = expand, record
        self._hidden = hidden.new_zeros(MOST_REQUESTS, hidden.shape[1])
        self._last_ids = last_ids.new_zeros(MOST_REQUESTS)
        self._replays: dict[tuple[int, int], Callable[[], Levels]] = {}
        self._wanted: Counter[tuple[int, int]] = Counter()

    def __call__(self, hidden: torch.Tensor, last_ids: torch.Tensor, depth: int) -> Levels:
        """The levels of these requests, as `expand` gives them."""
        num_requests = len(last_ids)
        size = 1 << (num_requests - 1).bit_length()
        key = size, depth
        self._wanted[key] += 1
        if size > MOST_REQUESTS or self._wanted[key] < WANTED:
            return self._expand(hidden, last_ids, depth)
        self._hidden[:num_requests] = hidden
        self._last_ids[:num_requests] = last_ids
        if key not in self._replays:
            views = self._hidden[:size], self._last_ids[:size]
            self._replays[key] = self._record(lambda: self._expand(*views, depth))
        levels = self._replays[key]()
        return Levels(levels.rows[:num_requests], levels.sizes)
