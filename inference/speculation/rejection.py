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
    cumulative = laws.cumsum(-1)
    total = cumulative[:, -1:]
    numbers = _numbers(seeds, positions, purpose).to(laws.device)
    target = (numbers[:, None] * total).minimum(total.nextafter(torch.zeros_like(total)))
    found: list[int] = torch.searchsorted(cumulative, target, right=True)[:, 0].tolist()
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
    total = target.sum(-1, keepdim=True)
    if not (total > 0).all():
        raise ValueError("the probabilities are not numbers")
    target = target / total
    drawn_from = torch.zeros_like(target)
    for row, offer in zip(drawn_from, offers, strict=True):
        row[: offer.law.shape[0]] = offer.law.to(row)
    drawn_from /= drawn_from.sum(-1, keepdim=True)
    ids = torch.tensor([offer.token_id for offer in offers])[:, None].to(target.device)
    chances = (target.gather(1, ids) / drawn_from.gather(1, ids))[:, 0].tolist()
    numbers = _numbers(seeds, positions, ACCEPT).tolist()
    residual = (target - drawn_from).clamp_min(0.0)
    # Without a rest both laws are the same but for rounding.
    residual = torch.where(residual.sum(-1, keepdim=True) > 0, residual, target)
    others = draw_from(residual, seeds, positions, RESIDUAL)
    return [
        offer.token_id if number < chance else other
        for offer, number, chance, other in zip(offers, numbers, chances, others, strict=True)
    ]


def _numbers(seeds: Sequence[int], positions: Sequence[int], purpose: int) -> torch.Tensor:
    return torch.from_numpy(uniforms([seed ^ purpose for seed in seeds], positions))
