"""The parts a decoder layer is made of, over fused weights."""

import torch
from torch.nn import functional

from kernels.layer_norm import add_layer_norm, layer_norm
from kernels.rms_norm import add_rms_norm, rms_norm


class Linear:
    """x @ weight.T + bias; bfloat16 weights on the CPU are laid out for the matrix unit once.

    torch packs a plain bfloat16 weight again on every call, which costs more than a small
    product itself.
    """

    def __init__(
        self,
        weight: torch.Tensor,  # [out, in]
        bias: torch.Tensor | None = None,  # [out]
    ) -> None:
        self.out_features = weight.shape[0]
        self._bias = bias
        self._packed = (
            weight.device.type == "cpu"
            and weight.dtype == torch.bfloat16
            and torch.ops.mkldnn._is_mkldnn_bf16_supported()
        )
        self._weight = _pack(weight) if self._packed else weight

    def __call__(self, x: torch.Tensor) -> torch.Tensor:  # [T, in] -> [T, out]
        if self._packed:
            product: torch.Tensor = torch.ops.mkldnn._linear_pointwise(
                x, self._weight, self._bias, "none", [], ""
            )
            return product
        return functional.linear(x, self._weight, self._bias)


def _pack(weight: torch.Tensor) -> torch.Tensor:
    packed: torch.Tensor = torch.ops.mkldnn._reorder_linear_weight(weight.contiguous(), None)
    return packed


class RMSNorm:
    """Root-mean-square norm with a scale; float32 inside."""

    def __init__(self, weight: torch.Tensor, eps: float) -> None:
        self.weight, self.eps = weight, eps

    def __call__(self, x: torch.Tensor) -> torch.Tensor:
        return rms_norm(x, self.weight, self.eps)

    def after(
        self,
        x: torch.Tensor,  # [T, W]
        update: torch.Tensor,  # [T, W]
        factor: float,
    ) -> tuple[torch.Tensor, torch.Tensor]:  # both [T, W]
        """The residual stream x + factor * update, and its norm."""
        return add_rms_norm(x, update, self.weight, self.eps, factor)


class LayerNorm:
    """Norm of mean 0 and variance 1 with a scale and a shift."""

    def __init__(self, weight: torch.Tensor, bias: torch.Tensor, eps: float) -> None:
        self._weight, self._bias, self._eps = weight, bias, eps

    def __call__(self, x: torch.Tensor) -> torch.Tensor:
        return layer_norm(x, self._weight, self._bias, self._eps)

    def after(
        self,
        x: torch.Tensor,  # [T, W]
        update: torch.Tensor,  # [T, W]
        factor: float,
    ) -> tuple[torch.Tensor, torch.Tensor]:  # both [T, W]
        """The residual stream x + factor * update, and its norm."""
        return add_layer_norm(x, update, self._weight, self._bias, self._eps, factor)
