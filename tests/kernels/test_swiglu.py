"""SwiGLU; float32 differs by the rounding of an exponential."""

import pytest
import torch

from kernels import reference
from kernels.dispatch import interpreted
from kernels.swiglu import swiglu


@pytest.mark.parametrize("rows, width", [(1, 1), (7, 80), (3, 1100)])
@pytest.mark.parametrize(
    "dtype, tolerance", [(torch.float64, 1e-13), (torch.float32, 1e-6), (torch.float16, 2e-3)]
)
def test_kernel_gates_as_the_reference(
    rows: int, width: int, dtype: torch.dtype, tolerance: float
) -> None:
    gate_up = torch.randn(rows, 2 * width, generator=torch.Generator().manual_seed(0)) * 9
    gate_up[0, 0], gate_up = -1000, gate_up.to(dtype)

    with interpreted():
        gated = swiglu(gate_up)

    expected = reference.swiglu(gate_up)
    torch.testing.assert_close(gated, expected, atol=tolerance, rtol=tolerance)


def test_the_gate_is_rounded_where_torch_rounds() -> None:
    gate_up = (3 * torch.randn(9, 600, generator=torch.Generator().manual_seed(0))).half()

    with interpreted():
        gated = swiglu(gate_up)

    assert (gated == reference.swiglu(gate_up)).double().mean() > 0.99
