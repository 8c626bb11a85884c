"""Products whose weights are kept as bytes, with one scale an output; activations stay as they are.

int8 is 254 equal steps between an output's largest weights, float8_e4m3fn three bits of mantissa
with the exponents' range. The bytes are read as they are and widened on the way to the product, so
a decode step reads half the memory of bfloat16.
"""

from dataclasses import dataclass
from typing import Final

import torch

from kernels.quantized_linear import quantized_linear
from kernels.reference_quantized import LARGEST, quantize_rows

INT8, FP8 = "int8", "fp8"
KINDS: Final = {INT8: torch.int8, FP8: torch.float8_e4m3fn}
assert set(KINDS.values()) == set(LARGEST)


@dataclass(frozen=True)
class QuantizedWeight:
    """A weight [out, in] in bytes."""

    steps: torch.Tensor  # [out, in] int8 or float8_e4m3fn
    scales: torch.Tensor  # [out] of the activations' dtype


def quantize(
    weight: torch.Tensor,  # [out, in]
    kind: str,
) -> QuantizedWeight:
    """The weight in bytes of this kind; its scales are of the weight's dtype."""
    steps, scales = quantize_rows(weight, KINDS[kind])
    return QuantizedWeight(steps, scales)


class QuantizedLinear:
    """x @ weight.T + bias with a weight in bytes."""

    def __init__(self, weight: QuantizedWeight, bias: torch.Tensor | None = None) -> None:
        self.out_features = weight.steps.shape[0]
        self._weight, self._bias = weight, bias

    def __call__(self, x: torch.Tensor) -> torch.Tensor:  # [T, in] -> [T, out]
        product = quantized_linear(x, self._weight.steps, self._weight.scales)
        return product if self._bias is None else product + self._bias
