"""The forward pass of an EAGLE head: one decoder layer that reads tokens and states together.

The row at position i reads the token of position i + 1 and the state of position i, the target's
or its own guess of it; it gives a guess of the state of position i + 1. Its keys and values depend
on nothing else, so known rows need no attention of their own.
"""

from dataclasses import dataclass, replace

import torch
from torch.nn import functional

from inference.model.layers import Linear, RMSNorm
from inference.model.rope import RotaryTable
from inference.speculation.base import MAX_NODES, TargetFacts
from inference.speculation.eagle_format import EagleConfig, EagleNorms, EagleWeights
from kernels.paged_attention import AttentionPlan, paged_attention
from kernels.reference import rotary
from kernels.store_kv import store_kv
from kernels.swiglu import swiglu


@dataclass(frozen=True)
class EagleRows:
    """What the layer runs over, besides the states."""

    token_ids: torch.Tensor  # [T] int64, each one place behind its row's position
    positions: torch.Tensor  # [T] int64
    slot_mapping: torch.Tensor  # [T] int64
    longest: int
    """No position is as large."""


class EagleModel:
    """The head with its own keys and values, in blocks numbered as the target's."""

    def __init__(self, weights: EagleWeights, config: EagleConfig, facts: TargetFacts) -> None:
        def move(tensor: torch.Tensor | None) -> torch.Tensor | None:
            return None if tensor is None else tensor.to(facts.device, facts.dtype)

        def product(weight: torch.Tensor, bias: torch.Tensor | None = None) -> Linear:
            return Linear(weight.to(facts.device, facts.dtype), move(bias))

        self._config, self._facts = config, facts
        self._fusion = product(weights.fusion, weights.fusion_bias)
        # Query apart from key and value: known rows need only those two.
        num_queries = config.num_heads * config.head_dim
        bias = weights.qkv_bias
        query_bias, kv_bias = (
            (None, None) if bias is None else (bias[:num_queries], bias[num_queries:])
        )
        self._query = product(weights.qkv[:num_queries], query_bias)
        self._key_value = product(weights.qkv[num_queries:], kv_bias)
        self._out = product(weights.out, weights.out_bias)
        self._gate_up, self._down = product(weights.gate_up), product(weights.down)
        self._head = None if weights.head is None else product(weights.head)
        self._embedding = move(weights.embedding)
        token_map = weights.token_map
        self._token_map = None if token_map is None else token_map.to(facts.device)
        self._norms = _Norms(weights.norms, config.norm_eps, facts)
        # Drafts reach beyond the target's last position, and old files name shorter lengths.
        rope = replace(config.rope, max_len=facts.max_model_len + MAX_NODES)
        self._rotary = RotaryTable(rope, facts.dtype, facts.device)
        shape = 2, facts.num_blocks, facts.block_size, config.num_kv_heads, config.head_dim
        # Attention multiplies masked slots by an exact 0, which only finite numbers survive.
        self._cache = torch.zeros(shape, dtype=facts.dtype, device=facts.device)

    def read_target(self, states: torch.Tensor) -> torch.Tensor:  # [T, W or k W] -> [T, d]
        """The target's states as the layer takes them: EAGLE 3 fuses those of several layers."""
        if not self._config.is_third:
            return states
        states = self._norms.aux(states)
        if self._norms.each_aux:
            parts = states.chunk(len(self._norms.each_aux), 1)
            pairs = zip(self._norms.each_aux, parts, strict=True)
            states = torch.cat([norm(part) for norm, part in pairs], 1)
        return self._fusion(states)

    def read_own(self, states: torch.Tensor) -> torch.Tensor:  # [T, d] -> [T, d]
        """Guessed states as the layer takes them."""
        return self._norms.out(states) if self._config.is_output_normed else states

    def absorb(self, states: torch.Tensor, rows: EagleRows) -> None:  # states: [T, d]
        """Store the keys and values of rows whose guesses nobody asks for."""
        _, entering = self._meet(self._embed(rows.token_ids), states)
        self._store(entering, rows)

    def forward(
        self,
        states: torch.Tensor,  # [T, d]
        rows: EagleRows,
        attention: AttentionPlan,
    ) -> torch.Tensor:  # [T, d]
        """Guess each row's next state, storing its keys and values on the way."""
        x, entering = self._meet(self._embed(rows.token_ids), states)
        angles = self._store(entering, rows)
        width, scale = self._config.head_dim, self._config.head_dim**-0.5
        query = self._norms.query(self._query(entering).view(len(x), -1, width))
        query = rotary(query, *angles).contiguous()
        attended = paged_attention(query, self._cache, attention, scale)
        x = x + self._out(attended.flatten(1))
        return x + self._down(swiglu(self._gate_up(self._norms.middle(x))))

    def guess(
        self, states: torch.Tensor, width: int
    ) -> tuple[torch.Tensor, torch.Tensor]:  # both [T, width]
        """The likeliest tokens behind guessed states, and their log-probabilities."""
        states = self._norms.out(states)
        logits = self._facts.logits(states) if self._head is None else self._head(states)
        logits = logits if logits.dtype == torch.float64 else logits.float()
        best, ids = logits.topk(min(width, logits.shape[1]))
        log_probs = best - logits.logsumexp(-1, keepdim=True)
        return ids if self._token_map is None else self._token_map[ids], log_probs

    def _embed(self, token_ids: torch.Tensor) -> torch.Tensor:  # [T] -> [T, d]
        if self._embedding is None:
            return self._facts.embed(token_ids)
        return functional.embedding(token_ids, self._embedding)

    def _meet(
        self,
        tokens: torch.Tensor,  # [T, d]
        states: torch.Tensor,  # [T, d]
    ) -> tuple[torch.Tensor, torch.Tensor]:  # [T, d], [T, E]
        """The residual stream before the layer, and what its attention reads."""
        tokens, normed = self._norms.embedding(tokens), self._norms.state(states)
        both = torch.cat([tokens, normed], 1)
        if self._config.is_third:
            return (normed if self._config.is_residual_normed else states), both
        residual = self._fusion(both)
        return residual, self._norms.layer(residual)

    def _store(
        self,
        x: torch.Tensor,  # [T, E]
        rows: EagleRows,
    ) -> tuple[torch.Tensor, torch.Tensor]:
        """Store keys and values; the cosines and sines of the rows."""
        groups = self._config.num_kv_heads
        key_value = self._key_value(x).view(len(x), 2 * groups, self._config.head_dim)
        key, value = self._norms.key(key_value[:, :groups]), key_value[:, groups:]
        self._rotary.cover(rows.longest)
        angles = self._rotary.at(rows.positions)
        store_kv(rotary(key, *angles), value, self._cache, rows.slot_mapping)
        return angles


class _Norms:
    def __init__(self, weights: EagleNorms, eps: float, facts: TargetFacts) -> None:
        def norm(weight: torch.Tensor | None) -> RMSNorm | _Identity:
            if weight is None:
                return _Identity()
            return RMSNorm(weight.to(facts.device, facts.dtype), eps)

        self.aux, self.each_aux = norm(weights.aux), [norm(one) for one in weights.each_aux]
        self.embedding, self.state = norm(weights.embedding), norm(weights.state)
        self.layer, self.middle, self.out = map(norm, (weights.layer, weights.middle, weights.out))
        self.query, self.key = norm(weights.query), norm(weights.key)


class _Identity:
    def __call__(self, x: torch.Tensor) -> torch.Tensor:
        return x
