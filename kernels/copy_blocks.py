"""Copy whole blocks in every layer, within a pool or from one pool to another, in one launch.

Cost: memory bound, 4·M·L·S·G·D elements moved.
"""

import torch
import triton
import triton.language as tl

from kernels import reference
from kernels.dispatch import runs_triton
from kernels.packed_rows import as_stored

BLOCK = 4096


def copy_blocks(
    cache: torch.Tensor,  # [L, 2, N, S, G, D]
    sources: torch.Tensor,  # [M] int64 block ids of `cache`
    into: torch.Tensor,  # [L, 2, N', S, G, D], written in place; may be `cache`
    targets: torch.Tensor,  # [M] int64 block ids of `into`
) -> None:
    """Copy block `sources[i]` to block `targets[i]`; no target repeats or is a source."""
    op = launch if runs_triton(cache) else reference.copy_blocks
    op(cache, sources, into, targets)


def launch(
    cache: torch.Tensor, sources: torch.Tensor, into: torch.Tensor, targets: torch.Tensor
) -> None:
    """Run the Triton kernel; one program for each piece of each block in each layer."""
    assert cache.is_contiguous() and into.is_contiguous() and cache.dtype == into.dtype
    assert cache.shape[3:] == into.shape[3:], f"blocks {cache.shape[3:]} into {into.shape[3:]}"
    if sources.numel() == 0:
        return
    width = cache.stride(2)
    _kernel[(sources.shape[0], cache.shape[0] * 2, triton.cdiv(width, BLOCK))](
        as_stored(cache),
        as_stored(into),
        sources,
        targets,
        cache.stride(1),
        into.stride(1),
        width,
        BLOCK=BLOCK,
    )


@triton.jit
def _kernel(
    cache_ptr,
    into_ptr,
    source_ptr,
    target_ptr,
    cache_stride,
    into_stride,
    width,
    BLOCK: tl.constexpr,
):
    source = tl.load(source_ptr + tl.program_id(0))
    target = tl.load(target_ptr + tl.program_id(0))
    half = tl.program_id(1).to(tl.int64)  # 64 bits: layers of blocks outgrow 32
    lane = tl.program_id(2) * BLOCK + tl.arange(0, BLOCK)
    inside = lane < width
    copied = tl.load(cache_ptr + half * cache_stride + source * width + lane, mask=inside)
    tl.store(into_ptr + half * into_stride + target * width + lane, copied, mask=inside)


__all__ = ["copy_blocks", "launch"]
