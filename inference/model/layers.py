"""The parts a decoder layer is made of, over fused weights."""

import torch
from torch.nn import functional

from kernels import reference


class Linear:
    """x @ weight.T without bias; bfloat16 weights on the CPU are laid out for the matrix unit once.

    torch packs a plain bfloat16 weight again on every call, which costs more than a small product
    itself; packed once, a decode step of a 16 M model takes about 0.85 of the time.
    """

    def __init__(self, weight: torch.Tensor) -> None:  # [out, in]
        self.out_features = weight.shape[0]
        self._packed = weight.device.type == "cpu" and weight.dtype == torch.bfloat16
        self._weight = _pack(weight) if self._packed else weight

    def __call__(self, x: torch.Tensor) -> torch.Tensor:  # [T, in] -> [T, out]
        if self._packed:
            product: torch.Tensor = torch.ops.mkldnn._linear_pointwise(
                x, self._weight, None, "none", [], ""
            )
            return product
        return functional.linear(x, self._weight)


def _pack(weight: torch.Tensor) -> torch.Tensor:
    packed: torch.Tensor = torch.ops.mkldnn._reorder_linear_weight(weight.contiguous(), None)
    return packed


class RMSNorm:
    """Root-mean-square norm with a scale; float32 inside."""

    def __init__(self, weight: torch.Tensor, eps: float) -> None:
        self._weight, self._eps = weight, eps

    def __call__(self, x: torch.Tensor) -> torch.Tensor:
        return reference.rms_norm(x, self._weight, self._eps)


class RotaryTable:
    """Cosines and sines of every position up to the model's length, computed once in float64."""

    def __init__(
        self, head_dim: int, theta: float, length: int, dtype: torch.dtype, device: torch.device
    ) -> None:
        exponents = torch.arange(0, head_dim, 2, dtype=torch.float64) / head_dim
        angles = torch.outer(torch.arange(length, dtype=torch.float64), theta**-exponents)
        self._cos = angles.cos().to(device, dtype)
        self._sin = angles.sin().to(device, dtype)

    def at(self, positions: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        """Cosines and sines [T, D / 2] of these positions."""
        return self._cos[positions], self._sin[positions]
