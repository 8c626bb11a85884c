"""Attention over the paged cache in torch, where there is neither a GPU nor the C++ kernel.

Short query runs are padded into one call of torch's fused attention, the heads of a group folded
into its rows; long runs (prefill chunks) take a call each.
"""

import torch
from torch.nn.functional import scaled_dot_product_attention

from kernels import reference
from kernels.attention_plan import Padded, Run
from kernels.packed_rows import as_stored
from kernels.reference import is_packed


def attend_short(
    query: torch.Tensor,
    cache: torch.Tensor,
    padded: Padded,
    scale: float,
    window: int | None,
    output: torch.Tensor,
) -> None:
    num_heads, width = query.shape[1:]
    num_groups = cache.shape[3]
    b, q = padded.blocks.shape[0], padded.num_rows
    fold = num_heads // num_groups
    keys_values = _gather(cache, padded.blocks.flatten(), query.dtype).view(
        2, b, -1, num_groups, width
    )
    keys_values = keys_values.transpose(2, 3)  # [2, b, G, m * S, D]
    rows = query[padded.row_index].view(b, q, num_groups, fold, width)
    rows = rows.permute(0, 2, 3, 1, 4).reshape(b, num_groups, fold * q, width)
    mask = padded.mask
    if window is not None:
        first_seen = padded.positions[:, None, None, :, None] - window + 1
        mask = mask & (torch.arange(mask.shape[-1]) >= first_seen)
    mask = mask.expand(b, 1, fold, q, -1).reshape(b, 1, fold * q, -1)
    attended = scaled_dot_product_attention(
        rows, keys_values[0], keys_values[1], attn_mask=mask, scale=scale
    )
    attended = attended.view(b, num_groups, fold, q, width).permute(0, 3, 1, 2, 4)
    attended = attended.reshape(b * q, num_heads, width)
    if padded.rows.numel() == b * q:
        output.index_copy_(0, padded.rows, attended)
    else:
        output.index_copy_(0, padded.rows, attended[padded.is_row])


def attend_long(
    query: torch.Tensor,
    cache: torch.Tensor,
    run: Run,
    scale: float,
    window: int | None,
    output: torch.Tensor,
) -> None:
    keys_values = _gather(cache, run.blocks, query.dtype).flatten(1, 2)[:, : run.context]
    keys_values = keys_values.transpose(1, 2)
    mask = run.mask
    if window is not None:
        position = torch.arange(run.context)
        mask = mask & (position > position[run.first - run.last :, None] - window)
    attended = scaled_dot_product_attention(
        query[run.first : run.last].transpose(0, 1)[None],
        keys_values[0][None],
        keys_values[1][None],
        attn_mask=mask,
        scale=scale,
        enable_gqa=True,
    )
    output[run.first : run.last] = attended[0].transpose(0, 1)


def _gather(
    cache: torch.Tensor, blocks: torch.Tensor, dtype: torch.dtype
) -> torch.Tensor:  # [2, m, S, G, D]
    # index_select copies whole blocks; indexing by a tensor goes by element, 5 times slower.
    num_blocks = cache.shape[1]
    rows = torch.cat([blocks, blocks + num_blocks])
    stored = as_stored(cache).flatten(0, 1).flatten(1)
    read = stored.index_select(0, rows).view(2, -1, *cache.shape[2:])
    return reference.unpack_rows(read.view(cache.dtype), dtype) if is_packed(cache) else read
