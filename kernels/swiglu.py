"""SiLU of the gate times the other half of a fused product.

GELU has no kernel: alone between two products it is one operation of torch already.

Cost: memory bound, 3·T·W elements moved.
"""

import torch
import triton
import triton.language as tl

from kernels import reference
from kernels.dispatch import runs_triton

BLOCK = 1024


def swiglu(
    gate_up: torch.Tensor,  # [T, 2 W], the gate half first
) -> torch.Tensor:  # [T, W]
    """SiLU of the gate times the other half."""
    op = launch if runs_triton(gate_up) else reference.swiglu
    return op(gate_up)


def launch(gate_up: torch.Tensor) -> torch.Tensor:
    """Run the Triton kernel; one program a piece of a row."""
    assert gate_up.is_contiguous() and gate_up.shape[1] % 2 == 0
    num_rows, width = gate_up.shape[0], gate_up.shape[1] // 2
    output = gate_up.new_empty(num_rows, width)
    _kernel[(num_rows, triton.cdiv(width, BLOCK))](gate_up, output, width, BLOCK=BLOCK)
    return output


@triton.jit
def _kernel(gate_up_ptr, output_ptr, width, BLOCK: tl.constexpr):
    row = tl.program_id(0).to(tl.int64)
    lane = tl.program_id(1) * BLOCK + tl.arange(0, BLOCK)
    inside = lane < width
    dtype: tl.constexpr = gate_up_ptr.dtype.element_ty
    precise: tl.constexpr = tl.float64 if dtype == tl.float64 else tl.float32
    gate = tl.load(gate_up_ptr + row * 2 * width + lane, mask=inside, other=0.0).to(precise)
    up = tl.load(gate_up_ptr + row * 2 * width + width + lane, mask=inside, other=0.0)
    # e^-|x| cannot overflow.
    small = tl.exp(-tl.abs(gate))
    share = tl.where(gate < 0, small, 1.0) / (1.0 + small)
    silu = (gate * share).to(dtype)  # rounded where torch rounds
    tl.store(output_ptr + row * width + lane, (silu * up).to(dtype), mask=inside)


__all__ = ["launch", "swiglu"]
