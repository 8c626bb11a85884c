"""Penalties, biases and masks on the logits of a step's rows, each from the row's own path.

A row of a tree has seen its request's tokens and the drafted ones above it. What the request has
seen comes as a list of distinct tokens with counts that names every drafted token too, so a
program need only count along the path of its row.

Cost: one program a row; what the lists and masks name is read and written once.
"""

import torch
import triton
import triton.language as tl

from kernels import reference_sampling as reference
from kernels.dispatch import runs_triton
from kernels.reference_sampling import Shaping, TreeRows

BLOCK = 1024


def sample_shape(
    logits: torch.Tensor,  # [R, V], changed in place
    rows: TreeRows,
    shaping: Shaping,
) -> None:
    """Apply every row's penalties, then its biases, then its mask."""
    op = launch if runs_triton(logits) else reference.sample_shape
    op(logits, rows, shaping)


def launch(logits: torch.Tensor, rows: TreeRows, shaping: Shaping) -> None:
    """Run the Triton kernel; one program a row."""
    assert logits.stride(1) == 1
    assert all(one.is_contiguous() for one in (*rows, *shaping))
    _kernel[(logits.shape[0],)](
        logits,
        rows.parts,
        rows.parents,
        rows.token_ids,
        *shaping,
        logits.shape[1],
        logits.stride(0),
        shaping.masks.shape[1],
        BLOCK=BLOCK,
    )


@triton.jit
def _kernel(
    logits_ptr,
    part_ptr,
    parent_ptr,
    token_ptr,
    penalty_ptr,
    seen_start_ptr,
    seen_id_ptr,
    seen_count_ptr,
    bias_start_ptr,
    bias_id_ptr,
    bias_ptr,
    mask_row_ptr,
    mask_ptr,
    width,
    row_stride,
    num_words,
    BLOCK: tl.constexpr,
):
    row = tl.program_id(0).to(tl.int64)  # 64 bits: row * width outgrows 32
    row_ptr = logits_ptr + row * row_stride
    part = tl.load(part_ptr + row)
    _penalise(
        row_ptr,
        row,
        parent_ptr,
        token_ptr,
        penalty_ptr + 3 * part,
        tl.load(seen_start_ptr + part),
        tl.load(seen_start_ptr + part + 1),
        seen_id_ptr,
        seen_count_ptr,
        BLOCK,
    )
    tl.debug_barrier()  # the same logits are next written by other threads
    lane = tl.arange(0, BLOCK)
    stop = tl.load(bias_start_ptr + row + 1)
    for start in range(tl.load(bias_start_ptr + row), stop, BLOCK):
        inside = start + lane < stop
        ids = tl.load(bias_id_ptr + start + lane, mask=inside, other=0)
        bias = tl.load(bias_ptr + start + lane, mask=inside, other=0.0)
        x = tl.load(row_ptr + ids, mask=inside, other=0.0)
        tl.store(row_ptr + ids, x + bias.to(x.dtype), mask=inside)
    tl.debug_barrier()
    mask_row = tl.load(mask_row_ptr + row)
    if mask_row >= 0:
        for first in range(0, width, BLOCK):
            at = first + lane
            word = tl.load(mask_ptr + mask_row * num_words + at // 32, mask=at < width, other=0)
            is_banned = ((word >> (at % 32)) & 1) == 0
            tl.store(row_ptr + at, float("-inf"), mask=(at < width) & is_banned)


@triton.jit
def _penalise(
    row_ptr,
    row,
    parent_ptr,
    token_ptr,
    penalty_ptr,
    first,
    stop,
    id_ptr,
    count_ptr,
    BLOCK: tl.constexpr,
):
    dtype = row_ptr.dtype.element_ty
    repetition = tl.load(penalty_ptr).to(dtype)
    presence = tl.load(penalty_ptr + 1).to(dtype)
    frequency = tl.load(penalty_ptr + 2).to(dtype)
    lane = tl.arange(0, BLOCK)
    for start in range(first, stop, BLOCK):
        inside = start + lane < stop
        ids = tl.load(id_ptr + start + lane, mask=inside, other=-1)
        known = tl.load(count_ptr + start + lane, mask=inside, other=-1)
        drafted = known * 0
        node = row
        parent = tl.load(parent_ptr + node)
        while parent >= 0:
            drafted += (ids == tl.load(token_ptr + node)).to(drafted.dtype)
            node = parent
            parent = tl.load(parent_ptr + node)
        times = tl.maximum(known, 0) + drafted
        x = tl.load(row_ptr + ids, mask=inside, other=0.0)
        is_seen = (known >= 0) | (drafted > 0)
        x = tl.where(is_seen, tl.where(x > 0, x / repetition, x * repetition), x)
        x = tl.where(times > 0, x - (presence + frequency * times.to(dtype)), x)
        tl.store(row_ptr + ids, x, mask=inside)
