"""Layer norm with and without the residual sum; float32 differs by the order of a sum."""

from functools import partial

import pytest
import torch

from kernels import layer_norm, reference
from kernels.dispatch import interpreted

TOLERANCES = {torch.float64: 1e-13, torch.float32: 2e-6, torch.float16: 2e-3}


@pytest.mark.parametrize("dtype", TOLERANCES)
@pytest.mark.parametrize("rows, width", [(1, 7), (7, 80), (33, 129)])
def test_kernel_norms_as_the_reference(rows: int, width: int, dtype: torch.dtype) -> None:
    generator = torch.Generator().manual_seed(0)
    x, update = (torch.randn(2, rows, width, generator=generator) + 3).to(dtype).unbind()
    weight, bias = torch.randn(2, width, generator=generator).to(dtype).unbind()
    tolerance = TOLERANCES[dtype]
    close = partial(torch.testing.assert_close, atol=tolerance, rtol=tolerance)

    with interpreted():
        normed = layer_norm.layer_norm(x, weight, bias, 1e-5)
        added, normed_sum = layer_norm.add_layer_norm(x, update, weight, bias, 1e-5, 0.22)

    expected = reference.add_layer_norm(x, update, weight, bias, 1e-5, 0.22)
    close(normed, reference.layer_norm(x, weight, bias, 1e-5))
    close(added, expected[0])
    close(normed_sum, expected[1])


def test_sums_are_rounded_where_torch_rounds() -> None:
    generator = torch.Generator().manual_seed(1)
    x, update = torch.randn(2, 40, 129, generator=generator).half().unbind()
    weight, bias = torch.randn(2, 129, generator=generator).half().unbind()

    with interpreted():
        found = layer_norm.add_layer_norm(x, update, weight, bias, 1e-5, 0.22)

    expected = reference.add_layer_norm(x, update, weight, bias, 1e-5, 0.22)
    assert torch.equal(found[0], expected[0])
    # A sum in another order may round the last bit otherwise, now and then.
    assert (found[1] == expected[1]).double().mean() > 0.99
