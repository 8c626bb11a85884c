"""The tensors behind the blocks."""

import math
from collections.abc import Sequence
from typing import Final

import torch

from inference.model.config import ModelConfig
from kernels.native.arena import Arena
from kernels.packed_rows import as_stored
from kernels.reference import PACKED_TYPES, SCALE_BYTES, is_packed

LAYOUT: Final = "layer, key or value, block, slot, head, width"
"""The axes of the cache; blocks that were saved under another layout are not read."""


def allocate_cache(
    config: ModelConfig, num_blocks: int, block_size: int, dtype: torch.dtype, device: torch.device
) -> torch.Tensor:  # [L, 2, N, S, G, D]
    """Keys and values of every layer and block, zeroed; in a packed type, rows with their scales.

    Attention reads masked slots and multiplies them by an exact 0, which only finite numbers
    survive.
    """
    width = _row_width(config, dtype)
    shape = (config.num_layers, 2, num_blocks, block_size, config.num_kv_heads, width)
    if device.type == "cpu":
        return Arena().empty(math.prod(shape), dtype).view(shape)
    return torch.zeros(shape, dtype=dtype, device=device)


def bytes_per_block(config: ModelConfig, block_size: int, dtype: torch.dtype) -> int:
    """Memory of one block over all layers, in bytes."""
    rows = config.num_layers * 2 * block_size * config.num_kv_heads
    return rows * _row_width(config, dtype) * dtype.itemsize


def head_width(cache: torch.Tensor) -> int:
    """Elements of a head in a cache [..., D], not counting a packed row's scale."""
    return cache.shape[-1] - (SCALE_BYTES if is_packed(cache) else 0)


def read_blocks(
    cache: torch.Tensor,  # [L, 2, N, S, G, D]
    block_ids: Sequence[int],
) -> torch.Tensor:  # [n, bytes of a block] uint8 on the CPU
    """A copy of these blocks, each in one piece."""
    rows = as_stored(cache)[:, :, torch.tensor(block_ids, device=cache.device)]
    return rows.movedim(2, 0).contiguous().view(len(block_ids), -1).view(torch.uint8).cpu()


def write_blocks(
    cache: torch.Tensor,  # [L, 2, N, S, G, D], written in place
    block_ids: Sequence[int],
    content: torch.Tensor,  # as `read_blocks` gave it
) -> None:
    """Fill these blocks with what was read from others of the same shape."""
    layers, _, _, *slot = cache.shape
    stored = as_stored(cache)
    rows = content.view(stored.dtype).view(len(block_ids), layers, 2, *slot)
    target = torch.tensor(block_ids, device=cache.device)
    stored.index_copy_(2, target, rows.movedim(0, 2).to(cache.device))


def wipe(
    cache: torch.Tensor,  # [L, 2, N, S, G, D], written in place
    block_ids: Sequence[int] = (),
    slots: Sequence[int] = (),
) -> None:
    """Zero whole blocks and single slots."""
    stored = as_stored(cache)
    stored[:, :, list(block_ids)] = 0
    stored.flatten(2, 3)[:, :, list(slots)] = 0


def _row_width(config: ModelConfig, dtype: torch.dtype) -> int:
    return config.head_dim + (SCALE_BYTES if dtype in PACKED_TYPES else 0)
