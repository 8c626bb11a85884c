"""The decoder of Llama, Mistral, Qwen 2 and 3, Granite 3 and GPT-BigCode over a paged cache.

Plain tensors and functions: no autograd, no module tree, no class per family; `DecoderConfig` has a
field for everything in which they differ. Query, key and value share one fused weight, so do gate
and up. Rows of any mix of requests run together; only attention knows them apart.
"""

from dataclasses import dataclass
from pathlib import Path

import torch
from torch.nn import functional

from inference.model.building import Build
from inference.model.config import DecoderConfig
from inference.model.families import WeightNames
from inference.model.layers import LayerNorm, RMSNorm
from inference.model.rope import RotaryTable
from inference.model.weights import Tensors
from kernels.paged_attention import AttentionPlan, paged_attention
from kernels.rotate_and_store import Angles, HeadNorms, Heads, rotate_and_store
from kernels.swiglu import swiglu

WHOLE = Build()
# Buffers that old checkpoints carry beside their weights.
IGNORED_TENSORS = (".rotary_emb.inv_freq", ".attn.bias", ".attn.masked_bias")


@dataclass(frozen=True)
class DecoderInputs:
    """One step's rows as the decoder sees them."""

    token_ids: torch.Tensor  # [T] int64
    positions: torch.Tensor  # [T] int64, the depth in the sequence, not the slot
    slot_mapping: torch.Tensor  # [T] int64
    attention: AttentionPlan


class Decoder:
    """Token rows in, hidden states after the final norm out; logits on demand."""

    def __init__(
        self,
        folder: Path,
        config: DecoderConfig,
        names: WeightNames,
        dtype: torch.dtype,
        device: torch.device,
        build: Build = WHOLE,
    ) -> None:
        tensors = build.tensors(folder, config, names, dtype, device)
        hidden, vocab = config.hidden_size, config.vocab_size
        self._build = build
        self.config = config = build.config(config)
        self._embedding = tensors.take(names.embedding + ".weight", vocab, hidden)
        self._rotary: RotaryTable | None = None
        self._positions: torch.Tensor | None = None
        if config.rope is None:
            shape = config.max_model_len, hidden
            self._positions = tensors.take(names.positions + ".weight", *shape)
        else:
            self._rotary = RotaryTable(config.rope, dtype, device)
        self._layers = [_Layer(tensors, config, names, i, build) for i in range(config.num_layers)]
        self._norm = _norm(tensors, config, names.norm, hidden)
        rows = build.head_rows(vocab)
        if config.tie_word_embeddings:
            self._head = build.linear(self._embedding[rows.start : rows.stop])
            tensors.close((*IGNORED_TENSORS, names.head + ".weight"))
        else:
            self._head = build.linear(tensors.take(names.head + ".weight", len(rows), hidden))
            tensors.close(IGNORED_TENSORS)

    def forward(
        self,
        inputs: DecoderInputs,
        cache: torch.Tensor,  # [L, 2, N, S, G, D], written in place at the slot mapping
    ) -> torch.Tensor:  # [T, W] hidden states after the final norm
        """Run all rows through all layers, storing their keys and values on the way."""
        return self._run(inputs, cache, {})

    def forward_with_aux(
        self,
        inputs: DecoderInputs,
        cache: torch.Tensor,  # as `forward`
        layers: tuple[int, ...],
    ) -> tuple[torch.Tensor, torch.Tensor]:  # [T, W], [T, len(layers) * W]
        """As `forward`, and beside it the residual stream behind these layers, in this order."""
        streams: dict[int, torch.Tensor] = dict.fromkeys(layers, torch.empty(0))
        hidden = self._run(inputs, cache, streams)
        return hidden, torch.cat([streams[layer] for layer in layers], 1)

    def embed(self, token_ids: torch.Tensor) -> torch.Tensor:  # [T] int64 -> [T, W]
        """Rows of the embedding as the checkpoint has them, unscaled."""
        return functional.embedding(token_ids, self._embedding)

    @property
    def dtype(self) -> torch.dtype:
        """Of hidden states."""
        return self._embedding.dtype

    def cover(self, num_positions: int) -> None:
        """Have the angles of all these positions at hand, so that no step makes them anew."""
        if self._rotary is not None:
            self._rotary.cover(num_positions)

    def _run(
        self, inputs: DecoderInputs, cache: torch.Tensor, streams: dict[int, torch.Tensor]
    ) -> torch.Tensor:  # [T, W]
        """Run all layers; the streams behind those that are keys of `streams` are put there."""
        x = functional.embedding(inputs.token_ids, self._embedding)
        if self._positions is not None:
            x = x + functional.embedding(inputs.positions, self._positions)
        if self._rotary is not None:
            self._rotary.cover(inputs.attention.longest)
        x = _times(x, self.config.embedding_multiplier)
        scale = self.config.residual_multiplier
        angles = None if self._rotary is None else self._rotary.angles(inputs.positions)
        next_norms = [*(layer.norm_in for layer in self._layers[1:]), self._norm]
        normed = self._layers[0].norm_in(x)
        for index, (layer, layer_cache) in enumerate(zip(self._layers, cache, strict=True)):
            attended = layer.attend(normed, angles, layer_cache, inputs)
            x, normed = layer.norm_mid.after(x, attended, scale)
            x, normed = next_norms[index].after(x, layer.feed(normed), scale)
            if index in streams:
                streams[index] = x
        return normed

    def logits(self, hidden: torch.Tensor) -> torch.Tensor:  # [R, W] -> [R, V]
        """Logits of the rows asked for; float32 unless the model runs in float64."""
        own = self._head(hidden.to(self.dtype))
        logits = self._build.joined(own, self.config.vocab_size)
        logits = logits if logits.dtype == torch.float64 else logits.float()
        return _times(logits, 1.0 / self.config.logits_divisor)


class _Layer:
    def __init__(
        self,
        tensors: Tensors,
        config: DecoderConfig,
        names: WeightNames,
        index: int,
        build: Build,
    ) -> None:
        hidden, width = config.hidden_size, config.head_dim
        rows, kv_rows = config.num_heads * width, config.num_kv_heads * width
        middle = config.intermediate_size
        self._config, self._build = config, build
        self._window = config.windows[index]
        self.norm_in = _norm(tensors, config, names.norm_in.format(index), hidden)
        self.norm_mid = _norm(tensors, config, names.norm_mid.format(index), hidden)
        fused = [rows, kv_rows, kv_rows] if len(names.qkv) == 3 else [rows + 2 * kv_rows]
        qkv = [name.format(index) for name in names.qkv]
        self._qkv = build.linear(*_fused(tensors, qkv, fused, hidden, config.has_qkv_bias))
        out = [names.out.format(index)]
        self._out = build.linear(*_fused(tensors, out, [hidden], rows, config.has_out_bias))
        up = [name.format(index) for name in names.up]
        ups = [middle] * len(up)
        self._up = build.linear(*_fused(tensors, up, ups, hidden, config.has_mlp_bias))
        down = [names.down.format(index)]
        self._down = build.linear(*_fused(tensors, down, [hidden], middle, config.has_mlp_bias))
        self._head_norms: HeadNorms | None = None
        if config.has_qk_norm:
            weights = (names.q_norm.format(index), names.k_norm.format(index))
            query, key = (tensors.take(name + ".weight", width) for name in weights)
            self._head_norms = HeadNorms(query, key, config.norm_eps)

    def attend(
        self,
        x: torch.Tensor,  # [T, W]
        angles: Angles | None,
        layer_cache: torch.Tensor,  # [2, N, S, G, D]
        inputs: DecoderInputs,
    ) -> torch.Tensor:  # [T, W]
        config = self._config
        total = config.num_heads + 2 * config.num_kv_heads
        qkv = self._qkv(x).view(x.shape[0], total, config.head_dim)
        heads = Heads(config.num_heads, angles, self._head_norms)
        query = rotate_and_store(qkv, heads, layer_cache, inputs.slot_mapping)
        attended = paged_attention(
            query, layer_cache, inputs.attention, config.attention_scale, self._window
        )
        return self._build.summed(self._out(attended.flatten(1)))

    def feed(self, x: torch.Tensor) -> torch.Tensor:  # [T, W] -> [T, W]
        middle = self._up(x)
        if self._config.mlp != "swiglu":
            return self._build.summed(self._down(functional.gelu(middle, approximate="tanh")))
        return self._build.summed(self._down(swiglu(middle)))


def _fused(
    tensors: Tensors, names: list[str], rows: list[int], width: int, has_bias: bool
) -> tuple[torch.Tensor, torch.Tensor | None]:
    """Weight and bias of one product for several that read the same input."""
    pairs = list(zip(names, rows, strict=True))
    weight = torch.cat([tensors.take(name + ".weight", count, width) for name, count in pairs])
    if not has_bias:
        return weight, None
    return weight, torch.cat([tensors.take(name + ".bias", count) for name, count in pairs])


def _norm(tensors: Tensors, config: DecoderConfig, name: str, width: int) -> RMSNorm | LayerNorm:
    weight = tensors.take(name + ".weight", width)
    if config.norm == "rms":
        return RMSNorm(weight, config.norm_eps)
    return LayerNorm(weight, tensors.take(name + ".bias", width), config.norm_eps)


def _times(x: torch.Tensor, factor: float) -> torch.Tensor:
    return x if factor == 1.0 else x * factor
