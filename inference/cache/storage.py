"""The tensors behind the blocks."""

import torch

from inference.model.config import ModelConfig


def allocate_cache(
    config: ModelConfig, num_blocks: int, block_size: int, dtype: torch.dtype, device: torch.device
) -> torch.Tensor:  # [L, 2, N, S, G, D]
    """Keys and values of every layer and block, zeroed.

    Attention reads masked slots and multiplies them by an exact 0, which only finite numbers
    survive.
    """
    shape = (config.num_layers, 2, num_blocks, block_size, config.num_kv_heads, config.head_dim)
    return torch.zeros(shape, dtype=dtype, device=device)


def bytes_per_block(config: ModelConfig, block_size: int, dtype: torch.dtype) -> int:
    """Memory of one block over all layers, in bytes."""
    elements = config.num_layers * 2 * block_size * config.num_kv_heads * config.head_dim
    return elements * dtype.itemsize
