"""Launches of products with weights in bytes, as layers of real models make them."""

import torch

from kernels import quantized_linear


def _multiply(
    rows: int,
    kind: torch.dtype = torch.int8,
    dtype: torch.dtype = torch.bfloat16,
    knows: bool = True,
) -> None:
    x = torch.zeros(rows, 4096, dtype=dtype)
    steps = torch.zeros(6144, 4096, dtype=torch.int8).view(kind)
    quantized_linear.launch(x, steps, torch.zeros(6144), knows)


def decode() -> None:
    """One row."""
    _multiply(1)


def verify() -> None:
    """As many rows as still go through the kernel."""
    _multiply(quantized_linear.FEW_ROWS)


def decode_float8_from_89() -> None:
    """One row of weights that the processor widens itself."""
    _multiply(1, torch.float8_e4m3fn)


def rare_verify_float8_from_89() -> None:
    """More rows of them."""
    _multiply(quantized_linear.FEW_ROWS, torch.float8_e4m3fn)


def decode_float8_apart() -> None:
    """One row of weights that are taken apart, as for 8.0."""
    _multiply(1, torch.float8_e4m3fn, knows=False)


def rare_verify_float8_apart() -> None:
    """More rows of them."""
    _multiply(quantized_linear.FEW_ROWS, torch.float8_e4m3fn, knows=False)


def rare_float32() -> None:
    """Checks in float32, without tensor cores."""
    _multiply(quantized_linear.FEW_ROWS, dtype=torch.float32)
