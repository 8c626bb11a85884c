"""Launches of products with weights in bytes, as layers of real models make them."""

import torch

from kernels import quantized_linear


def _multiply(rows: int) -> None:
    x = torch.zeros(rows, 4096, dtype=torch.bfloat16)
    steps = torch.zeros(6144, 4096, dtype=torch.int8)
    quantized_linear.launch(x, steps, torch.zeros(6144))


def decode() -> None:
    """One row."""
    _multiply(1)


def verify() -> None:
    """As many rows as still go through the kernel."""
    _multiply(quantized_linear.FEW_ROWS)
