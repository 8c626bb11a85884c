"""EAGLE heads written as published, and their forward pass written down plainly.

The truth reads the published tensors by their published names and knows no cache: it runs over a
whole sequence of (next token, state) pairs, masked by a matrix.
"""

import json
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import torch
from safetensors.torch import save_file
from torch.nn import functional

from inference.speculation.base import TargetFacts
from tests.inference.speculation.heads import VOCAB, WIDTH

HEADS, GROUPS, HEAD_DIM, MIDDLE, EPS, BASE = 4, 2, 16, 20, 1e-5, 100.0
LLAMA: dict[str, Any] = {
    "model_type": "llama",
    "vocab_size": VOCAB,
    "hidden_size": WIDTH,
    "num_hidden_layers": 1,
    "num_attention_heads": HEADS,
    "num_key_value_heads": GROUPS,
    "head_dim": HEAD_DIM,
    "intermediate_size": MIDDLE,
    "max_position_embeddings": 32,
    "rms_norm_eps": EPS,
    "rope_theta": BASE,
}


@dataclass
class PublishedHead:
    """A checkpoint of EAGLE 1 or 3 under the names of its authors; tests change it at will."""

    is_third: bool
    width: int = WIDTH
    config: dict[str, Any] = field(default_factory=dict)
    tensors: dict[str, torch.Tensor] = field(default_factory=dict)
    target_width: int = WIDTH
    vocab: int = VOCAB

    def __post_init__(self) -> None:
        random = torch.Generator().manual_seed(6)
        d, layer = self.width, "midlayer" if self.is_third else "layers.0"
        entering = 2 * d if self.is_third else d
        shapes: dict[str, tuple[int, ...]] = {
            "fc.weight": (d, 3 * self.target_width if self.is_third else 2 * d),
            f"{layer}.self_attn.q_proj.weight": (HEADS * HEAD_DIM, entering),
            f"{layer}.self_attn.k_proj.weight": (GROUPS * HEAD_DIM, entering),
            f"{layer}.self_attn.v_proj.weight": (GROUPS * HEAD_DIM, entering),
            f"{layer}.self_attn.o_proj.weight": (d, HEADS * HEAD_DIM),
            f"{layer}.mlp.gate_proj.weight": (MIDDLE, d),
            f"{layer}.mlp.up_proj.weight": (MIDDLE, d),
            f"{layer}.mlp.down_proj.weight": (d, MIDDLE),
            f"{layer}.post_attention_layernorm.weight": (d,),
        }
        if self.is_third:
            shapes |= {
                f"{layer}.input_layernorm.weight": (d,),
                f"{layer}.hidden_norm.weight": (d,),
                "norm.weight": (d,),
                "lm_head.weight": (self.vocab // 2, d),
            }
            # The draft's token 0 is the target's 3, every further one two places on.
            self.tensors["d2t"] = torch.arange(self.vocab // 2) + 1
            self.tensors["t2d"] = torch.zeros(self.vocab, dtype=torch.bool)
        else:
            shapes["fc.bias"] = (d,)
        for name, shape in shapes.items():
            self.draw(name, *shape, random=random)
        self.config = LLAMA | {"hidden_size": d, "vocab_size": self.vocab} | self.config

    def draw(self, name: str, *shape: int, random: torch.Generator | None = None) -> None:
        """Put a random tensor there; norms around 1."""
        drawn = torch.randn(shape, generator=random, dtype=torch.float64)
        self.tensors[name] = 1 + 0.3 * drawn if "norm" in name else 0.4 * drawn

    def save(self, folder: Path) -> Path:
        """Write it as safetensors."""
        folder.mkdir(exist_ok=True)
        save_file(self.tensors, folder / "model.safetensors")
        (folder / "config.json").write_text(json.dumps(self.config))
        return folder


class Truth:
    """What a published head computes, in float64."""

    def __init__(self, head: PublishedHead, facts: TargetFacts) -> None:
        renamed = {
            name.replace("midlayer.", "").replace("layers.0.", ""): tensor
            for name, tensor in head.tensors.items()
        }
        self._tensors, self._facts, self._is_third = renamed, facts, head.is_third
        self._is_residual_normed = head.config.get("norm_before_residual", False)
        self._is_output_normed = head.config.get("norm_output", False)

    def read_target(self, states: torch.Tensor) -> torch.Tensor:
        """The target's states as the layer takes them."""
        if not self._is_third:
            return states
        states = self._norm("input_norm", states)
        parts = states.chunk(3, 1)
        states = torch.cat([self._norm(f"fc_norm.{i}", part) for i, part in enumerate(parts)], 1)
        return states @ self._tensors["fc.weight"].T

    def next_states(
        self,
        token_ids: list[int],
        states: torch.Tensor,  # [T, d]
        positions: list[int],
        mask: torch.Tensor,  # [T, T] bool
    ) -> torch.Tensor:  # [T, d]
        """One pass of the layer over (token, state) pairs."""
        table = self._tensors.get("embed_tokens.weight")
        ids = torch.tensor(token_ids)
        tokens = self._facts.embed(ids) if table is None else table[ids]
        if self._is_third:
            normed = self._norm("hidden_norm", states)
            entering = torch.cat([self._norm("input_layernorm", tokens), normed], 1)
            x = normed if self._is_residual_normed else states
        else:
            tokens = self._norm("embedding_layernorm", tokens)
            states = self._norm("hidden_states_layernorm", states)
            x = self._linear("fc", torch.cat([tokens, states], 1))
            entering = self._norm("input_layernorm", x)
        x = x + self._attend(entering, positions, mask)
        y = self._norm("post_attention_layernorm", x)
        gate, up = self._linear("mlp.gate_proj", y), self._linear("mlp.up_proj", y)
        return x + self._linear("mlp.down_proj", functional.silu(gate) * up)

    def read_own(self, states: torch.Tensor) -> torch.Tensor:
        """Guessed states as the layer takes them."""
        return self._norm("norm", states) if self._is_output_normed else states

    def log_probs(self, states: torch.Tensor) -> torch.Tensor:  # [T, d] -> [T, V]
        """Over the target's vocabulary; -inf for tokens that the head does not know."""
        states = self._norm("norm", states)
        head = self._tensors.get("lm_head.weight")
        logits = self._facts.logits(states) if head is None else states @ head.T
        offsets = self._tensors.get("d2t")
        if offsets is None:
            return logits.log_softmax(-1)
        known = torch.full((len(states), VOCAB), float("-inf"), dtype=torch.float64)
        known[:, torch.arange(len(offsets)) + offsets] = logits.log_softmax(-1)
        return known

    def _attend(self, x: torch.Tensor, positions: list[int], mask: torch.Tensor) -> torch.Tensor:
        def heads(name: str, num: int) -> torch.Tensor:  # [T, num, D]
            split = self._linear(f"self_attn.{name}_proj", x).view(len(x), num, HEAD_DIM)
            return self._norm(f"self_attn.{name}_norm", split)

        query, key = (self._rotate(heads(one, n), positions) for one, n in (("q", HEADS), ("k", 2)))
        key, value = (
            one.repeat_interleave(HEADS // GROUPS, 1) for one in (key, heads("v", GROUPS))
        )
        scores = torch.einsum("qhd,khd->hqk", query, key) / HEAD_DIM**0.5
        shares = scores.masked_fill(~mask, float("-inf")).softmax(-1)
        return self._linear(
            "self_attn.o_proj", torch.einsum("hqk,khd->qhd", shares, value).flatten(1)
        )

    def _rotate(self, x: torch.Tensor, positions: list[int]) -> torch.Tensor:
        # Angles in float32, as everywhere: see inference/model/rope.py.
        steps = torch.arange(0, HEAD_DIM, 2, dtype=torch.float32) / HEAD_DIM
        angles = torch.outer(torch.tensor(positions).float(), 1.0 / BASE**steps)
        cos, sin = (
            torch.cat([one, one], 1).double()[:, None] for one in (angles.cos(), angles.sin())
        )
        first, second = x.chunk(2, -1)
        return x * cos + torch.cat([-second, first], -1) * sin

    def _linear(self, name: str, x: torch.Tensor) -> torch.Tensor:
        product = x @ self._tensors[f"{name}.weight"].T
        bias = self._tensors.get(f"{name}.bias")
        return product if bias is None else product + bias

    def _norm(self, name: str, x: torch.Tensor) -> torch.Tensor:
        weight = self._tensors.get(f"{name}.weight")
        if weight is None:
            return x
        return x * torch.rsqrt(x.pow(2).mean(-1, keepdim=True) + EPS) * weight
