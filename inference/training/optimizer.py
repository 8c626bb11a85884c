"""Muon for the matrices of the blocks, AdamW for embeddings and norms, one cosine for both.

Muon (`muon.py`) makes more of few tokens; with its updates matched to AdamW's size one learning
rate serves both.
"""

import math
from dataclasses import dataclass
from typing import Any, Final, Protocol

import torch
from torch import nn

from inference.training.muon import Muon

ADAM_BETAS: Final = (0.9, 0.95)
MATRIX_DECAY: Final = 0.1
MAX_GRAD_NORM: Final = 1.0


class Rates(Protocol):
    """A learning rate for every number of tokens seen, up to a last one."""

    @property
    def total_tokens(self) -> int:
        """Where training ends."""
        ...

    def rate(self, num_tokens: int) -> float:
        """The learning rate of the step that ends at so many tokens."""
        ...


@dataclass(frozen=True)
class Schedule:
    """Linear warm-up, then a cosine down to a share of the peak, in tokens seen."""

    peak: float
    final_share: float
    warmup_tokens: int
    total_tokens: int

    def rate(self, num_tokens: int) -> float:
        if num_tokens < self.warmup_tokens:
            return self.peak * num_tokens / self.warmup_tokens
        span = max(1, self.total_tokens - self.warmup_tokens)
        progress = min(1.0, (num_tokens - self.warmup_tokens) / span)
        cosine = 0.5 * (1 + math.cos(math.pi * progress))
        return self.peak * (self.final_share + (1 - self.final_share) * cosine)


@dataclass(frozen=True)
class Cooldown:
    """From the peak to nothing, as one minus a square root (Hägele et al., arXiv:2405.18392)."""

    peak: float
    start_tokens: int
    total_tokens: int

    def rate(self, num_tokens: int) -> float:
        span = max(1, self.total_tokens - self.start_tokens)
        progress = min(1.0, max(0.0, (num_tokens - self.start_tokens) / span))
        return self.peak * (1 - math.sqrt(progress))


class Optimizer:
    """Both optimizers behind one step."""

    def __init__(self, model: nn.Module) -> None:
        matrices, others = _split(model)
        self._parts: tuple[torch.optim.Optimizer, ...] = (
            Muon(matrices, MATRIX_DECAY),
            torch.optim.AdamW(others, lr=0.0, betas=ADAM_BETAS, weight_decay=0.0, fused=True),
        )
        self._parameters = [*matrices, *others]

    def step(self, learning_rate: float) -> float:
        """Apply and clear the gradients; returns their norm before clipping."""
        norm = torch.nn.utils.clip_grad_norm_(self._parameters, MAX_GRAD_NORM)
        for part in self._parts:
            for group in part.param_groups:
                group["lr"] = learning_rate
            part.step()
            part.zero_grad()
        return float(norm)

    def state(self) -> list[dict[str, Any]]:
        return [part.state_dict() for part in self._parts]

    def load_state(self, state: list[dict[str, Any]]) -> None:
        for part, part_state in zip(self._parts, state, strict=True):
            part.load_state_dict(part_state)


def _split(model: nn.Module) -> tuple[list[nn.Parameter], list[nn.Parameter]]:
    matrices: list[nn.Parameter] = []
    others: list[nn.Parameter] = []
    for name, parameter in model.named_parameters():
        is_matrix = parameter.dim() == 2 and "embedding" not in name
        (matrices if is_matrix else others).append(parameter)
    return matrices, others
