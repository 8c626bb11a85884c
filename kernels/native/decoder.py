"""A whole forward pass of a Llama-layout decoder in one call (decoder.cpp).

Its truth is the decoder in torch that the same weights make; activations are float32 (float64 for
float64 weights), so bfloat16 weights lose nothing on the way.
"""

import ctypes
import weakref
from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch.nn import functional

from kernels.native.arena import Arena
from kernels.native.attention import NativeKernels
from kernels.native.rounds import Asked, Decoded, Rounds

INT8 = torch.int8
KINDS = {
    (torch.float32, torch.float32): 0,
    (torch.bfloat16, torch.bfloat16): 1,
    (torch.float64, torch.float64): 2,
    (torch.int8, torch.bfloat16): 3,
    (torch.int8, torch.float32): 4,
    (torch.float32, torch.int8): 5,
    (torch.bfloat16, torch.int8): 6,
    (torch.int8, torch.int8): 7,
}
"""Dtypes of weights and cache that the decoder knows."""

_pointer, _integer, _real = ctypes.c_void_p, ctypes.c_int64, ctypes.c_double


class _LinearData(ctypes.Structure):
    _fields_ = (
        *((name, _pointer) for name in ("panels", "scales", "bias")),
        *((name, _integer) for name in ("outputs", "inputs")),
    )


class _LayerData(ctypes.Structure):
    _fields_ = (
        *((name, _LinearData) for name in ("qkv", "out", "gate_up", "down")),
        *((name, _pointer) for name in ("norm_in", "norm_mid", "query_norm", "key_norm")),
        ("window", _integer),
    )


class _DecoderData(ctypes.Structure):
    _fields_ = (
        ("layers", ctypes.POINTER(_LayerData)),
        ("head", _LinearData),
        ("embedding", _pointer),
        ("norm", _pointer),
        *(
            (name, _integer)
            for name in ("num_layers", "hidden", "middle", "heads", "groups", "width")
        ),
        *(
            (name, _real)
            for name in (
                "eps",
                "attention_scale",
                "embedding_multiplier",
                "residual_multiplier",
                "logits_divisor",
            )
        ),
    )


class _StepData(ctypes.Structure):
    _fields_ = (
        *(
            (name, _pointer)
            for name in (
                "token_ids",
                "positions",
                "slots",
                "tables",
                "starts",
                "contexts",
                "ancestors",
                "cos",
                "sin",
                "cache",
                "hidden",
                "aux",
            )
        ),
        *(
            (name, _integer)
            for name in ("num_rows", "num_sequences", "table_width", "num_blocks", "block_size")
        ),
    )


@dataclass(frozen=True)
class DecoderShape:
    """What the weights do not tell."""

    num_heads: int
    num_kv_heads: int
    head_dim: int
    norm_eps: float
    attention_scale: float
    embedding_multiplier: float = 1.0
    residual_multiplier: float = 1.0
    logits_divisor: float = 1.0


@dataclass(frozen=True)
class Packed:
    """A weight as the products read it: panels of outputs, one scale an output for int8."""

    panels: torch.Tensor
    scales: torch.Tensor | None
    bias: torch.Tensor | None
    outputs: int
    inputs: int


@dataclass(frozen=True)
class PackedLayer:
    """One layer; norms are in the dtype of the activations."""

    qkv: Packed
    out: Packed
    gate_up: Packed
    down: Packed
    norm_in: torch.Tensor
    norm_mid: torch.Tensor
    query_norm: torch.Tensor | None
    key_norm: torch.Tensor | None
    window: int | None


@dataclass(frozen=True)
class StepRows:
    """One step's rows; all int64, contiguous, on the CPU."""

    token_ids: torch.Tensor  # [T]
    positions: torch.Tensor  # [T]
    slot_mapping: torch.Tensor  # [T]
    block_tables: torch.Tensor  # [B, M]
    query_starts: torch.Tensor  # [B + 1]
    context_lens: torch.Tensor  # [B]
    ancestors: torch.Tensor | None  # [T]


class Packer:
    """Lays weights out for one kind of decoder."""

    def __init__(self, kernels: NativeKernels, weights: torch.dtype, cache: torch.dtype) -> None:
        self.kernels = kernels
        self.kind = KINDS[weights, cache]
        self.weights, self.cache = weights, cache
        self._arena = Arena()
        self.activations = torch.float64 if weights == torch.float64 else torch.float32
        # int8 is for products only: an embedding is read once a row.
        self.embedding = next((one for one in (weights, cache) if one != INT8), torch.bfloat16)
        library = kernels.library
        library.pair_width.restype = _integer
        self.pair_width = int(library.pair_width(ctypes.c_int(self.kind)))
        library.pack_panels.argtypes = [ctypes.c_int, _pointer, _integer, _integer, _pointer]
        library.pack_panels.restype = None

    def pack(
        self,
        weight: torch.Tensor,  # [outputs, inputs]
        bias: torch.Tensor | None = None,  # [outputs]
    ) -> Packed:
        """One weight; int8 gets the scale of each output's largest absolute value."""
        outputs, inputs = weight.shape
        assert inputs % 2 == 0, f"{inputs} inputs"
        padded = -(-outputs // self.pair_width) * self.pair_width
        scales = None
        if self.weights == INT8:
            largest = weight.float().abs().amax(1).clamp_min(1e-12)
            weight = (weight.float() * (127 / largest)[:, None]).round().to(INT8)
            scales = functional.pad(largest / 127, (0, padded - outputs)).contiguous()
        source = weight.to(self.weights).contiguous()
        panels = self._arena.empty(padded * inputs, self.weights)
        self.kernels.library.pack_panels(
            self.kind, source.data_ptr(), outputs, inputs, panels.data_ptr()
        )
        if bias is not None:
            bias = functional.pad(bias.to(self.activations), (0, padded - outputs)).contiguous()
        return Packed(panels, scales, bias, outputs, inputs)

    def pack_gate_up(
        self,
        gate: torch.Tensor,  # [middle, inputs]
        up: torch.Tensor,  # [middle, inputs]
        biases: tuple[torch.Tensor, torch.Tensor] | None = None,  # [middle] each
    ) -> Packed:
        """Pairs of a panel of gates and a panel of their factors, so that one task has both."""
        return self.pack(
            self._in_turn(gate, up), None if biases is None else self._in_turn(*biases)
        )

    def _in_turn(self, gate: torch.Tensor, up: torch.Tensor) -> torch.Tensor:
        half = self.pair_width // 2
        missing = [0, 0] * (gate.dim() - 1) + [0, -gate.shape[0] % half]
        panels = [functional.pad(one, missing).unflatten(0, (-1, half)) for one in (gate, up)]
        return torch.stack(panels, 1).flatten(0, 2)


@dataclass(frozen=True)
class _States:
    """Where a forward pass leaves what it computes."""

    hidden: torch.Tensor  # [T, W]
    aux: torch.Tensor | None  # [k, T, W]
    targets: ctypes.Array[ctypes.c_void_p]
    """By layer the address of its part of `aux`."""

    def of_rounds(self, done: int, count: int) -> tuple[torch.Tensor, torch.Tensor | None]:
        """Of so many rounds of so many sequences, each sequence's rows behind each other."""
        hidden = self.hidden[: done * count].unflatten(0, (done, count)).transpose(0, 1)
        if self.aux is None:
            return hidden.flatten(0, 1), None
        aux = self.aux[:, : done * count].unflatten(1, (done, count))
        return hidden.flatten(0, 1), aux.permute(2, 1, 0, 3).flatten(2).flatten(0, 1)


class NativeDecoder:
    """Packed weights and the threads that run them."""

    def __init__(
        self,
        packer: Packer,
        shape: DecoderShape,
        embedding: torch.Tensor,  # [V, W] in `Packer.embedding`
        layers: Sequence[PackedLayer],
        norm: torch.Tensor,
        head: Packed,
    ) -> None:
        assert embedding.is_contiguous() and embedding.dtype == packer.embedding
        library, self._kind = packer.kernels.library, packer.kind
        self._activations = packer.activations
        self._vocab_size, self._hidden_size = head.outputs, head.inputs
        self._padded_vocab = -(-head.outputs // packer.pair_width) * packer.pair_width
        self._kept = (
            packer,
            embedding,
            layers,
            norm,
            head,
        )  # the library holds addresses into these
        self._num_layers = len(layers)
        self._layers = (_LayerData * len(layers))(*map(_layer_data, layers))
        data = _DecoderData(
            layers=self._layers,
            head=linear_data(head),
            embedding=embedding.data_ptr(),
            norm=norm.data_ptr(),
            num_layers=len(layers),
            hidden=head.inputs,
            middle=layers[0].down.inputs,
            heads=shape.num_heads,
            groups=shape.num_kv_heads,
            width=shape.head_dim,
            eps=shape.norm_eps,
            attention_scale=shape.attention_scale,
            embedding_multiplier=shape.embedding_multiplier,
            residual_multiplier=shape.residual_multiplier,
            logits_divisor=shape.logits_divisor,
        )
        library.decoder_new.restype = _pointer
        library.decoder_new.argtypes = [ctypes.c_int, _pointer, ctypes.c_int]
        self._forward, self._logits = library.decoder_forward, library.decoder_logits
        self._forward.argtypes, self._forward.restype = [ctypes.c_int, _pointer, _pointer], None
        self._logits.argtypes = [ctypes.c_int, *[_pointer] * 3, _integer]
        self._logits.restype = None
        self._rounds = library.decoder_rounds
        self._rounds.argtypes = [ctypes.c_int, *[_pointer] * 3]
        self._rounds.restype = _integer
        library.decoder_delete.argtypes = [ctypes.c_int, _pointer]
        threads = packer.kernels.num_threads
        self._handle = library.decoder_new(self._kind, ctypes.byref(data), threads)
        weakref.finalize(self, library.decoder_delete, self._kind, self._handle)

    def forward(
        self,
        rows: StepRows,
        cos: torch.Tensor,  # [P, D / 2]
        sin: torch.Tensor,  # [P, D / 2]
        cache: torch.Tensor,  # [L, 2, N, S, G, D], written in place at the slot mapping
        aux_layers: Sequence[int] = (),
    ) -> tuple[torch.Tensor, torch.Tensor | None]:  # [T, W], [T, k * W]
        """Hidden states after the final norm, and the residual stream behind the named layers."""
        states = self._states(rows.token_ids.shape[0], aux_layers)
        step = self._step(rows, cos, sin, cache, states)
        self._forward(self._kind, self._handle, ctypes.byref(step))
        return states.hidden, None if states.aux is None else states.aux.transpose(0, 1).flatten(1)

    def decode(
        self,
        rows: StepRows,  # one a sequence; the tables have the blocks of all rounds
        rounds: Rounds,
        cos: torch.Tensor,  # [P, D / 2]
        sin: torch.Tensor,  # [P, D / 2]
        cache: torch.Tensor,  # [L, 2, N, S, G, D], written in place behind the first rows' slots
        aux_layers: Sequence[int] = (),
    ) -> Decoded:
        """The tokens that one step after the other would draw, at least one of every sequence.

        Raises:
            ValueError: a row of the first round has no possible token.
        """
        count = rows.token_ids.shape[0]
        states = self._states(rounds.most * count, aux_layers)
        step = self._step(rows, cos, sin, cache, states)
        asked = Asked(rounds, count)
        done = int(
            self._rounds(self._kind, self._handle, ctypes.byref(step), ctypes.byref(asked.data))
        )
        token_ids = asked.tokens_of(done)
        return Decoded(token_ids, *states.of_rounds(done, count))

    def _states(self, num_rows: int, aux_layers: Sequence[int]) -> "_States":
        hidden = torch.empty(num_rows, self._hidden_size, dtype=self._activations)
        aux = hidden.new_empty(len(aux_layers), *hidden.shape) if aux_layers else None
        targets = (_pointer * self._num_layers)()
        for place, layer in enumerate(aux_layers):
            assert aux is not None
            targets[layer] = aux[place].data_ptr()
        return _States(hidden, aux, targets)

    def _step(
        self,
        rows: StepRows,
        cos: torch.Tensor,
        sin: torch.Tensor,
        cache: torch.Tensor,
        states: "_States",
    ) -> _StepData:
        assert cache.is_contiguous() and rows.block_tables.is_contiguous()
        ancestors = rows.ancestors
        return _StepData(
            token_ids=rows.token_ids.data_ptr(),
            positions=rows.positions.data_ptr(),
            slots=rows.slot_mapping.data_ptr(),
            tables=rows.block_tables.data_ptr(),
            starts=rows.query_starts.data_ptr(),
            contexts=rows.context_lens.data_ptr(),
            ancestors=None if ancestors is None else ancestors.data_ptr(),
            cos=cos.data_ptr(),
            sin=sin.data_ptr(),
            cache=cache.data_ptr(),
            hidden=states.hidden.data_ptr(),
            aux=None if states.aux is None else ctypes.cast(states.targets, _pointer),
            num_rows=rows.token_ids.shape[0],
            num_sequences=rows.context_lens.shape[0],
            table_width=rows.block_tables.shape[1],
            num_blocks=cache.shape[2],
            block_size=cache.shape[3],
        )

    def logits(self, hidden: torch.Tensor) -> torch.Tensor:  # [R, W] -> [R, V]
        """Logits of these rows in the dtype of the activations."""
        assert hidden.is_contiguous() and hidden.dtype == self._activations
        out = hidden.new_empty(hidden.shape[0], self._padded_vocab)
        self._logits(self._kind, self._handle, hidden.data_ptr(), out.data_ptr(), hidden.shape[0])
        return out[:, : self._vocab_size]


def linear_data(packed: Packed) -> _LinearData:
    return _LinearData(
        panels=packed.panels.data_ptr(),
        scales=_address(packed.scales),
        bias=_address(packed.bias),
        outputs=packed.outputs,
        inputs=packed.inputs,
    )


def _layer_data(layer: PackedLayer) -> _LayerData:
    return _LayerData(
        qkv=linear_data(layer.qkv),
        out=linear_data(layer.out),
        gate_up=linear_data(layer.gate_up),
        down=linear_data(layer.down),
        norm_in=layer.norm_in.data_ptr(),
        norm_mid=layer.norm_mid.data_ptr(),
        query_norm=_address(layer.query_norm),
        key_norm=_address(layer.key_norm),
        window=layer.window or 0,
    )


def _address(tensor: torch.Tensor | None) -> int | None:
    return None if tensor is None else tensor.data_ptr()
