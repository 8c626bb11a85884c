"""The best tokens of a vocabulary head in one call (heads.cpp), for drafts."""

import ctypes
import weakref

import torch

from kernels.native.attention import NativeKernels
from kernels.native.decoder import INT8, Packer, linear_data

_pointer, _integer = ctypes.c_void_p, ctypes.c_int64


class NativeHead:
    """x @ weight.T with weights rounded to int8, of which the best outputs are told."""

    def __init__(
        self,
        kernels: NativeKernels,
        weight: torch.Tensor,  # [V, W], W even
    ) -> None:
        library = kernels.library
        self._packed = Packer(kernels, INT8, torch.float32).pack(weight)
        self._best = library.head_best
        self._best.argtypes = [*[_pointer] * 2, *[_integer] * 2, *[_pointer] * 3]
        self._best.restype = None
        library.head_new.argtypes, library.head_new.restype = [_pointer, ctypes.c_int], _pointer
        library.head_delete.argtypes, library.head_delete.restype = [_pointer], None
        data = linear_data(self._packed)
        self._handle = library.head_new(ctypes.byref(data), kernels.num_threads)
        weakref.finalize(self, library.head_delete, self._handle)

    def best(
        self,
        x: torch.Tensor,  # [R, W] float32, contiguous
        num_best: int,
    ) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
        """Ids [R, k] and values [R, k], best first, and the log of the sum of exp of all [R]."""
        assert x.is_contiguous() and x.dtype == torch.float32
        assert num_best <= self._packed.outputs
        rows = x.shape[0]
        ids = torch.empty(rows, num_best, dtype=torch.long)
        values, log_sums = x.new_empty(rows, num_best), x.new_empty(rows)
        self._best(
            self._handle, x.data_ptr(), rows, num_best,
            values.data_ptr(), ids.data_ptr(), log_sums.data_ptr(),
        )  # fmt: skip
        return ids, values, log_sums
