"""What may come next: the interface that guides and grammars share.

A constraint is an automaton over token ids. Its states are values: the state after a drafted token
is another value, so masks are right at every position of a multi-token step and nothing has to be
rolled back when a draft is rejected.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Protocol

import torch

from inference.request import SpanChoice

State = Any
"""A constraint's own; only handed back to it."""


@dataclass(frozen=True)
class Bias:
    """What is added to the logits of some tokens."""

    token_ids: torch.Tensor  # [n] int64
    values: torch.Tensor  # [n] float64, natural-log weights


@dataclass(frozen=True)
class Ahead:
    """What may come in the next places, where that depends on the place alone."""

    masks: Sequence[torch.Tensor] = ()  # of [V] bool
    end_ids: frozenset[int] = frozenset()
    """Behind one of these it is known no more."""


NOTHING_AHEAD = Ahead()


class Constraint(Protocol):
    """The automaton of one request; without state of its own."""

    @property
    def start(self) -> State:
        """The state before the first token."""
        ...

    @property
    def max_tokens(self) -> int | None:
        """The longest answer it allows, where that is known."""
        ...

    def is_done(self, state: State) -> bool:
        """Whether the answer is complete; nothing may follow."""
        ...

    def forced(self, state: State) -> Sequence[int]:
        """The ids that must come next, as far as they are known; empty where the model chooses."""
        ...

    def allowed(self, state: State) -> torch.Tensor:  # [V] bool
        """The tokens that may come next where the model chooses."""
        ...

    def ahead(self, state: State) -> Ahead:
        """The same for the places behind as well, where it is known; else `NOTHING_AHEAD`."""
        ...

    def bias(self, state: State) -> Bias | None:
        """What speaks for some of the allowed tokens beside the model; None for nothing."""
        ...

    def permits(self, state: State, token_id: int) -> bool:
        """Whether this token may come next."""
        ...

    def advance(self, state: State, token_id: int) -> State:
        """The state after a token that was permitted."""
        ...

    def segment(self, state: State) -> int | None:
        """Which part of the answer the next token belongs to, where it has parts."""
        ...

    def choice(self, state: State) -> SpanChoice | None:
        """What was chosen in the part that the last token completed, where it was a choice."""
        ...
