"""Which continuations of a draft's branches live on: the likeliest paths of each request.

Cost: bound by its launch; in torch it is eight.
"""

import torch
import triton
import triton.language as tl

from kernels import reference_speculator as reference
from kernels.dispatch import runs_triton
from kernels.reference_speculator import Branches


def grow_branches(
    token_ids: torch.Tensor,  # [B, L, K] int64
    log_probs: torch.Tensor,  # [B, L, K], of the tokens behind their branches
    paths: torch.Tensor,  # [B, L] float64, of the branches
    limit: int,
) -> Branches:
    """The `limit` likeliest of all continuations of all branches, or all there are."""
    op = launch if runs_triton(token_ids) else reference.grow_branches
    return op(token_ids, log_probs, paths, limit)


def launch(
    token_ids: torch.Tensor, log_probs: torch.Tensor, paths: torch.Tensor, limit: int
) -> Branches:
    """Run the Triton kernel, one program a request; of equal paths the first wins."""
    requests, branches, width = token_ids.shape
    assert token_ids.is_contiguous() and log_probs.is_contiguous() and paths.is_contiguous()
    limit = min(limit, branches * width)
    ids, parents = token_ids.new_empty(2, requests, limit).unbind()
    grown = paths.new_empty(requests, limit)
    _kernel[(requests,)](
        token_ids,
        log_probs,
        paths,
        ids,
        parents,
        grown,
        WIDTH=width,
        COUNT=branches * width,
        PADDED=triton.next_power_of_2(branches * width),
        LIMIT=limit,
        num_warps=1,
    )
    return Branches(ids, parents, grown)


@triton.jit
def _kernel(
    ids_ptr,
    log_probs_ptr,
    paths_ptr,
    kept_ids_ptr,
    parents_ptr,
    grown_ptr,
    WIDTH: tl.constexpr,
    COUNT: tl.constexpr,
    PADDED: tl.constexpr,
    LIMIT: tl.constexpr,
):
    request = tl.program_id(0)
    lane = tl.arange(0, PADDED)
    inside = lane < COUNT
    branch = lane // WIDTH
    ids = tl.load(ids_ptr + request * COUNT + lane, mask=inside, other=0)
    share = tl.load(log_probs_ptr + request * COUNT + lane, mask=inside, other=0.0)
    path = tl.load(paths_ptr + request * (COUNT // WIDTH) + branch, mask=inside, other=0.0)
    path = tl.where(inside, path + share.to(path.dtype), float("-inf"))
    for rank in tl.static_range(LIMIT):
        at = tl.argmax(path, 0, tie_break_left=True)
        is_best = lane == at
        place = request * LIMIT + rank
        tl.store(kept_ids_ptr + place, tl.sum(tl.where(is_best, ids, 0), 0))
        tl.store(parents_ptr + place, (at // WIDTH).to(tl.int64))
        tl.store(grown_ptr + place, tl.max(path, 0))
        path = tl.where(is_best, float("-inf"), path)


__all__ = ["Branches", "grow_branches", "launch"]
