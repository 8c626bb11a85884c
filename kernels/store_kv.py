"""Write this step's keys and values into the paged cache, packing them where it holds packed rows.

Cost: memory bound, 4·T·G·D elements moved.
"""

import torch
import triton
import triton.language as tl

from kernels import reference
from kernels.dispatch import runs_triton
from kernels.packed_rows import as_stored, format_of, scales_of, store_rows


def store_kv(
    key: torch.Tensor,  # [T, G, D]
    value: torch.Tensor,  # [T, G, D]
    cache: torch.Tensor,  # [2, N, S, G, D], written in place; a packed type: packed rows
    slot_mapping: torch.Tensor,  # [T] int64, block_id * S + offset; -1 is padding
) -> None:
    """Put token t into slot `slot_mapping[t]`; padding is skipped, slots never repeat."""
    op = launch if runs_triton(key) else _store_on_cpu
    op(key, value, cache, slot_mapping)


def launch(
    key: torch.Tensor, value: torch.Tensor, cache: torch.Tensor, slot_mapping: torch.Tensor
) -> None:
    """Run the Triton kernel; one program for a token's keys, one for its values."""
    num_tokens, groups, width = key.shape
    assert key.stride(-1) == 1 and value.stride(-1) == 1 and cache.is_contiguous()
    assert key.stride(1) == width and value.stride(1) == width
    stored = as_stored(cache)
    _kernel[(num_tokens, 2)](
        key,
        value,
        stored[0],
        stored[1],
        scales_of(stored[0]),
        scales_of(stored[1]),
        slot_mapping,
        key.stride(0),
        value.stride(0),
        GROUPS=groups,
        GROUPS_PADDED=triton.next_power_of_2(groups),
        WIDTH=width,
        PADDED=triton.next_power_of_2(width),
        ROW=cache.shape[-1],
        FORMAT=format_of(cache),
    )


def _store_on_cpu(
    key: torch.Tensor, value: torch.Tensor, cache: torch.Tensor, slot_mapping: torch.Tensor
) -> None:
    # The CPU path never pads, so the masking of the reference (four copies a layer) can be left
    # out.
    assert slot_mapping.numel() == key.shape[0]
    if reference.is_packed(cache):
        packed = reference.pack_rows(torch.stack([key, value]), cache.dtype)
        (key, value), cache = packed.view(torch.int8).unbind(), as_stored(cache)
    flat = cache.view(2, -1, *cache.shape[3:])
    flat[0].index_copy_(0, slot_mapping, key)
    flat[1].index_copy_(0, slot_mapping, value)


@triton.jit
def _kernel(
    key_ptr,
    value_ptr,
    key_cache_ptr,
    value_cache_ptr,
    key_scale_ptr,
    value_scale_ptr,
    slot_ptr,
    key_stride,
    value_stride,
    GROUPS: tl.constexpr,
    GROUPS_PADDED: tl.constexpr,
    WIDTH: tl.constexpr,
    PADDED: tl.constexpr,
    ROW: tl.constexpr,
    FORMAT: tl.constexpr,
):
    token = tl.program_id(0).to(tl.int64)  # 64 bits: slot * width outgrows 32
    slot = tl.load(slot_ptr + token)
    if slot < 0:
        return
    group, dim = tl.arange(0, GROUPS_PADDED), tl.arange(0, PADDED)
    is_group = group < GROUPS
    lane = group[:, None] * WIDTH + dim[None, :]
    inside = is_group[:, None] & (dim < WIDTH)[None, :]
    offset = (slot * GROUPS + group) * ROW
    if tl.program_id(1) == 0:
        key = tl.load(key_ptr + token * key_stride + lane, mask=inside, other=0.0)
        store_rows(key, key_cache_ptr, key_scale_ptr, offset, is_group, WIDTH, FORMAT)
    else:
        value = tl.load(value_ptr + token * value_stride + lane, mask=inside, other=0.0)
        store_rows(value, value_cache_ptr, value_scale_ptr, offset, is_group, WIDTH, FORMAT)


__all__ = ["launch", "store_kv"]
