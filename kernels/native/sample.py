"""Drawing tokens in one call (draw.h); its truth is inference/sampling.py."""

import ctypes
from collections.abc import Sequence
from dataclasses import dataclass

import torch

from kernels.native.attention import NativeKernels

_FLOATS = (torch.float32, torch.float64)
WHY = {1: "every token is excluded", 2: "the probabilities are not numbers"}
"""What a status says."""
_pointer, _integer, _real = ctypes.c_void_p, ctypes.c_int64, ctypes.c_double


class RowData(ctypes.Structure):
    """A `DrawRow` as draw.h has it."""

    _fields_ = (
        *((name, _real) for name in ("temperature", "top_p", "min_p")),
        ("top_k", _integer),
        *((name, ctypes.c_uint64) for name in ("seed", "position")),
    )


@dataclass(frozen=True)
class DrawRow:
    """How one row is drawn; 1, 0 and 0 turn top_p, min_p and top_k off."""

    temperature: float
    top_p: float
    min_p: float
    top_k: int
    seed: int
    position: int


def suits(logits: torch.Tensor) -> bool:
    """Whether `draw` reads these logits."""
    return logits.dtype in _FLOATS and logits.is_cpu and logits.stride(-1) == 1


def best(
    kernels: NativeKernels,
    logits: torch.Tensor,  # [R, V], rows may lie apart
) -> list[int]:
    """The likeliest token of every row, the first of equals; NaN counts most."""
    function = kernels.library.best_tokens
    function.argtypes = [ctypes.c_int, _pointer, *[_integer] * 3, _pointer]
    num_rows, width = logits.shape
    tokens = (_integer * num_rows)()
    function(
        logits.dtype == torch.float64, logits.data_ptr(), logits.stride(0), width, num_rows, tokens
    )
    return list(tokens)


def draw(
    kernels: NativeKernels,
    logits: torch.Tensor,  # [R, V], rows may lie apart
    rows: Sequence[DrawRow],  # R
) -> list[int]:
    """The token of every row.

    Raises:
        ValueError: a row has no possible token.
    """
    function = kernels.library.draw_tokens
    function.argtypes = [ctypes.c_int, _pointer, *[_integer] * 3, *[_pointer] * 2, ctypes.c_int]
    data = row_data(rows)
    tokens = (_integer * len(rows))()
    status = function(
        logits.dtype == torch.float64, logits.data_ptr(), logits.stride(0), logits.shape[1],
        len(rows), data, tokens, kernels.num_threads,
    )  # fmt: skip
    if status:
        raise ValueError(WHY[status])
    return list(tokens)


def row_data(rows: Sequence[DrawRow]) -> ctypes.Array[RowData]:
    """The same as the library reads it."""
    return (RowData * len(rows))(*map(_row_data, rows))


def _row_data(row: DrawRow) -> RowData:
    return RowData(row.temperature, row.top_p, row.min_p, row.top_k, row.seed % 2**64, row.position)
