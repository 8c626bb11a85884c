"""x @ weight.T with a weight in bytes, widened in registers on its way into the product.

A tile is BLOCK_N outputs by all of up to 16 rows at a time, so a decode step reads the bytes once.
Many rows are bound by arithmetic: there the weight is widened once and torch multiplies.

Cost: memory bound up to some 100 rows, N·K bytes read.
"""

import torch
import triton
import triton.language as tl

from kernels import reference_quantized as reference
from kernels.dispatch import runs_triton
from kernels.packed_rows import FLOAT8, PLAIN, unpack, unpacked_scale

# Rows up to which reading the bytes costs more than multiplying; not timed on a GPU yet.
FEW_ROWS = 64
BLOCK_N, BLOCK_K = 64, 128


def quantized_linear(
    x: torch.Tensor,  # [T, K]
    steps: torch.Tensor,  # [N, K] int8 or float8_e4m3fn
    scales: torch.Tensor,  # [N] float32 or float64
) -> torch.Tensor:  # [T, N]
    """x @ (steps * scales).T, as `reference.quantized_linear`."""
    if runs_triton(x) and x.shape[0] <= FEW_ROWS:
        return launch(x, steps, scales, _knows_float8(x.device))
    return reference.quantized_linear(x, steps, scales)


def launch(
    x: torch.Tensor, steps: torch.Tensor, scales: torch.Tensor, knows: bool = True
) -> torch.Tensor:
    """Run the Triton kernel; one program a tile of outputs.

    Where the processor `knows` no float8, its bytes are taken apart with integers.
    """
    rows, width = x.shape
    outputs = steps.shape[0]
    assert steps.is_contiguous() and scales.is_contiguous() and x.stride(1) == 1
    product = torch.empty(rows, outputs, dtype=x.dtype, device=x.device)
    is_apart = steps.dtype == torch.float8_e4m3fn and not knows
    lanes = min(64, max(16, triton.next_power_of_2(rows)))
    _kernel[(triton.cdiv(outputs, BLOCK_N), triton.cdiv(rows, lanes))](
        x,
        steps.view(torch.int8) if is_apart else steps,
        scales,
        product,
        rows,
        width,
        outputs,
        x.stride(0),
        BLOCK_M=lanes,
        BLOCK_N=BLOCK_N,
        BLOCK_K=BLOCK_K,
        FORMAT=FLOAT8 if is_apart else PLAIN,
        num_warps=4,
        num_stages=3 if x.element_size() <= 2 else 1,
    )
    return product


def _knows_float8(device: torch.device) -> bool:
    """Whether there is an operation that widens float8: from compute capability 8.9 on."""
    return device.type != "cuda" or torch.cuda.get_device_capability(device) >= (8, 9)


@triton.jit
def _kernel(
    x_ptr,
    steps_ptr,
    scales_ptr,
    product_ptr,
    rows,
    width,
    outputs,
    x_stride,
    BLOCK_M: tl.constexpr,
    BLOCK_N: tl.constexpr,
    BLOCK_K: tl.constexpr,
    FORMAT: tl.constexpr,
):
    out = tl.program_id(0) * BLOCK_N + tl.arange(0, BLOCK_N)
    row = tl.program_id(1) * BLOCK_M + tl.arange(0, BLOCK_M)
    column = tl.arange(0, BLOCK_K)
    is_out, is_row = out < outputs, row < rows
    x_rows = x_ptr + row.to(tl.int64)[:, None] * x_stride  # 64 bits: outgrows 32
    step_rows = steps_ptr + out.to(tl.int64)[:, None] * width
    kind: tl.constexpr = x_ptr.dtype.element_ty
    precise: tl.constexpr = scales_ptr.dtype.element_ty
    total = tl.zeros([BLOCK_M, BLOCK_N], precise)
    for start in range(0, width, BLOCK_K):
        at = start + column
        mine = at < width
        x = tl.load(x_rows + at[None, :], mask=is_row[:, None] & mine[None, :], other=0.0)
        steps = tl.load(step_rows + at[None, :], mask=is_out[:, None] & mine[None, :], other=0.0)
        steps = unpack(steps, kind, FORMAT)
        total += tl.dot(x, tl.trans(steps), out_dtype=precise, input_precision="ieee")
    scales = tl.load(scales_ptr + out, mask=is_out, other=0.0)
    total *= unpacked_scale(scales, FORMAT)[None, :]
    place = row.to(tl.int64)[:, None] * outputs + out[None, :]
    tl.store(product_ptr + place, total.to(kind), mask=is_row[:, None] & is_out[None, :])
