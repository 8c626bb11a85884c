"""The loss: cross-entropy of every head, summed over the heads.

The vocabulary's product is nearly all of the work. On a CPU it is done over a sample: all frequent
tokens, the batch's own targets and some of the rest, whose logits are raised so that they stand for
all of it (Jean et al. 2015, arXiv:1412.2007).
"""

import math
from dataclasses import dataclass

import torch
from torch.nn import functional

from inference.training.speculator.heads import Heads
from inference.training.speculator.windows import Windows


@dataclass(frozen=True)
class Candidates:
    """Part of the vocabulary, in ascending order, with what is added to each one's logit."""

    token_ids: torch.Tensor  # [C]
    bonus: torch.Tensor  # [C], log of how many tokens this one stands for


class Sampler:
    """Chooses each step's candidates: `frequent` always, and as many of the rest as make `size`."""

    def __init__(self, frequent: torch.Tensor, vocab_size: int, num_rest: int) -> None:
        self._is_frequent = torch.zeros(vocab_size, dtype=torch.bool)
        self._is_frequent[frequent] = True
        self._num_rest = num_rest

    def candidates(self, targets: torch.Tensor, step: int) -> Candidates:
        """Those of a step; the same number and targets give the same ones."""
        is_sure = self._is_frequent.clone()
        is_sure[targets.cpu()] = True
        rest = (~is_sure).nonzero()[:, 0]
        generator = torch.Generator().manual_seed(step)
        drawn = rest[torch.randperm(len(rest), generator=generator)[: self._num_rest]]
        token_ids, order = torch.cat((is_sure.nonzero()[:, 0], drawn)).sort()
        bonus = torch.zeros(len(token_ids))
        if len(drawn):
            bonus[len(token_ids) - len(drawn) :] = math.log(len(rest) / len(drawn))
        return Candidates(token_ids.to(targets.device), bonus[order].to(targets.device))


def head_losses(
    heads: Heads, windows: Windows, candidates: Candidates | None
) -> list[torch.Tensor]:
    """Mean cross-entropy of each head in nats, over the windows that teach it; 0 of none."""
    losses = []
    features = heads.features(windows.states, windows.token_ids[:, :-1])
    for head, own in enumerate(features):
        counts = windows.is_target[:, head]
        targets = windows.token_ids[:, head + 1][counts]
        output, bonus = heads.output(head), None
        if candidates is not None:
            output, bonus = output[candidates.token_ids], candidates.bonus
            targets = torch.searchsorted(candidates.token_ids, targets)
        logits = functional.linear(own[counts], output, bonus).float()
        total = functional.cross_entropy(logits, targets, reduction="sum")
        losses.append(total / max(1, len(targets)))
    return losses
