"""What drafting heads have in common: the states they draft from, and the trees they make."""

from collections.abc import Sequence
from math import exp
from pathlib import Path
from typing import NamedTuple

import torch

from inference.errors import ModelLoadError
from inference.speculation.base import MAX_NODES, Draft, DraftRequest, Outcome

MOST_SHARED_ROWS = 64
"""A step's states are kept whole up to here: copying a request's row costs more than they do."""


class _Drawn(NamedTuple):
    """The state that a request's token number `num_tokens` (from 1) was drawn from."""

    num_tokens: int
    states: torch.Tensor  # [T, W]
    row: int


class DrawnStates:
    """The target's state of the row that each request's last token was drawn from.

    Kept at every step and seldom read, where nobody is asked for drafts: so what is kept is where
    the state lies.
    """

    def __init__(self) -> None:
        self._by_request: dict[str, _Drawn] = {}

    def observe(self, outcomes: Sequence[Outcome], states: torch.Tensor) -> None:
        """Keep the last kept row of every request that has drawn; `states`: [T, W]."""
        drawn = [one for one in outcomes if has_drawn(one)]
        self.keep(drawn, [one.rows[-1] for one in drawn], states)

    def keep(self, drawn: Sequence[Outcome], rows: Sequence[int], states: torch.Tensor) -> None:
        """Keep a row of `states` [T, W] for each of these requests."""
        if not drawn:
            return
        if states.shape[0] > MOST_SHARED_ROWS:
            # A copy, or each request would hold the states of all rows of a long step.
            states = states.index_select(0, torch.tensor(rows, device=states.device))
            rows = range(len(rows))
        for one, row in zip(drawn, rows, strict=True):
            self._by_request[one.request_id] = _Drawn(len(one.token_ids), states, row)

    def ready(self, requests: Sequence[DraftRequest]) -> dict[int, torch.Tensor]:  # each [W]
        """The states behind the last tokens, by place, of the requests that can be drafted for."""
        found = {}
        for index, request in enumerate(requests):
            drawn = self._by_request.get(request.request_id)
            if request.room and drawn and drawn.num_tokens == len(request.token_ids):
                found[index] = drawn.states[drawn.row]
        return found

    def forget(self, request_id: str) -> None:
        """The request has ended."""
        self._by_request.pop(request_id, None)


def check_fit(folder: Path, what: str, found: int, wanted: int) -> None:
    """Refuse a head that was made for another target.

    Raises:
        ModelLoadError: the two numbers differ.
    """
    if found != wanted:
        raise ModelLoadError(folder, f"is made for {what} {found}, the target's is {wanted}")


def has_drawn(outcome: Outcome) -> bool:
    """Whether the step drew the request's last token from the last of its kept rows."""
    known = outcome.start + len(outcome.rows)
    return bool(outcome.rows) and known == len(outcome.token_ids) - 1


def likeliest_tree(
    token_ids: Sequence[int],
    parents: Sequence[int],
    log_probs: Sequence[float],
    room: int,
) -> Draft:
    """The `room` likeliest nodes of a tree, in order.

    `log_probs` are those of the whole path down to each node, so no node is likelier than its
    parent and the choice is a tree again.
    """
    room = min(room, MAX_NODES)
    kept: Sequence[int] = range(len(token_ids))
    if len(kept) > room:
        kept = sorted(sorted(kept, key=lambda node: (-log_probs[node], node))[:room])
    places = {-1: -1} | {node: place for place, node in enumerate(kept)}
    return Draft(
        tuple(token_ids[node] for node in kept),
        tuple(places[parents[node]] for node in kept),
        tuple(_share(log_probs, parents[node], node) for node in kept),
    )


def _share(log_probs: Sequence[float], parent: int, node: int) -> float:
    above = 0.0 if parent < 0 else log_probs[parent]
    return min(1.0, exp(log_probs[node] - above))
