"""Root-mean-square norm, alone or fused with the residual sum that comes before it.

Cost: memory bound, 2·T·W elements moved, with the sum 4·T·W.
"""

import torch
import triton
import triton.language as tl

from kernels import reference
from kernels.dispatch import runs_triton


def rms_norm(
    x: torch.Tensor,  # [..., W]
    weight: torch.Tensor,  # [W]
    eps: float,
) -> torch.Tensor:  # [..., W]
    """Divide each row by its root mean square (float32 inside), then scale."""
    if not runs_triton(x):
        return reference.rms_norm(x, weight, eps)
    return launch(x, None, weight, eps, 1.0)[1]


def add_rms_norm(
    x: torch.Tensor,  # [T, W]
    update: torch.Tensor,  # [T, W]
    weight: torch.Tensor,  # [W]
    eps: float,
    factor: float = 1.0,
) -> tuple[torch.Tensor, torch.Tensor]:  # both [T, W]
    """The residual stream x + factor * update, and its norm."""
    if not runs_triton(x):
        return reference.add_rms_norm(x, update, weight, eps, factor)
    return launch(x, update, weight, eps, factor)


def launch(
    x: torch.Tensor,
    update: torch.Tensor | None,
    weight: torch.Tensor,
    eps: float,
    factor: float,
) -> tuple[torch.Tensor, torch.Tensor]:
    """Run the Triton kernel, one program a row; the sum, and its norm."""
    width = x.shape[-1]
    rows = x.reshape(-1, width)
    normed = torch.empty_like(rows)
    added = rows if update is None else torch.empty_like(rows)
    update = rows if update is None else update.contiguous()
    assert rows.stride(-1) == 1 and weight.is_contiguous() and update.shape == rows.shape
    block = triton.next_power_of_2(width)
    _kernel[(rows.shape[0],)](
        rows,
        update,
        weight,
        added,
        normed,
        eps,
        factor,
        rows.stride(0),
        WIDTH=width,
        BLOCK=block,
        HAS_UPDATE=added is not rows,
        num_warps=min(16, max(1, block // 512)),
    )
    return added.view(x.shape) if added is not rows else x, normed.view(x.shape)


@triton.jit
def _kernel(
    x_ptr,
    update_ptr,
    weight_ptr,
    added_ptr,
    normed_ptr,
    eps,
    factor,
    stride,
    WIDTH: tl.constexpr,
    BLOCK: tl.constexpr,
    HAS_UPDATE: tl.constexpr,
):
    row = tl.program_id(0).to(tl.int64)
    lane = tl.arange(0, BLOCK)
    inside = lane < WIDTH
    dtype: tl.constexpr = x_ptr.dtype.element_ty
    precise: tl.constexpr = tl.float64 if dtype == tl.float64 else tl.float32
    x = tl.load(x_ptr + row * stride + lane, mask=inside, other=0.0).to(precise)
    if HAS_UPDATE:  # rounded where torch rounds
        update = tl.load(update_ptr + row * WIDTH + lane, mask=inside, other=0.0).to(precise)
        x = (x + (update * factor).to(dtype).to(precise)).to(dtype)
        tl.store(added_ptr + row * WIDTH + lane, x, mask=inside)
        x = x.to(precise)
    weight = tl.load(weight_ptr + lane, mask=inside, other=0.0).to(precise)
    normed = (x * (1.0 / tl.sqrt(tl.sum(x * x, 0) / WIDTH + eps))).to(dtype).to(precise)
    tl.store(normed_ptr + row * WIDTH + lane, (normed * weight).to(dtype), mask=inside)


__all__ = ["add_rms_norm", "launch", "rms_norm"]
