"""The best tokens of a head over the vocabulary, without ever writing its logits.

A draft reads the whole head in each of its stages, and that is what it costs: four stages of a head
[128256, 3072] in bfloat16 move a fifth of the bytes that a step of an 8 B model moves, in 4 bits a
twentieth. Drafts are verified, so rounding can cost acceptance only. A first kernel multiplies a
tile of the vocabulary with all rows and keeps the tile's best tokens, its greatest logit and its
sum of exponentials; a second one finds the best of all tiles' best. Of equal logits the lower id
wins.

Cost: memory bound, V·W / 2 bytes read, and V·W / 32 of scales.
"""

import torch
import triton
import triton.language as tl

from kernels import reference_speculator as reference
from kernels.dispatch import runs_triton
from kernels.reference_speculator import GROUP, PackedHead, pack_head

TILE = 128


def head_top_k(
    x: torch.Tensor,  # [R, W]
    head: PackedHead,
    num_best: int,
) -> tuple[torch.Tensor, torch.Tensor]:  # [R, K] int64, [R, K] float32
    """The likeliest tokens of each row, best first, and their log-probabilities."""
    op = launch if runs_triton(x) else reference.head_top_k
    return op(x, head, num_best)


def launch(x: torch.Tensor, head: PackedHead, num_best: int) -> tuple[torch.Tensor, torch.Tensor]:
    """Run both kernels: a program for each tile of the vocabulary, then one for each row."""
    num_rows, width = x.shape
    vocab, device = head.nibbles.shape[0], x.device
    assert width == head.width and x.stride(1) == 1 and head.nibbles.is_contiguous()
    assert 0 < num_best <= vocab, f"{num_best} of {vocab} tokens"
    tiles, kept = triton.cdiv(vocab, TILE), min(num_best, TILE)
    values = torch.empty(num_rows, tiles, kept, dtype=torch.float32, device=device)
    ids = torch.empty(num_rows, tiles, kept, dtype=torch.int32, device=device)
    sums = torch.empty(2, num_rows, tiles, dtype=torch.float32, device=device)
    lanes = min(64, max(16, triton.next_power_of_2(num_rows)))
    _best_of_tiles[(tiles, triton.cdiv(num_rows, lanes))](
        x,
        head.nibbles,
        head.scales,
        values,
        ids,
        sums,
        num_rows,
        vocab,
        x.stride(0),
        WIDTH=width,
        COLUMNS=head.nibbles.shape[1] * 2,
        GROUP=GROUP,
        ROWS=lanes,
        TILE=TILE,
        KEPT=kept,
        num_warps=4,
        num_stages=3 if x.element_size() == 2 else 1,
    )
    best_ids = torch.empty(num_rows, num_best, dtype=torch.int64, device=device)
    log_probs = torch.empty(num_rows, num_best, dtype=torch.float32, device=device)
    _best_of_all[(num_rows,)](
        values,
        ids,
        sums,
        best_ids,
        log_probs,
        num_rows,
        TILES=tiles,
        TILES_PADDED=triton.next_power_of_2(tiles),
        CANDIDATES=tiles * kept,
        CANDIDATES_PADDED=triton.next_power_of_2(tiles * kept),
        BEST=num_best,
        num_warps=8,
    )
    return best_ids, log_probs


@triton.jit(do_not_specialize=["num_rows"])
def _best_of_tiles(
    x_ptr,
    nibbles_ptr,
    scales_ptr,
    values_ptr,
    ids_ptr,
    sums_ptr,
    num_rows,
    vocab,
    x_stride,
    WIDTH: tl.constexpr,
    COLUMNS: tl.constexpr,
    GROUP: tl.constexpr,
    ROWS: tl.constexpr,
    TILE: tl.constexpr,
    KEPT: tl.constexpr,
):
    tile, tiles = tl.program_id(0), tl.num_programs(0)
    row = tl.program_id(1) * ROWS + tl.arange(0, ROWS)
    lane = tl.arange(0, TILE)
    token = (tile * TILE + lane).to(tl.int64)
    is_row, is_token = row < num_rows, token < vocab
    column = tl.arange(0, GROUP)
    dtype: tl.constexpr = x_ptr.dtype.element_ty
    logits = tl.zeros([ROWS, TILE], tl.float32)
    for first in range(0, COLUMNS, 2 * GROUP):
        pairs = tl.load(
            nibbles_ptr + (token * (COLUMNS // 2) + first // 2)[None, :] + column[:, None],
            mask=is_token[None, :],
            other=0x88,
        )
        lower = ((pairs & 15).to(tl.int32) - 8).to(dtype)
        upper = ((pairs >> 4).to(tl.int32) - 8).to(dtype)
        at = x_ptr + row[:, None] * x_stride + first + column[None, :]
        left = tl.load(at, mask=is_row[:, None] & (first + column < WIDTH)[None, :], other=0.0)
        right = tl.load(
            at + GROUP, mask=is_row[:, None] & (first + GROUP + column < WIDTH)[None, :], other=0.0
        )
        scale_at = scales_ptr + token * (COLUMNS // GROUP) + first // GROUP
        scale = tl.load(scale_at, mask=is_token, other=0.0).to(tl.float32)
        logits += tl.dot(left, lower, input_precision="ieee") * scale[None, :]
        scale = tl.load(scale_at + 1, mask=is_token, other=0.0).to(tl.float32)
        logits += tl.dot(right, upper, input_precision="ieee") * scale[None, :]
    logits = tl.where(is_token[None, :], logits, float("-inf"))
    greatest = tl.max(logits, 1)
    total = tl.sum(tl.exp(logits - greatest[:, None]), 1)
    tl.store(sums_ptr + row * tiles + tile, greatest, mask=is_row)
    tl.store(sums_ptr + (num_rows + row) * tiles + tile, total, mask=is_row)
    place = (row * tiles + tile) * KEPT
    for rank in tl.static_range(KEPT):
        best = tl.argmax(logits, 1, tie_break_left=True)
        tl.store(values_ptr + place + rank, tl.max(logits, 1), mask=is_row)
        tl.store(ids_ptr + place + rank, tile * TILE + best, mask=is_row)
        logits = tl.where(lane[None, :] == best[:, None], float("-inf"), logits)


@triton.jit(do_not_specialize=["num_rows"])
def _best_of_all(
    values_ptr,
    ids_ptr,
    sums_ptr,
    best_ptr,
    log_probs_ptr,
    num_rows,
    TILES: tl.constexpr,
    TILES_PADDED: tl.constexpr,
    CANDIDATES: tl.constexpr,
    CANDIDATES_PADDED: tl.constexpr,
    BEST: tl.constexpr,
):
    row = tl.program_id(0)
    tile = tl.arange(0, TILES_PADDED)
    peaks = tl.load(sums_ptr + row * TILES + tile, mask=tile < TILES, other=float("-inf"))
    sums = tl.load(sums_ptr + (num_rows + row) * TILES + tile, mask=tile < TILES, other=0.0)
    greatest = tl.max(peaks, 0)
    log_sum = greatest + tl.log(tl.sum(sums * tl.exp(peaks - greatest), 0))
    lane = tl.arange(0, CANDIDATES_PADDED)
    is_one = lane < CANDIDATES
    values = tl.load(values_ptr + row * CANDIDATES + lane, mask=is_one, other=float("-inf"))
    ids = tl.load(ids_ptr + row * CANDIDATES + lane, mask=is_one, other=0)
    for rank in tl.static_range(BEST):
        at = tl.argmax(values, 0, tie_break_left=True)
        best = tl.sum(tl.where(lane == at, ids, 0), 0)
        tl.store(best_ptr + row * BEST + rank, best.to(tl.int64))
        tl.store(log_probs_ptr + row * BEST + rank, tl.max(values, 0) - log_sum)
        values = tl.where(lane == at, float("-inf"), values)


__all__ = ["PackedHead", "head_top_k", "launch", "pack_head"]
