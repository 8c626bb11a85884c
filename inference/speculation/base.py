"""What every speculator is: it proposes scored trees, is told what became of them, and forgets."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Protocol, Self, TypeVar, runtime_checkable

import torch

from inference.request import SamplingParams
from kernels.native.attention import NativeKernels

Result = TypeVar("Result")

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
    laws: tuple[torch.Tensor, ...] = ()  # each [V] float64
    """Where the nodes were drawn and not chosen: what from."""

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
    outcomes: bool = True
    """Whether it learns from outcomes at all; else nobody spends time on telling it."""
    only_latest: bool = False
    """Whether a request's last outcome before a draft is all that it must know."""


@dataclass(frozen=True)
class Features:
    """The target's states of all rows of a step; never written again."""

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
    salt: bytes
    """Of the request's workspace; what one workspace wrote never drafts for another."""
    token_ids: Sequence[int]
    """Prompt and output so far; the draft continues it."""
    room: int
    """Most nodes wanted, and slots reserved for the positions behind the last known token."""
    block_ids: Sequence[int]
    """Position p lies in slot `block_ids[p // block_size] * block_size + p % block_size`."""
    num_public: int = 0
    """Leading tokens whose full blocks all workspaces share."""
    draw: SamplingParams | None = None
    """Draw a chain of `room` tokens with this temperature and these cuts, and tell its laws."""
    seed: int = 0
    """What to draw with."""


class Recorder(Protocol):
    """Turns work that launches the same on a device each time into something cheap to repeat."""

    def __call__(self, run: Callable[[], Result]) -> Callable[[], Result]:
        """`run` once recorded; what a replay returns, the next replay of anything overwrites."""
        ...


@dataclass(frozen=True)
class TargetFacts:
    """What a speculator is built against: the target's sizes and those of its block pool."""

    vocab_size: int
    hidden_size: int
    num_layers: int
    max_model_len: int
    num_blocks: int
    block_size: int
    dtype: torch.dtype
    device: torch.device
    embed: Callable[[torch.Tensor], torch.Tensor]  # [T] int64 -> [T, W]
    """The target's embedding of tokens, as its checkpoint has it: unscaled."""
    logits: Callable[[torch.Tensor], torch.Tensor]  # [R, W] -> [R, V]
    """The target's head on hidden states after the final norm, scaled as the target does."""
    native: Callable[[], NativeKernels | None] = lambda: None
    """The C++ kernels, once they are ready."""
    record: Recorder | None = None
    """Where launches cost more than what they run."""

    @property
    def wide_dtype(self) -> torch.dtype:
        """What small products are fastest in: bfloat16 is for large ones, or for a GPU."""
        is_narrow = self.device.type == "cpu" and self.dtype == torch.bfloat16
        return torch.float32 if is_narrow else self.dtype


@runtime_checkable
class Packing(Protocol):
    """A speculator that packs its weights for the kernels the target runs on."""

    def is_packed(self) -> bool:
        """Whether nothing is left to do, as where there are no such kernels; else it begins."""
        ...


class Speculator(Protocol):
    """Guesses continuations; whatever it says, verification keeps the output the target's own.

    Drafts hold no randomness but what `seed` gives where they are to be drawn, and nothing that one
    request says may raise. Requests are told apart by `request_id`; it may be used again once it
    was forgotten.
    """

    @property
    def name(self) -> str:
        """As settings and metrics call it."""
        ...

    @property
    def wants(self) -> FeatureWish:
        """What it reads of the target's forward pass; never changes."""
        ...

    def propose(self, requests: Sequence[DraftRequest]) -> list[Draft]:
        """A draft for each request, in order; empty where it has no guess."""
        ...

    def observe(self, outcomes: Sequence[Outcome], features: Features) -> None:
        """What a step made of each of its requests, those included that it did not draft for.

        Called after every step, of prompts too, where `wants.outcomes`; where `wants.only_latest`,
        no later than before the next draft, and of what was overtaken by then not at all.
        """
        ...

    def forget(self, request_id: str) -> None:
        """The request has ended, or lost its blocks and will begin anew."""
        ...
