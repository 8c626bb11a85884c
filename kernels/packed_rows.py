"""Rows of keys and values as bytes with a scale, inside kernels: `reference.pack_rows`.

A byte means the same on every GPU: e4m3 is taken apart with integers, since cards before compute
capability 8.9 do not know it. As the upper bits of a float16 it is 1/256 of what it stands for,
smallest numbers included; the scale makes up for that.
"""

import torch
import triton
import triton.language as tl

PLAIN, INT8, FLOAT8 = range(3)
FORMATS = {torch.int8: INT8, torch.float8_e4m3fn: FLOAT8}


def format_of(cache: torch.Tensor) -> int:
    """What the kernels call the form of a cache's rows."""
    return FORMATS.get(cache.dtype, PLAIN)


def as_stored(cache: torch.Tensor) -> torch.Tensor:
    """The cache as kernels address it: packed rows as int8."""
    return cache.view(torch.int8) if cache.dtype in FORMATS else cache


def scales_of(half: torch.Tensor) -> torch.Tensor:
    """Keys or values [N, S, G, D] as kernels address the scales of packed rows."""
    if half.dtype != torch.int8:
        return half
    assert half.shape[-1] % 4 == 0, f"a scale at the end of {half.shape[-1]} bytes is not aligned"
    return half.view(torch.float32)


@triton.jit
def row_scale(x, LARGEST: tl.constexpr):
    """The scale of a row `x` [.., D], zeros beyond its width: float32, NaN if anything in it is."""
    largest = tl.max(tl.abs(x), 1)
    is_bad = tl.max((x != x).to(tl.int32), 1) > 0
    return tl.where(is_bad, float("nan"), _divide(largest, LARGEST).to(tl.float32))


@triton.jit
def pack(x, scale, FORMAT: tl.constexpr):
    """Rows as bytes; x is float32 or float64 [.., D], scale [..]."""
    is_sound = (scale > 0) & (scale < float("inf"))
    divisor = tl.where(is_sound, scale, 1.0).to(x.dtype)
    steps = tl.where(is_sound[:, None], _divide(x, divisor[:, None]), 0.0)
    if FORMAT == 1:
        packed = _round(tl.minimum(tl.maximum(steps, -127.0), 127.0)).to(tl.int8)
    else:
        packed = _to_e4m3(tl.minimum(tl.maximum(steps, -448.0), 448.0).to(tl.float32))
    return packed


@triton.jit
def unpack(stored, dtype: tl.constexpr, FORMAT: tl.constexpr):
    """Bytes as numbers, which `unpacked_scale` of their row's scale makes whole."""
    if FORMAT == 2:
        bits = stored.to(tl.int16)
        half = ((bits & 0x80) << 8) | ((bits & 0x7F) << 7)
        numbers = half.to(tl.float16, bitcast=True).to(dtype)
    else:
        numbers = stored.to(dtype)
    return numbers


@triton.jit
def unpacked_scale(scale, FORMAT: tl.constexpr):
    """What `unpack` of a row is multiplied by."""
    return scale * (256.0 if FORMAT == 2 else 1.0)


@triton.jit
def store_rows(
    x,  # [R, D], zeros beyond a row's width
    cache_ptr,
    scale_ptr,
    offset,  # [R] int64, the first elements of the rows' places
    is_row,  # [R]
    WIDTH: tl.constexpr,
    FORMAT: tl.constexpr,
):
    """Write rows as the cache keeps them."""
    dim = tl.arange(0, x.shape[1])
    is_element = is_row[:, None] & (dim < WIDTH)[None, :]
    places = cache_ptr + offset[:, None] + dim[None, :]
    if FORMAT == 0:
        tl.store(places, x.to(cache_ptr.dtype.element_ty), mask=is_element)
    else:
        precise = x if x.dtype == tl.float64 else x.to(tl.float32)
        scale = row_scale(precise, 127.0 if FORMAT == 1 else 448.0)
        tl.store(places, pack(precise, scale, FORMAT), mask=is_element)
        tl.store(scale_ptr + ((offset + WIDTH) >> 2), scale, mask=is_row)


@triton.jit
def _divide(a, b):
    # `/` of float32 is rounded a bit off on a GPU.
    if a.dtype == tl.float32:  # noqa: SIM108  # only one of the two compiles
        quotient = tl.math.div_rn(a, b)
    else:
        quotient = a / b
    return quotient


@triton.jit
def _round(x):
    # The nearest whole number, halves to the even one: what addition does to the bits that a number
    # of this size has no room for.
    if x.dtype == tl.float64:
        whole = (x + 6755399441055744.0) - 6755399441055744.0
    else:
        whole = (x + 12582912.0) - 12582912.0
    return whole


@triton.jit
def _to_e4m3(x):
    size = tl.abs(x)
    bits = size.to(tl.int32, bitcast=True)
    normal = ((bits + 0x7FFFF + ((bits >> 20) & 1)) >> 20) - 960
    small = _round(size * 512.0).to(tl.int32)
    code = tl.where(size < 0.015625, small, normal)
    return (code | tl.where(x < 0, 0x80, 0)).to(tl.int8)


__all__ = [
    "FORMATS",
    "as_stored",
    "format_of",
    "pack",
    "scales_of",
    "store_rows",
    "unpack",
    "unpacked_scale",
]
