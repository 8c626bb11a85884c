"""Attention of ragged rows over the paged cache, on a GPU.

A tile is up to BLOCK_M lanes of one sequence and one key/value head: its rows, each once for every
query head that shares the head. So grouped and multi-query heads fill the tensor cores together
with the rows of a tree, and the keys and values of a context are read once for all of them. What
outgrows a tile lies in the next ones, which run beside it and find the keys in the second-level
cache. Prefill, decode and trees differ in nothing but the number of lanes.

Where tiles are too few to fill the GPU, each context is cut into parts. Every part leaves its sums
and its greatest score, in float32, and a second kernel joins them in the order of the parts. The
number of parts depends on the shape of the launch alone, not on the contexts, so that a captured
graph stays right; a part's length is worked out on the GPU.

FlashAttention-2 (arXiv 2307.08691) for the running softmax; split as Flash-Decoding.

Cost: a decode reads 2·context·G·D elements a sequence, and is bound by that.
"""

import torch
import triton
import triton.language as tl

from kernels import attention_join
from kernels.attention_plan import AttentionPlan
from kernels.attention_shapes import Scores, Tile, pick_splits, pick_tile
from kernels.packed_rows import as_stored, format_of, scales_of, unpack, unpacked_scale
from kernels.reference import MASK_ROWS, SCALE_BYTES, is_packed


def launch(
    query: torch.Tensor,  # [T, H, D], heads side by side
    cache: torch.Tensor,  # [2, N, S, G, D]; a packed type: packed rows
    plan: AttentionPlan,
    scores: Scores,
    num_splits: int | None = None,
    tile: Tile | None = None,
) -> torch.Tensor:  # [T, H, D]; rows that no sequence has stay unwritten
    """Run the kernel, and the second one if contexts are split; waits for nothing."""
    num_rows, num_heads, width = query.shape
    packed, groups = SCALE_BYTES * is_packed(cache), cache.shape[3]
    assert cache.shape[4] == width + packed, f"{cache.shape[4]} elements a row, {width} wide"
    assert query.stride(2) == 1 and query.stride(1) == width and cache[0].is_contiguous()
    fold, on_device = num_heads // groups, plan.tables_on(query.device)
    num_sequences = on_device.context_lens.shape[0]
    tile = tile or pick_tile(plan.most_rows * fold, width, query.dtype, packed > 0)
    tiles = num_rows * fold // tile.lanes + num_sequences
    num_splits = num_splits or pick_splits(tiles * groups, plan.longest, tile.keys, query.device)
    output, precise = torch.empty_like(query), torch.promote_types(query.dtype, torch.float32)
    partial = sums = output
    if num_splits > 1:
        shape = num_splits, num_rows, num_heads
        partial = torch.empty((*shape, width), dtype=precise, device=query.device)
        sums = torch.empty((2, *shape), dtype=precise, device=query.device)
    stored = as_stored(cache)
    key, value = stored[0], stored[1]
    ancestors, sinks = on_device.ancestors, scores.sinks
    _attend[(tiles, groups, num_splits)](
        query,
        key,
        value,
        scales_of(key),
        scales_of(value),
        output,
        partial,
        sums,
        on_device.block_tables,
        on_device.query_starts,
        on_device.context_lens,
        query if ancestors is None else ancestors,
        query if sinks is None else sinks,
        scores.scale,
        scores.softcap or 1.0,
        scores.window or 0,
        num_sequences,
        num_rows,
        query.stride(0),
        on_device.block_tables.stride(0),
        groups * (width + packed),
        FOLD=fold,
        WIDTH=width,
        ROW=width + packed,
        PADDED=max(16, triton.next_power_of_2(width)),
        SLOTS=cache.shape[2],
        BLOCK_M=tile.lanes,
        BLOCK_N=tile.keys,
        CHAIN_ROWS=MASK_ROWS,
        IS_SPLIT=num_splits > 1,
        HAS_TREES=ancestors is not None,
        HAS_WINDOW=scores.window is not None,
        HAS_CAP=scores.softcap is not None,
        HAS_SINKS=sinks is not None,
        FORMAT=format_of(cache),
        num_warps=tile.warps,
        num_stages=tile.stages,
    )
    if num_splits > 1:
        attention_join.launch(partial, sums, output)
    return output


@triton.jit(do_not_specialize=["window", "num_sequences", "num_rows", "table_stride"])
def _attend(
    query_ptr,
    key_ptr,
    value_ptr,
    key_scale_ptr,
    value_scale_ptr,
    output_ptr,
    partial_ptr,
    sums_ptr,
    table_ptr,
    starts_ptr,
    contexts_ptr,
    ancestors_ptr,
    sinks_ptr,
    scale,
    softcap,
    window,
    num_sequences,
    num_rows,
    query_stride,
    table_stride,
    slot_stride,
    FOLD: tl.constexpr,
    WIDTH: tl.constexpr,
    ROW: tl.constexpr,
    PADDED: tl.constexpr,
    SLOTS: tl.constexpr,
    BLOCK_M: tl.constexpr,
    BLOCK_N: tl.constexpr,
    CHAIN_ROWS: tl.constexpr,
    IS_SPLIT: tl.constexpr,
    HAS_TREES: tl.constexpr,
    HAS_WINDOW: tl.constexpr,
    HAS_CAP: tl.constexpr,
    HAS_SINKS: tl.constexpr,
    FORMAT: tl.constexpr,
):
    tile, group, split = tl.program_id(0), tl.program_id(1), tl.program_id(2)
    sequence = _find(starts_ptr, tile, num_sequences, FOLD, BLOCK_M)
    start = tl.load(starts_ptr + sequence)
    count = tl.load(starts_ptr + sequence + 1) - start
    context = tl.load(contexts_ptr + sequence)
    first_lane = (tile - (start * FOLD // BLOCK_M + sequence)) * BLOCK_M
    if first_lane >= count * FOLD:
        return
    lane = first_lane + tl.arange(0, BLOCK_M)
    row, head = lane // FOLD, group * FOLD + lane % FOLD
    is_lane = row < count
    before = context - count
    dim = tl.arange(0, PADDED)
    is_dim = dim < WIDTH
    is_double: tl.constexpr = query_ptr.dtype.element_ty == tl.float64
    precise: tl.constexpr = tl.float64 if is_double else tl.float32

    # What this tile's rows see lies in first..stop; all of them see all of clear_from..clear_to.
    is_tree = (count <= CHAIN_ROWS) if HAS_TREES else (count < 0)
    first_row = first_lane // FOLD
    last_row = tl.minimum(count, (first_lane + BLOCK_M - 1) // FOLD + 1) - 1
    stop = tl.where(is_tree, context, before + last_row + 1)
    clear_to = tl.where(is_tree, before, before + first_row + 1)
    first = 0
    depth = row
    bits = tl.zeros([BLOCK_M], tl.int64)
    if HAS_TREES:
        bits = tl.load(ancestors_ptr + start + row, mask=is_lane, other=0)
        depth = tl.where(is_tree, _count_bits(bits) - 1, row)
    if HAS_WINDOW:
        first = before + tl.where(is_tree, 0, first_row) - window + 1
        first = tl.maximum(first, 0) // BLOCK_N * BLOCK_N
        clear_to = first
    if IS_SPLIT:
        length = tl.cdiv(tl.cdiv(stop - first, tl.num_programs(2)), BLOCK_N) * BLOCK_N
        first = first + split * length
        stop = tl.minimum(stop, first + length)
    clear_to = tl.minimum(clear_to, stop) // BLOCK_N * BLOCK_N
    clear_to = tl.maximum(clear_to, first)

    greatest = tl.full([BLOCK_M], float("-inf"), precise)
    total = tl.zeros([BLOCK_M], precise)
    if HAS_SINKS:  # noqa: SIM102  # known at compile time, unlike the other
        if split == 0:
            sink = tl.load(sinks_ptr + head, mask=is_lane, other=0.0).to(precise)
            greatest = sink * 1.4426950408889634
            total = tl.full([BLOCK_M], 1.0, precise)
    sums = tl.zeros([BLOCK_M, PADDED], precise)
    place = (start + row).to(tl.int64)
    query = tl.load(
        query_ptr + (place * query_stride + head * WIDTH)[:, None] + dim[None, :],
        mask=is_lane[:, None] & is_dim[None, :],
        other=0.0,
    )
    table_ptr += sequence.to(tl.int64) * table_stride
    group_offset = group * ROW

    # Ids of blocks are read a turn ahead: were keys to wait for them in their own turn, there would
    # be no loads to run beside the products.
    block = _blocks(table_ptr, first, stop, SLOTS, BLOCK_N)
    for at in range(first, clear_to, BLOCK_N):
        position = at + tl.arange(0, BLOCK_N)
        key, value, key_scale, value_scale = _read(
            key_ptr, value_ptr, key_scale_ptr, value_scale_ptr, block, position, stop,
            slot_stride, group_offset, query_ptr.dtype.element_ty,
            WIDTH, PADDED, SLOTS, FORMAT, False,
        )  # fmt: skip
        block = _blocks(table_ptr, at + BLOCK_N, stop, SLOTS, BLOCK_N)
        score = _score(query, key, key_scale, scale, softcap, precise, HAS_CAP, FORMAT)
        greatest, total, sums = _take(
            greatest, total, sums, score, value, value_scale, precise, FORMAT
        )
    for at in range(clear_to, stop, BLOCK_N):
        position = at + tl.arange(0, BLOCK_N)
        key, value, key_scale, value_scale = _read(
            key_ptr, value_ptr, key_scale_ptr, value_scale_ptr, block, position, stop,
            slot_stride, group_offset, query_ptr.dtype.element_ty,
            WIDTH, PADDED, SLOTS, FORMAT, True,
        )  # fmt: skip
        block = _blocks(table_ptr, at + BLOCK_N, stop, SLOTS, BLOCK_N)
        score = _score(query, key, key_scale, scale, softcap, precise, HAS_CAP, FORMAT)
        other = position - before  # the row that a key belongs to, if it is one of this step's
        seen = position[None, :] <= (before + row)[:, None]
        key_place = position
        if HAS_TREES:
            shift = tl.minimum(tl.maximum(other, 0), 62).to(tl.int64)
            is_ancestor = ((bits[:, None] >> shift[None, :]) & 1) == 1
            seen_in_tree = (position < before)[None, :] | is_ancestor
            seen = tl.where(is_tree, seen_in_tree, seen)
            if HAS_WINDOW:
                is_row = (other >= 0) & (other < count)
                key_bits = tl.load(ancestors_ptr + start + other, mask=is_row, other=0)
                key_depth = before + _count_bits(key_bits) - 1
                key_place = tl.where(is_tree & is_row, key_depth, position)
        if HAS_WINDOW:
            seen = seen & (key_place[None, :] > (before + depth - window)[:, None])
        seen = seen & (position < stop)[None, :]
        score = tl.where(seen, score, float("-inf"))
        greatest, total, sums = _take(
            greatest, total, sums, score, value, value_scale, precise, FORMAT
        )

    target = place * tl.num_programs(1) * FOLD + head
    is_element = is_lane[:, None] & is_dim[None, :]
    if IS_SPLIT:
        target += split.to(tl.int64) * num_rows * tl.num_programs(1) * FOLD
        half = tl.num_programs(2).to(tl.int64) * num_rows * tl.num_programs(1) * FOLD
        tl.store(sums_ptr + target, greatest, mask=is_lane)
        tl.store(sums_ptr + half + target, total, mask=is_lane)
        if first < stop:
            tl.store(partial_ptr + target[:, None] * WIDTH + dim[None, :], sums, mask=is_element)
    else:
        sums = sums / tl.where(is_lane, total, 1.0)[:, None]
        tl.store(
            output_ptr + target[:, None] * WIDTH + dim[None, :],
            sums.to(output_ptr.dtype.element_ty),
            mask=is_element,
        )


@triton.jit
def _find(starts_ptr, tile, num_sequences, FOLD: tl.constexpr, BLOCK_M: tl.constexpr):
    """The last sequence whose tiles begin at or before this one."""
    low, high = 0, num_sequences
    while high - low > 1:
        middle = (low + high) // 2
        begins = tl.load(starts_ptr + middle) * FOLD // BLOCK_M + middle
        is_before = begins <= tile
        low = tl.where(is_before, middle, low)
        high = tl.where(is_before, high, middle)
    return low


@triton.jit
def _count_bits(bits):
    bits = bits - ((bits >> 1) & 0x5555555555555555)
    bits = (bits & 0x3333333333333333) + ((bits >> 2) & 0x3333333333333333)
    bits = (bits + (bits >> 4)) & 0x0F0F0F0F0F0F0F0F
    bits = bits + (bits >> 8)
    bits = bits + (bits >> 16)
    bits = bits + (bits >> 32)
    return (bits & 0x7F).to(tl.int32)


@triton.jit
def _blocks(table_ptr, first, stop, SLOTS: tl.constexpr, BLOCK_N: tl.constexpr):
    """The blocks that a turn's positions lie in."""
    position = first + tl.arange(0, BLOCK_N)
    return tl.load(table_ptr + position // SLOTS, mask=position < stop, other=0)


@triton.jit
def _read(
    key_ptr,
    value_ptr,
    key_scale_ptr,
    value_scale_ptr,
    block,
    position,
    stop,
    slot_stride,
    group_offset,
    dtype: tl.constexpr,
    WIDTH: tl.constexpr,
    PADDED: tl.constexpr,
    SLOTS: tl.constexpr,
    FORMAT: tl.constexpr,
    IS_EDGE: tl.constexpr,
):
    """Keys [PADDED, BLOCK_N], values [BLOCK_N, PADDED], and their scales where rows are packed."""
    dim = tl.arange(0, PADDED)
    is_key = position < stop
    slot = block.to(tl.int64) * SLOTS + position % SLOTS  # 64 bits: elements outgrow 32
    offset = slot * slot_stride + group_offset
    keys = key_ptr + offset[None, :] + dim[:, None]
    values = value_ptr + offset[:, None] + dim[None, :]
    if IS_EDGE:
        key = tl.load(keys, mask=is_key[None, :] & (dim < WIDTH)[:, None], other=0)
        value = tl.load(values, mask=is_key[:, None] & (dim < WIDTH)[None, :], other=0)
    elif WIDTH != PADDED:
        key = tl.load(keys, mask=(dim < WIDTH)[:, None], other=0)
        value = tl.load(values, mask=(dim < WIDTH)[None, :], other=0)
    else:
        key = tl.load(keys)
        value = tl.load(values)
    if FORMAT == 0:
        key_scale, value_scale = 1.0, 1.0
    else:
        scale_at = (offset + WIDTH) >> 2
        key_scale = tl.load(key_scale_ptr + scale_at, mask=is_key, other=0.0)
        value_scale = tl.load(value_scale_ptr + scale_at, mask=is_key, other=0.0)
        key_scale = unpacked_scale(key_scale, FORMAT)
        value_scale = unpacked_scale(value_scale, FORMAT)
        key, value = unpack(key, dtype, FORMAT), unpack(value, dtype, FORMAT)
    return key, value, key_scale, value_scale


@triton.jit
def _score(
    query,
    key,
    key_scale,
    scale,
    softcap,
    precise: tl.constexpr,
    HAS_CAP: tl.constexpr,
    FORMAT: tl.constexpr,
):
    """Scores [BLOCK_M, BLOCK_N] as powers of two."""
    score = tl.dot(query, key, input_precision="ieee", out_dtype=precise)
    if FORMAT != 0:
        score = score * key_scale[None, :].to(precise)
    score = score * scale
    if HAS_CAP:
        grown = tl.exp2(score * (2.8853900817779268 / softcap))  # e^(2 x), infinite at most
        score = softcap * (1.0 - 2.0 / (grown + 1.0))
    return score * 1.4426950408889634


@triton.jit
def _take(
    greatest,
    total,
    sums,
    score,
    value,
    value_scale,
    precise: tl.constexpr,
    FORMAT: tl.constexpr,
):
    """Add a block of keys to the running softmax."""
    risen = tl.maximum(greatest, tl.max(score, 1))
    base = tl.where(risen == float("-inf"), 0.0, risen)  # a row that has seen nothing yet
    share = tl.exp2(score - base[:, None])
    shrink = tl.exp2(greatest - base)
    total = total * shrink + tl.sum(share, 1)
    if FORMAT != 0:
        share = share * value_scale[None, :].to(precise)
    sums = sums * shrink[:, None]
    sums += tl.dot(share.to(value.dtype), value, input_precision="ieee", out_dtype=precise)
    return risen, total, sums


__all__ = ["Scores", "Tile", "launch", "pick_tile"]
