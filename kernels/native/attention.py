"""`reference.paged_attention` in C++, for contiguous CPU tensors."""

import ctypes
from pathlib import Path
from typing import Any

import torch

TYPES = {torch.float32: 0, torch.bfloat16: 1, torch.float64: 2}

_pointer, _integer = ctypes.c_void_p, ctypes.c_int64
_SIGNATURE: Any = [
    *(ctypes.c_int, *[_pointer] * 8),
    *([_integer] * 7),
    *(ctypes.c_double, ctypes.c_int),
]


def suits(query: torch.Tensor) -> bool:
    """Whether the attention kernel takes these heads: contiguous, of a dtype and width it knows."""
    return query.dtype in TYPES and query.shape[2] % 16 == 0 and query.is_contiguous()


class NativeKernels:
    """The functions of one built library."""

    def __init__(self, path: Path, num_threads: int) -> None:
        """Load a library that `build` has made.

        So many threads share a decoder's, a head's, an MLP's or a draw's work where that is
        worth it; attention alone takes as many as torch has at the call.

        Raises:
            OSError, AttributeError: it cannot be loaded, or is not ours.
        """
        self.library = ctypes.CDLL(str(path))
        self.num_threads = num_threads
        """Not what torch has at some moment: that changes with the size of a step."""
        self._attention = self.library.paged_attention
        self._attention.argtypes, self._attention.restype = _SIGNATURE, None

    def paged_attention(
        self,
        query: torch.Tensor,  # [T, H, D]
        cache: torch.Tensor,  # [2, N, S, G, D]
        block_tables: torch.Tensor,  # [B, M] int64
        query_starts: torch.Tensor,  # [B + 1] int64
        context_lens: torch.Tensor,  # [B] int64
        members: torch.Tensor,  # int64, the sequences to attend for
        scale: float,
        ancestors: torch.Tensor | None,  # [T] int64
        output: torch.Tensor,  # [T, H, D], the members' rows are written
    ) -> None:
        """`reference.paged_attention` for some of the sequences; D is a multiple of 16."""
        assert query.is_contiguous() and cache.is_contiguous() and output.is_contiguous()
        assert query.shape[2] % 16 == 0, f"head width {query.shape[2]}"
        _, num_blocks, block_size, groups, width = cache.shape
        self._attention(
            TYPES[query.dtype],
            query.data_ptr(),
            cache.data_ptr(),
            block_tables.data_ptr(),
            query_starts.data_ptr(),
            context_lens.data_ptr(),
            None if ancestors is None else ancestors.data_ptr(),
            output.data_ptr(),
            members.data_ptr(),
            members.shape[0],
            block_tables.shape[1],
            num_blocks,
            block_size,
            query.shape[1],
            groups,
            width,
            scale,
            torch.get_num_threads(),
        )
