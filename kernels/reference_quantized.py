"""The truth of products with weights in bytes, in plain torch: N outputs, K inputs, T rows."""

import torch

LARGEST = {torch.int8: 127.0, torch.float8_e4m3fn: 448.0}
"""What an output's largest weight becomes."""


def quantize_rows(
    weight: torch.Tensor,  # [N, K]
    kind: torch.dtype,
) -> tuple[torch.Tensor, torch.Tensor]:  # [N, K] of that kind, [N] float32 or float64
    """Bytes and one scale an output: weight = bytes * scale, up to rounding to the nearest.

    The error of a weight is at most half a scale in int8, 1/254 of its output's largest; in
    float8_e4m3fn 1/16 of itself, or 1/2^10 of a scale where it is tiny.
    """
    precise = weight if weight.dtype == torch.float64 else weight.float()
    scales = precise.abs().amax(1) / LARGEST[kind]
    steps = precise / torch.where(scales > 0, scales, 1.0)[:, None]
    if kind == torch.int8:
        steps = steps.round()
    return steps.clamp(-LARGEST[kind], LARGEST[kind]).to(kind), scales


def quantized_linear(
    x: torch.Tensor,  # [T, K]
    steps: torch.Tensor,  # [N, K] int8 or float8_e4m3fn
    scales: torch.Tensor,  # [N]
) -> torch.Tensor:  # [T, N]
    """x @ (steps * scales).T; the scale is applied to the sum, in its own precision."""
    product = torch.nn.functional.linear(x, steps.to(x.dtype))
    return (product.to(scales.dtype) * scales).to(x.dtype)
