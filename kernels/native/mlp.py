"""A whole proposal of IBM's MLP speculator in one call (mlp.cpp).

Its truth is `inference/speculation/mlp_model.py` and the expansion around it in torch.
"""

import ctypes
import weakref
from collections.abc import Sequence
from dataclasses import dataclass

import torch

from kernels.native.attention import NativeKernels
from kernels.native.decoder import INT8, Packer, linear_data

DraftTree = tuple[tuple[int, ...], tuple[int, ...], tuple[float, ...]]
"""Token ids, parents and probabilities behind them of a request's nodes, parents first."""

_pointer, _integer, _real = ctypes.c_void_p, ctypes.c_int64, ctypes.c_double


class _StageData(ctypes.Structure):
    _fields_ = (
        ("embedding", _pointer),
        ("project", _pointer),
        ("head", _pointer),
        ("scale", _pointer),
        ("shift", _pointer),
        ("width", _integer),
    )


class _MlpData(ctypes.Structure):
    _fields_ = (
        ("stages", ctypes.POINTER(_StageData)),
        ("token_ids", _pointer),
        *(
            (name, _integer)
            for name in (
                "num_stages",
                "hidden",
                "inner",
                "num_branches",
                "num_candidates",
                "is_scaled",
            )
        ),
        *((name, _real) for name in ("state_weight", "token_weight", "least_survival")),
    )


class _DraftData(ctypes.Structure):
    _fields_ = (
        *((name, _pointer) for name in ("hidden", "last_ids", "rooms")),
        *((name, _integer) for name in ("num_requests", "depth", "most_nodes")),
        *((name, _pointer) for name in ("counts", "ids", "parents", "scores")),
    )


@dataclass(frozen=True)
class MlpShape:
    """What the weights do not tell."""

    widths: tuple[int, ...]
    """Guesses a branch, stage by stage."""
    num_branches: int
    """Branches of a request that live on behind a stage."""
    num_candidates: int
    """Those that do behind the last one."""
    is_scaled: bool
    """Whether the first state is normalised and halved in power."""
    state_weight: float
    token_weight: float
    least_survival: float = 0.0
    """A path less likely than that grows no further."""


@dataclass(frozen=True)
class MlpStageWeights:
    """One stage; tied stages hold the same tensors."""

    embedding: torch.Tensor  # [V, I]
    project: torch.Tensor  # [I, W] or [I, I]
    head: torch.Tensor  # [V, I], or [K, I] of some tokens
    scale: torch.Tensor  # [I]
    shift: torch.Tensor  # [I]


def suits(weights: Sequence[MlpStageWeights]) -> bool:
    """Whether products take these widths: even, as weights are packed in twos."""
    return all(one.project.shape[1] % 2 == 0 and one.head.shape[1] % 2 == 0 for one in weights)


class NativeMlp:
    """Packed weights and the threads that run them."""

    def __init__(
        self,
        kernels: NativeKernels,
        weights: Sequence[MlpStageWeights],
        shape: MlpShape,
        dtype: torch.dtype,
        token_ids: torch.Tensor | None = None,  # [K] int64, what the rows of heads stand for
    ) -> None:
        """Keep projections and embeddings in `dtype`, float32 or bfloat16, and heads in int8."""
        library = kernels.library
        self._kind = {torch.float32: 0, torch.bfloat16: 1}[dtype]
        self._depth, self._shape = len(weights), shape
        self._laid = _Laid(kernels, dtype)
        self._stages = (_StageData * len(weights))(
            *map(self._laid.stage, weights, shape.widths[: len(weights)])
        )
        inner, hidden = weights[0].project.shape
        self._token_ids = token_ids
        data = _MlpData(
            stages=self._stages,
            token_ids=None if token_ids is None else token_ids.data_ptr(),
            num_stages=len(weights),
            hidden=hidden,
            inner=inner,
            num_branches=shape.num_branches,
            num_candidates=shape.num_candidates,
            is_scaled=int(shape.is_scaled),
            state_weight=shape.state_weight,
            token_weight=shape.token_weight,
            least_survival=shape.least_survival,
        )
        library.mlp_new.argtypes = [ctypes.c_int, _pointer, ctypes.c_int]
        library.mlp_new.restype = _pointer
        library.mlp_delete.argtypes, library.mlp_delete.restype = [ctypes.c_int, _pointer], None
        self._propose = library.mlp_propose
        self._propose.argtypes, self._propose.restype = [ctypes.c_int, _pointer, _pointer], None
        self._handle = library.mlp_new(self._kind, ctypes.byref(data), kernels.num_threads)
        weakref.finalize(self, library.mlp_delete, self._kind, self._handle)

    def propose(
        self,
        hidden: torch.Tensor,  # [B, W] float32, contiguous
        last_ids: Sequence[int],  # B
        rooms: Sequence[int],  # B, most nodes of each tree
    ) -> list[DraftTree]:
        """The trees of the likeliest candidates behind the requests' last tokens."""
        assert hidden.is_contiguous() and hidden.dtype == torch.float32
        num_requests, depth = len(rooms), min(self._depth, max(rooms))
        branches = (depth - 1) * self._shape.num_branches + self._shape.num_candidates
        most = min(max(rooms), branches)
        known = torch.tensor([last_ids, rooms])
        counts = torch.empty(num_requests, dtype=torch.long)
        nodes = torch.empty(2, num_requests, most, dtype=torch.long)
        scores = torch.empty(num_requests, most, dtype=torch.float64)
        drafts = _DraftData(
            hidden=hidden.data_ptr(),
            last_ids=known[0].data_ptr(),
            rooms=known[1].data_ptr(),
            num_requests=num_requests,
            depth=depth,
            most_nodes=most,
            counts=counts.data_ptr(),
            ids=nodes[0].data_ptr(),
            parents=nodes[1].data_ptr(),
            scores=scores.data_ptr(),
        )
        self._propose(self._kind, self._handle, ctypes.byref(drafts))
        rows = zip(counts.tolist(), *nodes.tolist(), scores.tolist(), strict=True)
        return [
            (tuple(ids[:num]), tuple(parents[:num]), tuple(own[:num]))
            for num, ids, parents, own in rows
        ]


class _Laid:
    """What the library holds addresses into; what stages share is laid out once."""

    def __init__(self, kernels: NativeKernels, dtype: torch.dtype) -> None:
        self._dtype = dtype
        self._exact = Packer(kernels, dtype, dtype)
        self._rounded = Packer(kernels, INT8, torch.float32)
        self._kept: list[object] = []
        self._addresses: dict[int, int] = {}

    def stage(self, weights: MlpStageWeights, width: int) -> _StageData:
        return _StageData(
            embedding=self._plain(weights.embedding, self._dtype),
            project=self._packed(weights.project, self._exact),
            head=self._packed(weights.head, self._rounded),
            scale=self._plain(weights.scale, torch.float32),
            shift=self._plain(weights.shift, torch.float32),
            width=min(width, weights.head.shape[0]),
        )

    def _plain(self, tensor: torch.Tensor, dtype: torch.dtype) -> int:
        if id(tensor) not in self._addresses:
            laid = tensor.to(dtype).contiguous()
            self._kept.append(laid)
            self._addresses[id(tensor)] = laid.data_ptr()
        return self._addresses[id(tensor)]

    def _packed(self, tensor: torch.Tensor, packer: Packer) -> int:
        if id(tensor) not in self._addresses:
            packed = packer.pack(tensor)
            data = linear_data(packed)
            self._kept += [packed, data]
            self._addresses[id(tensor)] = ctypes.addressof(data)
        return self._addresses[id(tensor)]
