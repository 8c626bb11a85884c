"""What a step learns from: the weighted cross-entropy of the tokens that are to be predicted.

Matrix products are in bfloat16 where the machine has units for it, the rest in float32.
"""

import logging
from collections.abc import Callable
from typing import Final

import torch
from torch.nn import functional

from inference.training.layout import END_QUOTE_ID, QUOTE_ID
from inference.training.model import CareModel
from inference.training.muon import fast_type

logger = logging.getLogger(__name__)

MARKER_TOKENS: Final = 3  # the closing marker, " [" and the digit

Loss = Callable[[torch.Tensor, torch.Tensor], torch.Tensor]
"""Ids [B, T] and which of them are learned [B, T] to their mean loss in nats."""


def token_loss(
    model: CareModel, hidden: torch.Tensor, ids: torch.Tensor, weights: torch.Tensor
) -> torch.Tensor:
    """Weighted mean cross-entropy, hidden [P, hidden] against ids [P], weights [P]; 0 of none."""
    logits = functional.linear(hidden, model.embedding.weight)
    losses = functional.cross_entropy(logits.float(), ids, reduction="none")
    return (losses * weights).sum() / weights.sum().clamp(min=1.0)


def quote_weights(ids: torch.Tensor, weight: float) -> torch.Tensor:
    """[B, T] ids to [B, T]: `weight` for quotes and the marker behind them, else 1."""
    places = torch.arange(ids.shape[1], device=ids.device).expand_as(ids)
    opened, closed = (
        torch.where(ids == marker, places, -1).cummax(dim=1).values
        for marker in (QUOTE_ID, END_QUOTE_ID)
    )
    # A quote counts as closed only behind its marker.
    closed = functional.pad(closed, (MARKER_TOKENS, 0), value=-1)[:, : ids.shape[1]]
    is_inside = (opened > closed) & (ids != QUOTE_ID)
    return torch.where(is_inside, weight, 1.0)


def loss_function(
    model: CareModel,
    ids: torch.Tensor,
    learned: torch.Tensor,
    quote_weight: float,
    *,
    compiled: bool,
) -> Loss:
    """The loss, compiled if that is wanted and works here; it is tried on this batch."""
    if not compiled:
        return _build_loss(model, model, token_loss, quote_weight)
    try:
        loss = _build_loss(
            model,
            torch.compile(model, dynamic=False),
            torch.compile(token_loss, dynamic=True),
            quote_weight,
        )
        loss(ids, learned).backward()  # type: ignore[no-untyped-call]
        model.zero_grad()
    except Exception as error:  # whatever a missing or old compiler raises: eager still trains
        logger.warning("compiling failed, training eagerly", extra={"reason": str(error)[:500]})
        return _build_loss(model, model, token_loss, quote_weight)
    return loss


def _build_loss(
    model: CareModel,
    trunk: Callable[[torch.Tensor], torch.Tensor],
    head: Callable[[CareModel, torch.Tensor, torch.Tensor, torch.Tensor], torch.Tensor],
    quote_weight: float,
) -> Loss:
    has_bfloat16 = fast_type(model.embedding.weight.device) is torch.bfloat16

    def loss(ids: torch.Tensor, learned: torch.Tensor) -> torch.Tensor:
        with torch.autocast(ids.device.type, torch.bfloat16, enabled=has_bfloat16):
            hidden = trunk(ids)
            chosen = learned[:, 1:]
            weights = quote_weights(ids, quote_weight)[:, 1:][chosen]
            return head(model, hidden[:, :-1][chosen], ids[:, 1:][chosen], weights)

    return loss
