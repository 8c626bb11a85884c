"""A head over the vocabulary of which a speculator wants the best tokens only."""

from dataclasses import dataclass

import torch

from inference.model.layers import Linear
from inference.speculation.base import TargetFacts
from kernels.dispatch import runs_triton
from kernels.head_top_k import PackedHead, head_top_k, pack_head
from kernels.native.head import NativeHead


@dataclass(frozen=True)
class Best:
    """The likeliest tokens of each row, best first, with their log-probabilities."""

    token_ids: torch.Tensor  # [R, K] int64
    log_probs: torch.Tensor  # [R, K], float32 or float64


class VocabularyHead:
    """Runs on weights rounded to 4 bits on a GPU, and to int8 in C++ once the target does.

    Until then, and where the target runs in float64, in torch.
    """

    def __init__(
        self,
        weight: torch.Tensor,  # [V, W], or [K, W] of some tokens
        facts: TargetFacts,
        token_ids: torch.Tensor | None = None,  # [K]
    ) -> None:
        self._facts = facts
        self._num_tokens = weight.shape[0]
        self._token_ids = None if token_ids is None else token_ids.to(facts.device)
        self._weight: torch.Tensor | None = weight.to(facts.device, facts.dtype)
        self._product: Linear | None = None
        self._native: NativeHead | None = None
        self._packed: PackedHead | None = None

    def best(self, x: torch.Tensor, num_best: int) -> Best:  # x: [R, W]
        """The `num_best` likeliest tokens of each row, or all there are."""
        best = self._best(x, min(num_best, self._num_tokens))
        if self._token_ids is None:
            return best
        return Best(self._token_ids[best.token_ids], best.log_probs)

    def _best(self, x: torch.Tensor, num_best: int) -> Best:
        if self._native is None:
            self._adopt()
        if self._native is not None:
            ids, values, log_sums = self._native.best(x.float().contiguous(), num_best)
            return Best(ids, values - log_sums[:, None])
        if self._packed is not None:
            return Best(*head_top_k(x, self._packed, num_best))
        assert self._weight is not None
        if self._product is None:
            self._product = Linear(self._weight)
        logits = self._product(x.to(self._weight.dtype))
        logits = logits if logits.dtype == torch.float64 else logits.float()
        values, ids = logits.topk(num_best)
        return Best(ids, values - logits.logsumexp(-1, keepdim=True))

    def _adopt(self) -> None:
        weight = self._weight
        if weight is not None and runs_triton(weight) and weight.dtype != torch.float64:
            self._packed = pack_head(weight)
            self._weight = self._product = None
            return
        kernels = self._facts.native()
        if kernels is None or weight is None:
            return
        if weight.device.type != "cpu" or weight.dtype == torch.float64 or weight.shape[1] % 2:
            return
        self._native = NativeHead(kernels, weight)
        self._weight = self._product = None
