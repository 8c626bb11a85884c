"""Products with weights in bytes: the kernel, its reference, and how far both are from truth."""

import pytest
import torch

from kernels import quantized_linear, reference_quantized
from kernels.reference_quantized import LARGEST, quantize_rows

KINDS = pytest.mark.parametrize("kind", [torch.int8, torch.float8_e4m3fn])


@pytest.mark.parametrize(
    "kind, knows", [(torch.int8, True), (torch.float8_e4m3fn, True), (torch.float8_e4m3fn, False)]
)
@pytest.mark.parametrize("rows, outputs, inputs", [(1, 33, 80), (7, 70, 129), (70, 64, 128)])
@pytest.mark.parametrize("dtype", [torch.float32, torch.float16])
def test_kernel_multiplies_as_the_reference(
    kind: torch.dtype, knows: bool, rows: int, outputs: int, inputs: int, dtype: torch.dtype
) -> None:
    generator = torch.Generator().manual_seed(rows)
    weight = torch.randn(outputs, inputs, generator=generator).to(dtype)
    wide = torch.full((rows, inputs + 200), float("nan"), dtype=dtype)  # what lies beside the rows
    x = wide[:, 9 : 9 + inputs]
    x.copy_(torch.randn(rows, inputs, generator=generator))
    steps, scales = quantize_rows(weight, kind)
    pool = torch.full((steps.numel() + 200,), 0x7F, dtype=torch.int8)  # NaN, as float8
    pool[: steps.numel()] = steps.view(torch.int8).flatten()
    steps = pool[: steps.numel()].view(kind).view(outputs, inputs)

    expected = reference_quantized.quantized_linear(x.double(), steps, scales.double())
    found = quantized_linear.launch(x, steps, scales, knows)

    # Sums in float32, rounded once to the type of x: its step, of sums of some tens.
    atol = 1e-4 if dtype == torch.float32 else 0.05
    torch.testing.assert_close(found.double(), expected, atol=atol, rtol=1e-3)


@KINDS
def test_the_error_of_a_weight_is_bounded(kind: torch.dtype) -> None:
    generator = torch.Generator().manual_seed(3)
    weight = torch.randn(50, 300, generator=generator, dtype=torch.float64)
    weight[7] = 0.0
    weight[8] *= 1e6

    steps, scales = quantize_rows(weight, kind)
    back = steps.double() * scales[:, None]

    error, largest = (back - weight).abs(), weight.abs().amax(1, keepdim=True)
    if kind == torch.int8:
        assert (error <= largest / 254 * (1 + 1e-9)).all()
    else:
        assert (error <= weight.abs() / 16 + scales[:, None] / 1024).all()
    torch.testing.assert_close(back.abs().amax(1), largest[:, 0], rtol=1e-12, atol=0)
    assert steps.float().abs().max() == LARGEST[kind]


@KINDS
def test_what_is_not_a_number_stays_visible(kind: torch.dtype) -> None:
    weight = torch.randn(3, 16)
    x = torch.randn(2, 16)
    x[1, 5] = float("nan")
    product = quantized_linear.launch(x, *quantize_rows(weight, kind))
    assert product[0].isfinite().all()
    assert product[1].isnan().all()
