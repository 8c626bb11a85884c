"""Rejection sampling: a draft that was drawn itself is kept as often as the target's law allows.

Leviathan et al. (2023), Chen et al. (2023). A token drawn from the draft's law q is kept with
probability min(1, p / q), else one is drawn from what p has more than q. So what comes out follows
p whatever q is, and drafts are kept with the probability that p and q have in common: at high
temperature more often than a draw from p happens to be the one token that was guessed.

Nothing that is decided about a drawn token, whether it is verified above all, may depend on it.
"""

from collections.abc import Sequence

import torch

from inference.batch import Offer
from inference.sampling import uniforms

DRAFT, ACCEPT, RESIDUAL = 0x5D588B656C078965, 0x2545F4914F6CDD1D, 0x3C6EF372FE94F82B
"""Each of a position's numbers has a key of its own, apart from that of plain draws."""

EXPECTED = 0.7
"""How often a drawn token is thought to be kept, before it is known; the same for all of them."""


def draw_from(
    laws: torch.Tensor,  # [R, V] float64, with sums above 0
    seeds: Sequence[int],  # R
    positions: Sequence[int],  # R
    purpose: int,
) -> list[int]:
    """One token of each law."""
    found: list[int] = _drawn(laws, _numbers(seeds, positions, purpose).to(laws.device)).tolist()
    return found


def keep_or_replace(
    target: torch.Tensor,  # [R, V] float64, each row's sum is any above 0
    offers: Sequence[Offer],  # R
    seeds: Sequence[int],  # R
    positions: Sequence[int],  # R
) -> list[int]:
    """The offered token of each row where it is kept, else one of the target's own.

    Raises:
        ValueError: a row's probabilities are not numbers.
    """
    if not (target.sum(-1) > 0).all():
        raise ValueError("the probabilities are not numbers")
    found: list[int] = kept_or_replaced(
        target,
        [offer.law.to(target) for offer in offers],
        torch.tensor([offer.token_id for offer in offers], device=target.device),
        acceptance_numbers(seeds, positions).to(target.device),
    ).tolist()
    return found


def kept_or_replaced(
    target: torch.Tensor,  # [R, V] float64, each row's sum is any above 0
    laws: Sequence[torch.Tensor],  # R of [V] or fewer, what the tokens were drawn from
    token_ids: torch.Tensor,  # [R] int64
    numbers: torch.Tensor,  # [2, R] float64, as `acceptance_numbers` has them
) -> torch.Tensor:  # [R] int64
    """The drawn token of each row where it is kept, else one of the target's own.

    Everything is on one device, and the host waits for nothing. A row of the target without a sum
    gives any token.
    """
    target = target / target.sum(-1, keepdim=True)
    drawn_from = torch.zeros_like(target)
    for row, law in zip(drawn_from, laws, strict=True):
        row[: law.shape[0]] = law
    drawn_from /= drawn_from.sum(-1, keepdim=True)
    at = token_ids[:, None]
    chances = (target.gather(1, at) / drawn_from.gather(1, at))[:, 0]
    residual = (target - drawn_from).clamp_min(0.0)
    # Without a rest both laws are the same but for rounding.
    residual = torch.where(residual.sum(-1, keepdim=True) > 0, residual, target)
    return torch.where(numbers[0] < chances, token_ids, _drawn(residual, numbers[1]))


def acceptance_numbers(
    seeds: Sequence[int],  # R
    positions: Sequence[int],  # R
) -> torch.Tensor:  # [2, R] float64, on the host
    """What decides whether a drawn token is kept, and what is drawn where it is not."""
    return torch.stack([_numbers(seeds, positions, one) for one in (ACCEPT, RESIDUAL)])


def _drawn(laws: torch.Tensor, numbers: torch.Tensor) -> torch.Tensor:  # [R, V], [R] -> [R]
    cumulative = laws.cumsum(-1)
    total = cumulative[:, -1:]
    target = (numbers[:, None] * total).minimum(total.nextafter(torch.zeros_like(total)))
    return torch.searchsorted(cumulative, target, right=True)[:, 0]


def _numbers(seeds: Sequence[int], positions: Sequence[int], purpose: int) -> torch.Tensor:
    return torch.from_numpy(uniforms([seed ^ purpose for seed in seeds], positions))
