"""Our decoder on the CPU in one C++ call a step, from the same checkpoint.

It takes the place of the decoder in torch once the kernels are built. Every row's result is a sum
in one fixed order, so it does not depend on the batch it was computed in.
"""

from pathlib import Path

import torch
from torch.nn import functional

from inference.model.config import DecoderConfig
from inference.model.decoder import IGNORED_TENSORS, DecoderInputs
from inference.model.families import WeightNames
from inference.model.rope import RotaryTable
from inference.model.weights import Tensors
from kernels.native.attention import NativeKernels
from kernels.native.decoder import (
    DecoderShape,
    NativeDecoder,
    Packed,
    PackedLayer,
    Packer,
    StepRows,
)
from kernels.native.rounds import Decoded, Rounds

CPU = torch.device("cpu")
LANES = 16
"""A head's width must be a multiple of the widest vector."""


def suits(config: DecoderConfig) -> bool:
    """Whether the C++ decoder has all that this model needs."""
    return (
        config.rope is not None
        and config.norm == "rms"
        and config.mlp == "swiglu"
        and config.head_dim % LANES == 0
        and config.hidden_size % 2 == 0
        and config.intermediate_size % 2 == 0
    )


class NativeModel:
    """A LanguageModel over `NativeDecoder`; hidden states are float32 unless it runs in float64."""

    def __init__(
        self,
        folder: Path,
        config: DecoderConfig,
        names: WeightNames,
        kernels: NativeKernels,
        weights: torch.dtype,
        cache: torch.dtype,
    ) -> None:
        """Pack the weights of a checkpoint that `suits`.

        Raises:
            ModelLoadError: as loading it in torch.
        """
        assert config.rope is not None, "a learned table of positions"
        self.config = config
        self._packer = Packer(kernels, weights, cache)
        self._wide = self._packer.activations
        self._tensors = Tensors(folder, self._wide, CPU)
        self._names = names
        self._rotary = RotaryTable(config.rope, self._wide, CPU)
        embedding = self._tensors.take(
            names.embedding + ".weight", config.vocab_size, config.hidden_size
        )
        self._embedding = embedding.to(self._packer.embedding).contiguous()
        layers = [self._layer(index) for index in range(config.num_layers)]
        norm = self._tensors.take(names.norm + ".weight", config.hidden_size)
        if config.tie_word_embeddings:
            head = embedding
            self._tensors.close((*IGNORED_TENSORS, names.head + ".weight"))
        else:
            head = self._tensors.take(names.head + ".weight", config.vocab_size, config.hidden_size)
            self._tensors.close(IGNORED_TENSORS)
        packed_head = self._packer.pack(head)
        self._decoder = NativeDecoder(
            self._packer, _shape(config), self._embedding, layers, norm, packed_head
        )

    def forward(
        self,
        inputs: DecoderInputs,
        cache: torch.Tensor,  # [L, 2, N, S, G, D or packed], written in place at the slot mapping
    ) -> torch.Tensor:  # [T, W]
        """Run all rows through all layers; hidden states after the final norm."""
        hidden, _ = self._run(inputs, cache, ())
        return hidden

    def forward_with_aux(
        self,
        inputs: DecoderInputs,
        cache: torch.Tensor,  # as `forward`
        layers: tuple[int, ...],
    ) -> tuple[torch.Tensor, torch.Tensor]:  # [T, W], [T, len(layers) * W]
        """As `forward`, and beside it the residual stream behind these layers, in this order."""
        hidden, aux = self._run(inputs, cache, layers)
        assert aux is not None
        return hidden, aux

    def embed(self, token_ids: torch.Tensor) -> torch.Tensor:  # [T] int64 -> [T, W]
        """Rows of the embedding as the checkpoint has them, unscaled."""
        return functional.embedding(token_ids, self._embedding)

    def _run(
        self, inputs: DecoderInputs, cache: torch.Tensor, aux_layers: tuple[int, ...]
    ) -> tuple[torch.Tensor, torch.Tensor | None]:
        self._rotary.cover(inputs.attention.longest)
        table = self._rotary
        return self._decoder.forward(_rows(inputs), table.cos, table.sin, cache, aux_layers)

    def decode(
        self,
        inputs: DecoderInputs,  # one row a sequence, with the blocks of all rounds
        cache: torch.Tensor,  # as `forward`
        rounds: Rounds,
        layers: tuple[int, ...] = (),
    ) -> Decoded:
        """A few tokens of every sequence in one call: those of one `forward` after the other.

        Raises:
            ValueError: a row of the first round has no possible token.
        """
        table = self._rotary
        table.cover(inputs.attention.longest + rounds.most - 1)
        return self._decoder.decode(_rows(inputs), rounds, table.cos, table.sin, cache, layers)

    def logits(self, hidden: torch.Tensor) -> torch.Tensor:  # [R, W] -> [R, V]
        """Logits of the rows asked for, in the dtype of the activations."""
        return self._decoder.logits(hidden.to(self._wide).contiguous())

    def _layer(self, index: int) -> PackedLayer:
        config, names, take = self.config, self._names, self._tensors.take
        hidden, width, middle = config.hidden_size, config.head_dim, config.intermediate_size
        heads, groups = config.num_heads * width, config.num_kv_heads * width
        gate, up = (take(n.format(index) + ".weight", middle, hidden) for n in names.up)
        biases = None
        if config.has_mlp_bias:
            gate_bias, up_bias = (take(n.format(index) + ".bias", middle) for n in names.up)
            biases = gate_bias, up_bias
        return PackedLayer(
            qkv=self._product(
                names.qkv, index, [heads, groups, groups], hidden, config.has_qkv_bias
            ),
            out=self._product((names.out,), index, [hidden], heads, config.has_out_bias),
            gate_up=self._packer.pack_gate_up(gate, up, biases),
            down=self._product((names.down,), index, [hidden], middle, config.has_mlp_bias),
            norm_in=take(names.norm_in.format(index) + ".weight", hidden),
            norm_mid=take(names.norm_mid.format(index) + ".weight", hidden),
            query_norm=self._head_norm(names.q_norm, index),
            key_norm=self._head_norm(names.k_norm, index),
            window=config.windows[index],
        )

    def _product(
        self, names: tuple[str, ...], index: int, rows: list[int], width: int, has_bias: bool
    ) -> Packed:
        take = self._tensors.take
        pairs = [(name.format(index), count) for name, count in zip(names, rows, strict=True)]
        weight = torch.cat([take(name + ".weight", count, width) for name, count in pairs])
        if not has_bias:
            return self._packer.pack(weight)
        return self._packer.pack(
            weight, torch.cat([take(name + ".bias", count) for name, count in pairs])
        )

    def _head_norm(self, name: str, index: int) -> torch.Tensor | None:
        if not self.config.has_qk_norm:
            return None
        return self._tensors.take(name.format(index) + ".weight", self.config.head_dim)


def _rows(inputs: DecoderInputs) -> StepRows:
    plan = inputs.attention
    return StepRows(
        inputs.token_ids,
        inputs.positions,
        inputs.slot_mapping,
        plan.block_tables,
        plan.query_starts,
        plan.context_lens,
        plan.ancestors,
    )


def _shape(config: DecoderConfig) -> DecoderShape:
    return DecoderShape(
        num_heads=config.num_heads,
        num_kv_heads=config.num_kv_heads,
        head_dim=config.head_dim,
        norm_eps=config.norm_eps,
        attention_scale=config.attention_scale,
        embedding_multiplier=config.embedding_multiplier,
        residual_multiplier=config.residual_multiplier,
        logits_divisor=config.logits_divisor,
    )
