"""The decoder of the Llama family over a paged cache.

Plain tensors and functions: no autograd, no module tree. Query, key and value share one fused
weight, so do gate and up. Rows of any mix of requests run together; only attention knows them
apart.
"""

import math
from dataclasses import dataclass
from pathlib import Path

import torch
from torch.nn import functional

from inference.model.config import ModelConfig
from inference.model.layers import Linear, RMSNorm, RotaryTable
from inference.model.weights import Tensors
from kernels.paged_attention import AttentionPlan, paged_attention
from kernels.reference import rotary, swiglu
from kernels.store_kv import store_kv


@dataclass(frozen=True)
class DecoderInputs:
    """One step's rows as the decoder sees them."""

    token_ids: torch.Tensor  # [T] int64
    positions: torch.Tensor  # [T] int64, the depth in the sequence, not the slot
    slot_mapping: torch.Tensor  # [T] int64
    attention: AttentionPlan


class _Layer:
    def __init__(self, tensors: Tensors, config: ModelConfig, index: int) -> None:
        prefix, hidden = f"model.layers.{index}.", config.hidden_size
        rows, kv_rows = (n * config.head_dim for n in (config.num_heads, config.num_kv_heads))
        middle = config.intermediate_size
        attention = prefix + "self_attn."
        self.qkv = Linear(
            torch.cat(
                [
                    tensors.take(attention + "q_proj.weight", rows, hidden),
                    tensors.take(attention + "k_proj.weight", kv_rows, hidden),
                    tensors.take(attention + "v_proj.weight", kv_rows, hidden),
                ]
            )
        )
        self.out = Linear(tensors.take(attention + "o_proj.weight", hidden, rows))
        self.gate_up = Linear(
            torch.cat(
                [
                    tensors.take(prefix + "mlp.gate_proj.weight", middle, hidden),
                    tensors.take(prefix + "mlp.up_proj.weight", middle, hidden),
                ]
            )
        )
        self.down = Linear(tensors.take(prefix + "mlp.down_proj.weight", hidden, middle))
        self.norm_in = RMSNorm(
            tensors.take(prefix + "input_layernorm.weight", hidden), config.rms_norm_eps
        )
        self.norm_mid = RMSNorm(
            tensors.take(prefix + "post_attention_layernorm.weight", hidden), config.rms_norm_eps
        )


class Decoder:
    """Token rows in, hidden states after the final norm out; logits on demand."""

    def __init__(
        self, folder: Path, config: ModelConfig, dtype: torch.dtype, device: torch.device
    ) -> None:
        tensors = Tensors(folder, dtype, device)
        hidden, vocab = config.hidden_size, config.vocab_size
        self.config = config
        self._embedding = tensors.take("model.embed_tokens.weight", vocab, hidden)
        self._layers = [_Layer(tensors, config, index) for index in range(config.num_layers)]
        self._norm = RMSNorm(tensors.take("model.norm.weight", hidden), config.rms_norm_eps)
        self._head = Linear(
            self._embedding
            if config.tie_word_embeddings
            else tensors.take("lm_head.weight", vocab, hidden)
        )
        self._rotary = RotaryTable(
            config.head_dim, config.rope_theta, config.max_model_len, dtype, device
        )
        self._scale = 1.0 / math.sqrt(config.head_dim)

    def forward(
        self,
        inputs: DecoderInputs,
        cache: torch.Tensor,  # [L, 2, N, S, G, D], written in place at the slot mapping
    ) -> torch.Tensor:  # [T, W] hidden states after the final norm
        """Run all rows through all layers, storing their keys and values on the way."""
        cos, sin = self._rotary.at(inputs.positions)
        x = functional.embedding(inputs.token_ids, self._embedding)
        for layer, layer_cache in zip(self._layers, cache, strict=True):
            x = x + self._attend(layer, layer.norm_in(x), cos, sin, layer_cache, inputs)
            x = x + layer.down(swiglu(layer.gate_up(layer.norm_mid(x))))
        return self._norm(x)

    def logits(self, hidden: torch.Tensor) -> torch.Tensor:  # [R, W] -> [R, V]
        """Logits of the rows asked for; float32 unless the model runs in float64."""
        logits = self._head(hidden)
        return logits if logits.dtype == torch.float64 else logits.float()

    def _attend(
        self,
        layer: _Layer,
        x: torch.Tensor,  # [T, W]
        cos: torch.Tensor,
        sin: torch.Tensor,
        layer_cache: torch.Tensor,  # [2, N, S, G, D]
        inputs: DecoderInputs,
    ) -> torch.Tensor:  # [T, W]
        heads, groups = self.config.num_heads, self.config.num_kv_heads
        qkv = layer.qkv(x).view(x.shape[0], heads + 2 * groups, self.config.head_dim)
        rotated = rotary(qkv[:, : heads + groups], cos, sin)
        query, key = rotated[:, :heads], rotated[:, heads:]
        store_kv(key, qkv[:, heads + groups :], layer_cache, inputs.slot_mapping)
        attended = paged_attention(query, layer_cache, inputs.attention, self._scale)
        return layer.out(attended.flatten(1))
