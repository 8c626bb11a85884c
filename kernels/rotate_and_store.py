"""From the fused product of query, key and value to attention's inputs, in one launch.

Queries and keys are normed (Qwen 3) and turned by their positions, keys and values go into the
paged cache, packed where it holds packed rows. The table of angles is read in place, so every
variant of rotary positions that a table holds runs here.

Cost: memory bound, 2·T·(H + 2 G)·D elements moved.
"""

from dataclasses import dataclass

import torch
import triton
import triton.language as tl

from kernels import reference
from kernels.dispatch import runs_triton
from kernels.packed_rows import as_stored, format_of, scales_of, store_rows
from kernels.reference import Angles, HeadNorms
from kernels.store_kv import store_kv


@dataclass(frozen=True)
class Heads:
    """What is done to heads before attention; None for nothing."""

    num_heads: int
    angles: Angles | None = None
    norms: HeadNorms | None = None


def rotate_and_store(
    qkv: torch.Tensor,  # [T, H + 2 G, D]
    heads: Heads,
    cache: torch.Tensor,  # [2, N, S, G, D], written in place; a packed type: packed rows
    slot_mapping: torch.Tensor,  # [T] int64; -1 is padding
) -> torch.Tensor:  # [T, H, D]
    """The queries as attention takes them; keys and values are in the cache afterwards."""
    if runs_triton(qkv):
        return launch(qkv, heads, cache, slot_mapping)
    turned, value = reference.turn_heads(qkv, heads.num_heads, heads.angles, heads.norms)
    store_kv(turned[:, heads.num_heads :], value, cache, slot_mapping)
    return turned[:, : heads.num_heads].contiguous()


def launch(
    qkv: torch.Tensor, heads: Heads, cache: torch.Tensor, slot_mapping: torch.Tensor
) -> torch.Tensor:
    """Run the Triton kernel; three programs a token: queries, keys, values."""
    num_tokens, total, width = qkv.shape
    groups, angles, norms = (total - heads.num_heads) // 2, heads.angles, heads.norms
    assert qkv.is_contiguous() and cache.is_contiguous() and cache.shape[3] == groups
    assert angles is None or (angles.cos.is_contiguous() and angles.sin.is_contiguous())
    query = qkv.new_empty(num_tokens, heads.num_heads, width)
    stored = as_stored(cache)
    _kernel[(num_tokens, 3)](
        qkv,
        query,
        stored[0],
        stored[1],
        scales_of(stored[0]),
        scales_of(stored[1]),
        slot_mapping,
        qkv if angles is None else angles.cos,
        qkv if angles is None else angles.sin,
        slot_mapping if angles is None else angles.positions,
        qkv if norms is None else norms.query,
        qkv if norms is None else norms.key,
        0.0 if norms is None else norms.eps,
        HEADS=heads.num_heads,
        HEADS_PADDED=triton.next_power_of_2(heads.num_heads),
        GROUPS=groups,
        GROUPS_PADDED=triton.next_power_of_2(groups),
        WIDTH=width,
        PADDED=triton.next_power_of_2(width),
        ROW=cache.shape[-1],
        FORMAT=format_of(cache),
        HAS_ANGLES=angles is not None,
        HAS_NORMS=norms is not None,
    )
    return query


@triton.jit
def _kernel(
    qkv_ptr,
    query_ptr,
    key_cache_ptr,
    value_cache_ptr,
    key_scale_ptr,
    value_scale_ptr,
    slot_ptr,
    cos_ptr,
    sin_ptr,
    position_ptr,
    query_norm_ptr,
    key_norm_ptr,
    eps,
    HEADS: tl.constexpr,
    HEADS_PADDED: tl.constexpr,
    GROUPS: tl.constexpr,
    GROUPS_PADDED: tl.constexpr,
    WIDTH: tl.constexpr,
    PADDED: tl.constexpr,
    ROW: tl.constexpr,
    FORMAT: tl.constexpr,
    HAS_ANGLES: tl.constexpr,
    HAS_NORMS: tl.constexpr,
):
    token = tl.program_id(0).to(tl.int64)  # 64 bits: slot * width outgrows 32
    slot = tl.load(slot_ptr + token)
    if slot < 0:
        return
    part = tl.program_id(1)
    rows = qkv_ptr + token * (HEADS + 2 * GROUPS) * WIDTH
    if HAS_ANGLES:
        angle = tl.load(position_ptr + token) * (WIDTH // 2)
        cos_ptr += angle
        sin_ptr += angle
    group = tl.arange(0, GROUPS_PADDED)
    offset = (slot * GROUPS + group) * ROW
    if part == 0:
        query = _turn(
            rows, cos_ptr, sin_ptr, query_norm_ptr, eps,
            HEADS, HEADS_PADDED, WIDTH, PADDED, HAS_ANGLES, HAS_NORMS,
        )  # fmt: skip
        head, dim = tl.arange(0, HEADS_PADDED), tl.arange(0, PADDED)
        tl.store(
            query_ptr + token * HEADS * WIDTH + head[:, None] * WIDTH + dim[None, :],
            query,
            mask=(head < HEADS)[:, None] & (dim < WIDTH)[None, :],
        )
    elif part == 1:
        key = _turn(
            rows + HEADS * WIDTH, cos_ptr, sin_ptr, key_norm_ptr, eps,
            GROUPS, GROUPS_PADDED, WIDTH, PADDED, HAS_ANGLES, HAS_NORMS,
        )  # fmt: skip
        store_rows(key, key_cache_ptr, key_scale_ptr, offset, group < GROUPS, WIDTH, FORMAT)
    else:
        dim = tl.arange(0, PADDED)
        value = tl.load(
            rows + (HEADS + GROUPS) * WIDTH + group[:, None] * WIDTH + dim[None, :],
            mask=(group < GROUPS)[:, None] & (dim < WIDTH)[None, :],
            other=0.0,
        )
        store_rows(value, value_cache_ptr, value_scale_ptr, offset, group < GROUPS, WIDTH, FORMAT)


@triton.jit
def _turn(
    rows,
    cos_ptr,
    sin_ptr,
    norm_ptr,
    eps,
    COUNT: tl.constexpr,
    COUNT_PADDED: tl.constexpr,
    WIDTH: tl.constexpr,
    PADDED: tl.constexpr,
    HAS_ANGLES: tl.constexpr,
    HAS_NORMS: tl.constexpr,
):
    """Heads [COUNT_PADDED, PADDED] of a token, normed and turned; zeros beyond."""
    dtype: tl.constexpr = rows.dtype.element_ty
    precise: tl.constexpr = tl.float64 if dtype == tl.float64 else tl.float32
    head, dim = tl.arange(0, COUNT_PADDED), tl.arange(0, PADDED)
    inside = (head < COUNT)[:, None] & (dim < WIDTH)[None, :]
    x = tl.load(rows + head[:, None] * WIDTH + dim[None, :], mask=inside, other=0.0).to(precise)
    root = tl.full([COUNT_PADDED], 1.0, precise)
    if HAS_NORMS:
        root = 1.0 / tl.sqrt(tl.sum(x * x, 1) / WIDTH + eps)
        x = _norm(x, root, norm_ptr, dim, dtype, precise, WIDTH)
    if HAS_ANGLES:
        # Each element turns with the one half a row away.
        half: tl.constexpr = WIDTH // 2
        is_first = dim < half
        other_dim = tl.where(is_first, dim + half, dim - half)
        other = tl.load(
            rows + head[:, None] * WIDTH + other_dim[None, :], mask=inside, other=0.0
        ).to(precise)
        if HAS_NORMS:
            other = _norm(other, root, norm_ptr, other_dim, dtype, precise, WIDTH)
        angle = tl.where(is_first, dim, dim - half)
        cos = tl.load(cos_ptr + angle, mask=dim < WIDTH, other=0.0).to(precise)
        sin = tl.load(sin_ptr + angle, mask=dim < WIDTH, other=0.0).to(precise)
        x = x * cos[None, :] + other * tl.where(is_first, -sin, sin)[None, :]
    return x.to(dtype)


@triton.jit
def _norm(x, root, norm_ptr, dim, dtype: tl.constexpr, precise: tl.constexpr, WIDTH: tl.constexpr):
    weight = tl.load(norm_ptr + dim, mask=(dim >= 0) & (dim < WIDTH), other=0.0).to(precise)
    normed = (x * root[:, None]).to(dtype).to(precise)  # rounded where torch rounds
    return (normed * weight[None, :]).to(dtype).to(precise)


__all__ = ["Angles", "HeadNorms", "Heads", "launch", "rotate_and_store"]
