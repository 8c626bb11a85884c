"""What every speculator is: it proposes scored trees, is told what became of them, and forgets."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol, Self

import torch

MAX_NODES = 63
"""Most nodes of a draft: with the row it hangs from they fill a 64-bit ancestor mask."""


@dataclass(frozen=True)
class Draft:
    """A scored tree of guesses behind a request's last known token.

    Node i hangs below node `parents[i]`, which stands before it; -1 is the last known token.
    `scores[i]` is the estimated probability that the target draws node i where it drew its parent.
    """

    token_ids: tuple[int, ...] = ()
    parents: tuple[int, ...] = ()
    scores: tuple[float, ...] = ()

    @classmethod
    def chain(cls, token_ids: Sequence[int], scores: Sequence[float]) -> Self:
        """One guess behind the other."""
        return cls(tuple(token_ids), tuple(range(-1, len(token_ids) - 1)), tuple(scores))

    def __len__(self) -> int:
        return len(self.token_ids)


@dataclass(frozen=True)
class FeatureWish:
    """What a speculator reads of the target's forward pass."""

    hidden: bool = False
    """The hidden states after the final norm."""
    aux_layers: tuple[int, ...] = ()
    """The residual stream behind these layers, counted from 0, side by side in this order."""


@dataclass(frozen=True)
class Features:
    """The target's states of all rows of a step."""

    hidden: torch.Tensor  # [T, W]
    aux: torch.Tensor | None  # [T, k * W]


@dataclass(frozen=True)
class Outcome:
    """What one step made of one request.

    The rows that were kept are known tokens from position `start` on, then accepted drafts. Where
    the request sampled, `token_ids` has one token more than was computed: the one drawn last.
    """

    request_id: str
    salt: bytes
    token_ids: Sequence[int]
    block_ids: Sequence[int]
    start: int
    rows: tuple[int, ...]
    """Indices of the kept rows into `Features`."""
    draft: Draft
    """What this speculator had proposed of it."""
    num_accepted: int
    """Nodes of that draft on the path that was accepted."""


@dataclass(frozen=True)
class DraftRequest:
    """What a speculator may know of a request it drafts for."""

    request_id: str
    token_ids: Sequence[int]
    """Prompt and output so far; the draft continues it."""
    room: int
    """Most tokens it may propose."""


class Speculator(Protocol):
    """Guesses continuations; whatever it says, verification keeps the output the target's own."""

    def propose(self, requests: Sequence[DraftRequest]) -> list[tuple[int, ...]]:
        """A draft for each request, in order; empty where it has no guess."""
        ...

    def observe(self, request_id: str, num_drafted: int, num_accepted: int) -> None:
        """How many of a request's drafted tokens were accepted."""
        ...

    def forget(self, request_id: str) -> None:
        """The request has ended."""
        ...
