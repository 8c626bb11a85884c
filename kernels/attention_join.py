"""Join what attention found in the parts of a context into one row.

The second half of Flash-Decoding: every part brings the sums of its values and of its shares, both
relative to its greatest score. They are brought to the greatest of all and added in the order of
the parts, so that the same parts give the same row.

Cost: memory bound, parts·T·H·D float32 read.
"""

import torch
import triton
import triton.language as tl


def launch(
    partial: torch.Tensor,  # [P, T, H, D], sums of shares times values; of empty parts anything
    sums: torch.Tensor,  # [2, P, T, H]: greatest score, in powers of two, and sum of shares
    output: torch.Tensor,  # [T, H, D], written
) -> None:
    """One program for each row of each head; a part whose greatest score is -inf is empty."""
    num_splits, num_rows, num_heads, width = partial.shape
    _join[(num_rows, num_heads)](
        partial,
        sums,
        output,
        num_splits,
        num_rows,
        WIDTH=width,
        PADDED=triton.next_power_of_2(width),
        PARTS=min(16, triton.next_power_of_2(num_splits)),
    )


@triton.jit(do_not_specialize=["num_splits", "num_rows"])
def _join(
    partial_ptr,
    sums_ptr,
    output_ptr,
    num_splits,
    num_rows,
    WIDTH: tl.constexpr,
    PADDED: tl.constexpr,
    PARTS: tl.constexpr,
):
    """One row of one head: the parts' sums on the scale of the greatest of all scores."""
    row, head = tl.program_id(0).to(tl.int64), tl.program_id(1)
    per_part = num_rows.to(tl.int64) * tl.num_programs(1)
    own = row * tl.num_programs(1) + head
    dim = tl.arange(0, PADDED)
    greatest = tl.full([1], float("-inf"), partial_ptr.dtype.element_ty)
    for first in range(0, num_splits, PARTS):
        part = first + tl.arange(0, PARTS)
        peak = tl.load(sums_ptr + part * per_part + own, part < num_splits, float("-inf"))
        greatest = tl.maximum(greatest, tl.max(peak, 0))
    total = tl.zeros([1], partial_ptr.dtype.element_ty)
    sums = tl.zeros([PADDED], partial_ptr.dtype.element_ty)
    totals_ptr = sums_ptr + num_splits * per_part
    for first in range(0, num_splits, PARTS):
        part = first + tl.arange(0, PARTS)
        at, is_part = part * per_part + own, part < num_splits
        peak = tl.load(sums_ptr + at, is_part, float("-inf"))
        is_live = peak > float("-inf")  # what is not has left no sums
        weight = tl.where(is_live, tl.exp2(peak - greatest), 0.0)
        total += tl.sum(weight * tl.load(totals_ptr + at, is_live, 0.0), 0)
        parts = tl.load(
            partial_ptr + at[:, None] * WIDTH + dim[None, :],
            mask=is_live[:, None] & (dim < WIDTH)[None, :],
            other=0.0,
        )
        sums += tl.sum(weight[:, None] * parts, 0)
    tl.store(
        output_ptr + own * WIDTH + dim,
        (sums / total).to(output_ptr.dtype.element_ty),
        mask=dim < WIDTH,
    )


__all__ = ["launch"]
