"""Walk down every request's tree along the tokens that its rows have drawn.

Every row has drawn its token already, also those of rejected branches; the walk only looks at rows
of the accepted path, so what the others drew never shows.

Cost: one program a request, its rows read once a depth; bound by its launch.
"""

import torch
import triton
import triton.language as tl

from kernels import reference_sampling as reference
from kernels.dispatch import runs_triton
from kernels.reference_sampling import TreeRows


def sample_match(
    tokens: torch.Tensor,  # [R] int64, what each row has drawn
    rows: TreeRows,
    most_rows: int,  # M, of any part
) -> torch.Tensor:  # [B, 2 + 2 M] int32
    """Per part: number of tokens, number of accepted nodes, M places for each, -1 behind them."""
    op = launch if runs_triton(tokens) else reference.sample_match
    return op(tokens, rows, most_rows)


def launch(tokens: torch.Tensor, rows: TreeRows, most_rows: int) -> torch.Tensor:
    """Run the Triton kernel; one program a part."""
    assert tokens.is_contiguous() and all(one.is_contiguous() for one in rows)
    num_parts = rows.starts.shape[0] - 1
    found = torch.full((num_parts, 2 + 2 * most_rows), -1, dtype=torch.int32, device=tokens.device)
    _kernel[(num_parts,)](
        tokens,
        rows.starts,
        rows.parents,
        rows.token_ids,
        rows.ends,
        found,
        most_rows,
        BLOCK=triton.next_power_of_2(most_rows),
        num_warps=1,
    )
    return found


@triton.jit
def _kernel(
    drawn_ptr, start_ptr, parent_ptr, token_ptr, end_ptr, found_ptr, most, BLOCK: tl.constexpr
):
    part = tl.program_id(0).to(tl.int64)
    first, stop = tl.load(start_ptr + part), tl.load(start_ptr + part + 1)
    found_ptr += part * (2 + 2 * most)
    rows = first + tl.arange(0, BLOCK)
    parents = tl.load(parent_ptr + rows, mask=rows < stop, other=-1)
    tokens = tl.load(token_ptr + rows, mask=rows < stop, other=-1)
    row, num_tokens, num_accepted = first, part * 0, part * 0
    while row >= 0:
        drawn = tl.load(drawn_ptr + row)
        tl.store(found_ptr + 2 + num_tokens, drawn.to(tl.int32))
        num_tokens += 1
        child = tl.max(tl.where((parents == row) & (tokens == drawn), rows, -1), 0)
        if child >= 0:
            tl.store(found_ptr + 2 + most + num_accepted, (child - first - 1).to(tl.int32))
            num_accepted += 1
            # Behind the end of a constraint nothing can be drawn.
            child = tl.where(tl.load(end_ptr + child) != 0, -1, child)
        row = child
    tl.store(found_ptr, num_tokens.to(tl.int32))
    tl.store(found_ptr + 1, num_accepted.to(tl.int32))
