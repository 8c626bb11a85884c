"""Write this step's keys and values into the paged cache.

Cost: memory bound, 4·T·G·D elements moved.
"""

import torch
import triton
import triton.language as tl

from kernels import reference


def store_kv(
    key: torch.Tensor,  # [T, G, D]
    value: torch.Tensor,  # [T, G, D]
    cache: torch.Tensor,  # [2, N, S, G, D], written in place; int8: packed rows
    slot_mapping: torch.Tensor,  # [T] int64, block_id * S + offset; -1 is padding
) -> None:
    """Put token t into slot `slot_mapping[t]`; padding is skipped, slots never repeat."""
    if cache.dtype == torch.int8:
        both = reference.pack_rows(torch.stack([key, value]))
        key, value = both.unbind()
    if key.is_cuda:
        launch(key, value, cache, slot_mapping)
    else:
        _store_on_cpu(key, value, cache, slot_mapping)


def launch(
    key: torch.Tensor, value: torch.Tensor, cache: torch.Tensor, slot_mapping: torch.Tensor
) -> None:
    """Run the Triton kernel; one program a token."""
    assert key.stride(-1) == 1 and value.stride(-1) == 1 and cache.is_contiguous()
    assert key.stride(1) == key.shape[2] and value.stride(1) == value.shape[2]
    width = key.shape[1] * key.shape[2]
    _kernel[(key.shape[0],)](
        key,
        value,
        cache[0],
        cache[1],
        slot_mapping,
        key.stride(0),
        value.stride(0),
        width,
        BLOCK=triton.next_power_of_2(width),
    )


def _store_on_cpu(
    key: torch.Tensor, value: torch.Tensor, cache: torch.Tensor, slot_mapping: torch.Tensor
) -> None:
    # The CPU path never pads, so the masking of the reference (four copies a layer) can be left
    # out.
    assert slot_mapping.numel() == key.shape[0]
    flat = cache.view(2, -1, *cache.shape[3:])
    flat[0].index_copy_(0, slot_mapping, key)
    flat[1].index_copy_(0, slot_mapping, value)


@triton.jit
def _kernel(
    key_ptr,
    value_ptr,
    key_cache_ptr,
    value_cache_ptr,
    slot_ptr,
    key_stride,
    value_stride,
    width,
    BLOCK: tl.constexpr,
):
    token = tl.program_id(0).to(tl.int64)  # 64 bits: slot * width outgrows 32
    slot = tl.load(slot_ptr + token)
    if slot >= 0:
        lane = tl.arange(0, BLOCK)
        inside = lane < width
        key = tl.load(key_ptr + token * key_stride + lane, mask=inside)
        value = tl.load(value_ptr + token * value_stride + lane, mask=inside)
        tl.store(key_cache_ptr + slot * width + lane, key, mask=inside)
        tl.store(value_cache_ptr + slot * width + lane, value, mask=inside)


__all__ = ["launch", "reference", "store_kv"]
