"""A stage of an MLP speculator behind its projection: embedding, mix, norm and GELU in one launch.

Cost: bound by its launch; 3·R·I elements moved.
"""

import torch
import triton
import triton.language as tl

from kernels import reference_speculator as reference
from kernels.dispatch import runs_triton
from kernels.reference_speculator import Mixture


def mlp_state(
    projected: torch.Tensor,  # [R, I]
    token_ids: torch.Tensor,  # [R] int64
    mixture: Mixture,
) -> torch.Tensor:  # [R, I]
    """The state behind each branch: the mix of its projected state and its token, normed, GELU."""
    op = launch if runs_triton(projected) else reference.mlp_state
    return op(projected, token_ids, mixture)


def launch(projected: torch.Tensor, token_ids: torch.Tensor, mixture: Mixture) -> torch.Tensor:
    """Run the Triton kernel, one program a branch."""
    num_rows, width = projected.shape
    assert projected.is_contiguous() and token_ids.is_contiguous()
    assert mixture.embedding.is_contiguous() and mixture.embedding.shape[1] == width
    state = torch.empty_like(projected)
    block = triton.next_power_of_2(width)
    _kernel[(num_rows,)](
        projected,
        token_ids,
        mixture.embedding,
        mixture.scale,
        mixture.shift,
        state,
        mixture.state_weight,
        mixture.token_weight,
        mixture.eps,
        WIDTH=width,
        BLOCK=block,
        num_warps=min(16, max(1, block // 512)),
    )
    return state


@triton.jit
def _kernel(
    projected_ptr,
    token_ptr,
    embedding_ptr,
    scale_ptr,
    shift_ptr,
    state_ptr,
    state_weight,
    token_weight,
    eps,
    WIDTH: tl.constexpr,
    BLOCK: tl.constexpr,
):
    row = tl.program_id(0).to(tl.int64)
    token = tl.load(token_ptr + row)  # 64 bits: token * WIDTH may outgrow 32
    lane = tl.arange(0, BLOCK)
    inside = lane < WIDTH
    dtype: tl.constexpr = projected_ptr.dtype.element_ty
    precise: tl.constexpr = tl.float64 if dtype == tl.float64 else tl.float32
    projected = tl.load(projected_ptr + row * WIDTH + lane, mask=inside, other=0.0).to(precise)
    embedded = tl.load(embedding_ptr + token * WIDTH + lane, mask=inside, other=0.0).to(precise)
    mixed = projected * state_weight + embedded * token_weight
    normed = mixed * (1.0 / tl.sqrt(tl.sum(mixed * mixed, 0) / WIDTH + eps))
    scale = tl.load(scale_ptr + lane, mask=inside, other=0.0).to(precise)
    shift = tl.load(shift_ptr + lane, mask=inside, other=0.0).to(precise)
    x = normed * scale + shift
    state = x * 0.5 * (1.0 + tl.erf(x * 0.7071067811865476))
    tl.store(state_ptr + row * WIDTH + lane, state.to(dtype), mask=inside)


__all__ = ["Mixture", "launch", "mlp_state"]
