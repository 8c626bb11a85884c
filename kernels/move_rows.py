"""Move the keys and values of accepted rows to the slots of their positions.

A tree of drafts is computed in scratch slots; the accepted path then closes up behind the known
tokens. Rows only ever move towards the front, so sources ascend and none is overwritten before it
is read, were they moved one by one in order. The kernel moves a few of one sequence at a time: all
of them are read before any is written, so that it waits for memory once and not for each. Sequences
and layers go side by side, all in one launch.

Cost: memory bound, 4·M·L·G·D elements moved; M is at most the depth of the tree.
"""

import torch
import triton
import triton.language as tl

from kernels.dispatch import runs_triton
from kernels.packed_rows import as_stored

BLOCK = 1024
ROWS = 8
"""Rows on their way at a time."""


def move_rows(
    cache: torch.Tensor,  # [L, 2, N, S, G, D], changed in place
    sources: torch.Tensor,  # [M] int64 slots, or [B, M] by sequence
    targets: torch.Tensor,  # like sources
) -> None:
    """Copy slot `sources[i]` to slot `targets[i]` in every layer, as `reference.move_rows`."""
    op = launch if runs_triton(cache) else _move_on_cpu
    op(cache, sources, targets)


def launch(cache: torch.Tensor, sources: torch.Tensor, targets: torch.Tensor) -> None:
    """Run the Triton kernel; a program moves a piece of all rows of one sequence, in order."""
    assert cache.is_contiguous() and sources.is_contiguous() and targets.is_contiguous()
    if sources.numel() == 0:
        return
    width = cache.shape[4] * cache.shape[5]
    sequences = sources.shape[0] if sources.ndim == 2 else 1
    _kernel[(sequences, cache.shape[0] * 2, triton.cdiv(width, BLOCK))](
        as_stored(cache),
        sources,
        targets,
        sources.shape[-1],
        cache.stride(1),
        width,
        ROWS=ROWS,
        BLOCK=BLOCK,
    )


def _move_on_cpu(cache: torch.Tensor, sources: torch.Tensor, targets: torch.Tensor) -> None:
    # index_select copies whole rows; indexing by a tensor goes by element.
    kept = sources.flatten() >= 0
    sources, targets = sources.flatten()[kept], targets.flatten()[kept]
    stored = as_stored(cache)
    flat = stored.view(cache.shape[0] * 2, cache.shape[2] * cache.shape[3], -1)
    flat.index_copy_(1, targets, flat.index_select(1, sources))


@triton.jit(do_not_specialize=["num_rows"])
def _kernel(
    cache_ptr,
    source_ptr,
    target_ptr,
    num_rows,
    half_stride,
    width,
    ROWS: tl.constexpr,
    BLOCK: tl.constexpr,
):
    first = tl.program_id(0).to(tl.int64) * num_rows
    cache_ptr += tl.program_id(1).to(tl.int64) * half_stride
    lane = tl.program_id(2) * BLOCK + tl.arange(0, BLOCK)
    for start in range(0, num_rows, ROWS):
        row = start + tl.arange(0, ROWS)
        source = tl.load(source_ptr + first + row, mask=row < num_rows, other=-1)
        target = tl.load(target_ptr + first + row, mask=row < num_rows, other=-1)
        inside = (source >= 0)[:, None] & (lane < width)[None, :]
        moved = tl.load(cache_ptr + (source * width)[:, None] + lane[None, :], mask=inside)
        # A target may be a source of these or earlier rows, which other threads may be reading.
        tl.debug_barrier()
        tl.store(cache_ptr + (target * width)[:, None] + lane[None, :], moved, mask=inside)


__all__ = ["launch", "move_rows"]
