"""Norm of mean 0 and variance 1, alone or fused with the residual sum that comes before it.

Cost: memory bound, 2·T·W elements moved, with the sum 4·T·W.
"""

import torch
import triton
import triton.language as tl

from kernels import reference
from kernels.dispatch import runs_triton


def layer_norm(
    x: torch.Tensor,  # [T, W]
    weight: torch.Tensor,  # [W]
    bias: torch.Tensor,  # [W]
    eps: float,
) -> torch.Tensor:  # [T, W]
    """Bring each row to mean 0 and variance 1 (float32 inside), then scale and shift."""
    if not runs_triton(x):
        return reference.layer_norm(x, weight, bias, eps)
    return launch(x, None, weight, bias, eps, 1.0)[1]


def add_layer_norm(
    x: torch.Tensor,  # [T, W]
    update: torch.Tensor,  # [T, W]
    weight: torch.Tensor,  # [W]
    bias: torch.Tensor,  # [W]
    eps: float,
    factor: float = 1.0,
) -> tuple[torch.Tensor, torch.Tensor]:  # both [T, W]
    """The residual stream x + factor * update, and its norm."""
    if not runs_triton(x):
        return reference.add_layer_norm(x, update, weight, bias, eps, factor)
    return launch(x, update, weight, bias, eps, factor)


def launch(
    x: torch.Tensor,
    update: torch.Tensor | None,
    weight: torch.Tensor,
    bias: torch.Tensor,
    eps: float,
    factor: float,
) -> tuple[torch.Tensor, torch.Tensor]:
    """Run the Triton kernel, one program a row; the sum, and its norm."""
    x = x.contiguous()
    normed = torch.empty_like(x)
    added = x if update is None else torch.empty_like(x)
    update = x if update is None else update.contiguous()
    assert update.shape == x.shape and weight.is_contiguous() and bias.is_contiguous()
    block = triton.next_power_of_2(x.shape[-1])
    _kernel[(x.numel() // x.shape[-1],)](
        x,
        update,
        weight,
        bias,
        added,
        normed,
        eps,
        factor,
        WIDTH=x.shape[-1],
        BLOCK=block,
        HAS_UPDATE=added is not x,
        num_warps=min(16, max(1, block // 512)),
    )
    return added, normed


@triton.jit
def _kernel(
    x_ptr,
    update_ptr,
    weight_ptr,
    bias_ptr,
    added_ptr,
    normed_ptr,
    eps,
    factor,
    WIDTH: tl.constexpr,
    BLOCK: tl.constexpr,
    HAS_UPDATE: tl.constexpr,
):
    first = tl.program_id(0).to(tl.int64) * WIDTH
    lane = tl.arange(0, BLOCK)
    inside = lane < WIDTH
    dtype: tl.constexpr = x_ptr.dtype.element_ty
    precise: tl.constexpr = tl.float64 if dtype == tl.float64 else tl.float32
    x = tl.load(x_ptr + first + lane, mask=inside, other=0.0).to(precise)
    if HAS_UPDATE:  # rounded where torch rounds
        update = tl.load(update_ptr + first + lane, mask=inside, other=0.0).to(precise)
        x = (x + (update * factor).to(dtype).to(precise)).to(dtype)
        tl.store(added_ptr + first + lane, x, mask=inside)
        x = x.to(precise)
    centred = tl.where(inside, x - tl.sum(x, 0) / WIDTH, 0.0)
    normed = centred * (1.0 / tl.sqrt(tl.sum(centred * centred, 0) / WIDTH + eps))
    weight = tl.load(weight_ptr + lane, mask=inside, other=0.0).to(precise)
    bias = tl.load(bias_ptr + lane, mask=inside, other=0.0).to(precise)
    tl.store(normed_ptr + first + lane, (normed * weight + bias).to(dtype), mask=inside)


__all__ = ["add_layer_norm", "launch", "layer_norm"]
