"""The Llama module that is trained; `export.py` writes it under the published names.

The engine's decoder serves (paged cache, any architecture); this one only trains: whole rows,
fused projections, no cache, small enough to compile into one graph.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Final, cast

import torch
from torch import nn
from torch.nn import functional

from inference.training.layout import END_ID, PAD_ID

HEAD_DIM: Final = 64
VOCAB_SIZE: Final = 8192
NORM_EPS: Final = 1e-5
ROPE_THETA: Final = 10_000.0
MAX_POSITIONS: Final = 2048

Logits = Callable[[torch.Tensor], torch.Tensor]
"""Ids [B, T] to logits [B, T, V]."""


@dataclass(frozen=True)
class ModelShape:
    """The numbers that make one size of the model; the rest is fixed for all sizes."""

    hidden_size: int
    num_layers: int
    num_heads: int
    num_kv_heads: int
    ffn_size: int
    vocab_size: int = VOCAB_SIZE

    def hf_config(self) -> dict[str, object]:
        """The `config.json` of stock transformers."""
        return {
            "architectures": ["LlamaForCausalLM"],
            "model_type": "llama",
            "hidden_size": self.hidden_size,
            "num_hidden_layers": self.num_layers,
            "num_attention_heads": self.num_heads,
            "num_key_value_heads": self.num_kv_heads,
            "head_dim": HEAD_DIM,
            "intermediate_size": self.ffn_size,
            "vocab_size": self.vocab_size,
            "hidden_act": "silu",
            "rms_norm_eps": NORM_EPS,
            "rope_parameters": {"rope_type": "default", "rope_theta": ROPE_THETA},
            "rope_theta": ROPE_THETA,
            "max_position_embeddings": MAX_POSITIONS,
            "tie_word_embeddings": True,
            "attention_bias": False,
            "mlp_bias": False,
            "bos_token_id": None,
            "eos_token_id": END_ID,
            "pad_token_id": PAD_ID,
            "initializer_range": 0.02,
            "dtype": "bfloat16",
        }


SIZES: Final = {
    "tiny": ModelShape(64, 2, 1, 1, 128),
    "draft": ModelShape(128, 3, 2, 1, 352),
    "mini": ModelShape(192, 4, 3, 1, 512),
    "small": ModelShape(256, 6, 4, 2, 704),
    "medium": ModelShape(384, 8, 6, 2, 1024),
}


class Block(nn.Module):
    """Attention and feed-forward, each before a residual sum."""

    def __init__(self, shape: ModelShape) -> None:
        super().__init__()
        hidden, heads = shape.hidden_size, shape.num_heads
        self.num_heads, self.num_kv_heads = heads, shape.num_kv_heads
        self.attention_norm = nn.Parameter(torch.ones(hidden))
        self.qkv = nn.Linear(hidden, (heads + 2 * shape.num_kv_heads) * HEAD_DIM, bias=False)
        self.attention_out = nn.Linear(heads * HEAD_DIM, hidden, bias=False)
        self.ffn_norm = nn.Parameter(torch.ones(hidden))
        self.gate_up = nn.Linear(hidden, 2 * shape.ffn_size, bias=False)
        self.ffn_out = nn.Linear(shape.ffn_size, hidden, bias=False)

    def forward(
        self,
        x: torch.Tensor,  # [B, T, hidden]
        cos: torch.Tensor,  # [T, D]
        sin: torch.Tensor,  # [T, D], first half negated
    ) -> torch.Tensor:
        x = x + self._attend(_norm(x, self.attention_norm), cos, sin)
        gate, up = self.gate_up(_norm(x, self.ffn_norm)).chunk(2, dim=-1)
        return cast(torch.Tensor, x + self.ffn_out(functional.silu(gate) * up))

    def _attend(self, x: torch.Tensor, cos: torch.Tensor, sin: torch.Tensor) -> torch.Tensor:
        heads, kv_heads = self.num_heads, self.num_kv_heads
        qkv = self.qkv(x).unflatten(-1, (heads + 2 * kv_heads, HEAD_DIM)).transpose(1, 2)
        qk, value = qkv.split((heads + kv_heads, kv_heads), dim=1)
        first, second = qk.chunk(2, dim=-1)
        qk = (qk * cos + torch.cat((second, first), dim=-1) * sin).to(value.dtype)
        query, key = qk.split((heads, kv_heads), dim=1)
        key = key.repeat_interleave(heads // kv_heads, dim=1)
        value = value.repeat_interleave(heads // kv_heads, dim=1)
        mixed = functional.scaled_dot_product_attention(query, key, value, is_causal=True)
        return cast(torch.Tensor, self.attention_out(mixed.transpose(1, 2).flatten(2)))


class CareModel(nn.Module):
    """Rows of token ids to the hidden states before the (tied) output head."""

    cos: torch.Tensor
    sin: torch.Tensor

    def __init__(self, shape: ModelShape) -> None:
        super().__init__()
        self.shape = shape
        self.embedding = nn.Embedding(shape.vocab_size, shape.hidden_size)
        self.blocks = nn.ModuleList(Block(shape) for _ in range(shape.num_layers))
        self.final_norm = nn.Parameter(torch.ones(shape.hidden_size))
        cos, sin = _rotations()
        self.register_buffer("cos", cos, persistent=False)
        self.register_buffer("sin", sin, persistent=False)
        self._start()

    def forward(self, ids: torch.Tensor) -> torch.Tensor:
        """[B, T] ids to [B, T, hidden]; causal within a row."""
        x = self.embedding(ids)
        cos, sin = self.cos[: ids.shape[1]], self.sin[: ids.shape[1]]
        for block in self.blocks:
            x = block(x, cos, sin)
        return _norm(x, self.final_norm)

    def logits(self, hidden: torch.Tensor) -> torch.Tensor:
        return functional.linear(hidden, self.embedding.weight)

    def logits_of(self, ids: torch.Tensor) -> torch.Tensor:
        """[B, T] ids to [B, T, V]."""
        return self.logits(self(ids))

    def num_parameters(self) -> int:
        return sum(parameter.numel() for parameter in self.parameters())

    def _start(self) -> None:
        """Normal(0, 0.02); what writes into the residual stream is scaled by its depth (GPT-2)."""
        residual_std = 0.02 / (2 * self.shape.num_layers) ** 0.5
        for name, parameter in self.named_parameters():
            if parameter.dim() == 2:
                std = residual_std if "_out" in name else 0.02
                nn.init.normal_(parameter, std=std)


def _norm(x: torch.Tensor, weight: torch.Tensor) -> torch.Tensor:
    wide = x.float()
    scaled = wide * torch.rsqrt(wide.pow(2).mean(-1, keepdim=True) + NORM_EPS)
    return scaled * weight


def _rotations() -> tuple[torch.Tensor, torch.Tensor]:
    """Tables [positions, D] for the half-rotated layout of transformers' Llama."""
    exponents = torch.arange(0, HEAD_DIM, 2, dtype=torch.float32) / HEAD_DIM
    angles = torch.outer(
        torch.arange(MAX_POSITIONS, dtype=torch.float32), 1.0 / ROPE_THETA**exponents
    )
    cos, sin = angles.cos(), angles.sin()
    return torch.cat((cos, cos), dim=1), torch.cat((-sin, sin), dim=1)
