"""Rejection sampling where the logits are: what was drawn as a draft is kept or replaced there.

Only the laws that drafts were drawn from may have to be sent there, never logits fetched. Rows of
a rejected tail decide too, as every row draws: what they decide never shows.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import torch

from inference.batch import Part
from inference.request import SamplingParams
from inference.runner.transfer import send
from inference.sampling import probabilities
from inference.speculation.rejection import acceptance_numbers, kept_or_replaced
from kernels.reference_sampling import NO_TOKEN


@dataclass(frozen=True)
class OfferedRows:
    """The sampled rows that something drawn is offered to, n of them, on the host."""

    rows: torch.Tensor  # [n] int64, places among the sampled rows
    token_ids: torch.Tensor  # [n] int64
    numbers: torch.Tensor  # [2, n] float64, of `acceptance_numbers`
    laws: tuple[torch.Tensor, ...]  # n of [V] or fewer, wherever they were drawn from
    params: tuple[SamplingParams, ...]  # n


def lay_out_offers(parts: Sequence[Part]) -> OfferedRows | None:
    """What a step's chains offer, row by row; greedy requests take the best whatever is offered."""
    found = [
        (first + depth, offer, part.sequence, len(part.sequence.token_ids) + depth)
        for first, part in zip(_first_rows(parts), parts, strict=True)
        if part.sequence.params.temperature > 0
        for depth, offer in enumerate(part.tree.offers)
    ]
    if not found:
        return None
    rows, offers, sequences, positions = zip(*found, strict=True)
    return OfferedRows(
        rows=torch.tensor(rows),
        token_ids=torch.tensor([offer.token_id for offer in offers]),
        numbers=acceptance_numbers([one.seed for one in sequences], positions),
        laws=tuple(offer.law for offer in offers),
        params=tuple(one.params for one in sequences),
    )


def keep_offered(
    tokens: torch.Tensor,  # [R] int64, what each sampled row has drawn by itself
    logits: torch.Tensor,  # [R, V] of the sampled rows, shaped
    offered: OfferedRows,
) -> torch.Tensor:  # [R] int64
    """The rows' tokens, those that were offered where they are kept; the host waits for nothing."""
    device = logits.device
    rows, token_ids, numbers, *laws = send(
        [
            offered.rows,
            offered.token_ids,
            offered.numbers,
            *(law for law in offered.laws if law.device != device),
        ],
        device,
    )
    sent = iter(laws)
    there = [law if law.device == device else next(sent) for law in offered.laws]
    target = probabilities(logits.index_select(0, rows), offered.params)
    found = kept_or_replaced(target, there, token_ids, numbers)
    found = torch.where(target.sum(-1) > 0, found, NO_TOKEN)
    return tokens.index_copy(0, rows, found)


def _first_rows(parts: Sequence[Part]) -> list[int]:
    starts = [0]
    for part in parts[:-1]:
        starts.append(starts[-1] + part.num_sampled)
    return starts


__all__ = ["OfferedRows", "keep_offered", "lay_out_offers"]
