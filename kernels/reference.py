"""The truth in plain torch: one function per operation, written to be read, not to be fast.

Tests compare every kernel with these; shapes use the axis letters T tokens of the step, B
sequences, H query heads, G key/value heads, D head width, N blocks, S slots per block, M blocks in
a table.
"""

from dataclasses import dataclass

import torch

# What a packed row has behind its D bytes: its scale, a float32.
SCALE_BYTES = 4

PACKED_TYPES = (torch.int8, torch.float8_e4m3fn)
"""The types of a cache of packed rows: how their bytes are meant."""
LARGEST = {torch.int8: 127.0, torch.float8_e4m3fn: 448.0}

# Rows of one sequence that an ancestor mask has bits for, the sign bit left alone.
MASK_ROWS = 63


def is_packed(cache: torch.Tensor) -> bool:
    """Whether a cache holds packed rows."""
    return cache.dtype in PACKED_TYPES


def pack_rows(
    x: torch.Tensor,  # [..., D]
    kind: torch.dtype = torch.int8,
) -> torch.Tensor:  # [..., D + SCALE_BYTES] of that type
    """Each row as bytes times a scale of its own, a float32, which stands behind them.

    Symmetric: 0 stays 0, and the largest of a row is hit exactly. In int8 the bytes are whole
    numbers -127 to 127, and the error of an element is at most half a scale, 1/254 of the row's
    largest; in float8_e4m3fn it is at most 1/16 of the element, or 1/2^10 of a scale. A row with
    what is not a number gets a scale that is none, so that it stays visible.
    """
    precise = x if x.dtype == torch.float64 else x.float()
    scale = (precise.abs().amax(-1, keepdim=True) / LARGEST[kind]).float()
    steps = torch.where((scale > 0) & scale.isfinite(), precise / scale, 0.0)
    if kind == torch.int8:
        steps = steps.round()
    steps = steps.clamp(-LARGEST[kind], LARGEST[kind]).to(kind).view(torch.int8)
    return torch.cat([steps, scale.contiguous().view(torch.int8)], -1).view(kind)


def unpack_rows(
    packed: torch.Tensor,  # [..., D + SCALE_BYTES] of a packed type
    dtype: torch.dtype,
) -> torch.Tensor:  # [..., D]
    """What `pack_rows` has packed, up to rounding."""
    steps, scale = packed[..., :-SCALE_BYTES], packed[..., -SCALE_BYTES:]
    precise = torch.float64 if dtype == torch.float64 else torch.float32
    factor = scale.contiguous().view(torch.int8).view(torch.float32)
    return (steps.to(precise) * factor).to(dtype)


def store_kv(
    key: torch.Tensor,  # [T, G, D]
    value: torch.Tensor,  # [T, G, D]
    cache: torch.Tensor,  # [2, N, S, G, D], written in place; a packed type: packed rows
    slot_mapping: torch.Tensor,  # [T] int64, block_id * S + offset; -1 is padding
) -> None:
    """Put token t into slot `slot_mapping[t]`; padding is skipped, slots never repeat."""
    if is_packed(cache):
        key, value = (pack_rows(rows, cache.dtype).view(torch.int8) for rows in (key, value))
        cache = cache.view(torch.int8)
    flat = cache.view(2, -1, *cache.shape[3:])
    kept = slot_mapping >= 0
    flat[0, slot_mapping[kept]] = key[kept]
    flat[1, slot_mapping[kept]] = value[kept]


def move_rows(
    cache: torch.Tensor,  # [L, 2, N, S, G, D], changed in place
    sources: torch.Tensor,  # [M] int64 slots, or [B, M] by sequence; -1 is padding
    targets: torch.Tensor,  # like sources
) -> None:
    """Copy the keys and values of slot `sources[i]` to slot `targets[i]`, in every layer.

    As if all were read before any is written; targets never repeat. No target is the source of a
    later pair of its sequence, or of any pair of another.
    """
    kept = sources >= 0
    flat = cache.view(torch.int8).flatten(2, 3) if is_packed(cache) else cache.flatten(2, 3)
    flat[:, :, targets[kept]] = flat[:, :, sources[kept]]


def copy_blocks(
    cache: torch.Tensor,  # [L, 2, N, S, G, D]
    sources: torch.Tensor,  # [M] int64 block ids of `cache`
    into: torch.Tensor,  # [L, 2, N', S, G, D], written in place; may be `cache`
    targets: torch.Tensor,  # [M] int64 block ids of `into`
) -> None:
    """Copy block `sources[i]` to block `targets[i]`; no target repeats or is a source."""
    if is_packed(cache):
        cache, into = cache.view(torch.int8), into.view(torch.int8)
    into[:, :, targets] = cache[:, :, sources]


def paged_attention(
    query: torch.Tensor,  # [T, H, D]
    cache: torch.Tensor,  # [2, N, S, G, D]; a packed type: packed rows
    block_tables: torch.Tensor,  # [B, M] integer block ids; entries beyond the context are ignored
    query_starts: torch.Tensor,  # [B + 1] integer, rows of sequence b are starts[b]..starts[b + 1]
    context_lens: torch.Tensor,  # [B] integer, tokens in the cache, this step's rows included
    scale: float,
    ancestors: torch.Tensor | None = None,  # [T] int64, bit j: row sees row j of its sequence
    window: int | None = None,
    softcap: float | None = None,
    sinks: torch.Tensor | None = None,  # [H]
) -> torch.Tensor:  # [T, H, D]
    """Attention of ragged query rows over the paged keys and values of their sequences.

    Rows are the last of the context. Without `ancestors` they form a chain: row i sees everything
    before itself and itself. With it (a tree of drafts) a row sees the context before the first
    row, and of the rows exactly those whose bit is set; a sequence of more than `MASK_ROWS` rows is
    a chain whatever its bits. With a `window` a row sees no more than that many positions, its own
    included; a tree row's position is its depth.
    With a `softcap` no score exceeds it: softcap * tanh(score / softcap), as in Gemma 2.
    With `sinks` each head has one more score, to nothing, that takes its share, as in gpt-oss.
    """
    output = torch.empty_like(query)
    heads_per_group = query.shape[1] // cache.shape[3]
    for b in range(context_lens.shape[0]):
        first, last = int(query_starts[b]), int(query_starts[b + 1])
        num_rows, context = last - first, int(context_lens[b])
        position = torch.arange(context, device=query.device)
        table = block_tables[b].to(query.device).long()
        slot = table[position // cache.shape[2]], position % cache.shape[2]
        if is_packed(cache):
            whole = cache.view(torch.int8)  # few operations know bytes of float8
            key, value = (whole[half][slot].view(cache.dtype) for half in (0, 1))
            precise = torch.promote_types(query.dtype, torch.float32)
            key, value = unpack_rows(key, precise), unpack_rows(value, precise)
        else:
            key, value = cache[0][slot], cache[1][slot]  # [context, G, D]
        key = key.repeat_interleave(heads_per_group, 1)
        value = value.repeat_interleave(heads_per_group, 1)
        rows = query[first:last]
        if query.dtype != torch.float64:
            rows, key, value = rows.float(), key.float(), value.float()
        scores = torch.einsum("qhd,khd->hqk", rows, key) * scale
        if softcap is not None:
            scores = (scores / softcap).tanh() * softcap
        before = context - num_rows
        depth = torch.arange(num_rows, device=query.device)
        if ancestors is None or num_rows > MASK_ROWS:
            visible = position <= before + depth[:, None]
        else:
            own = ancestors[first:last, None].to(query.device)
            bits = (own >> (position - before).clamp(0, 63)) & 1
            visible = (position < before) | (bits == 1)
            depth = ((own >> depth) & 1).sum(-1) - 1
        if window is not None:
            row_position = before + depth
            key_position = torch.cat([position[:before], row_position])
            visible &= key_position > row_position[:, None] - window
        scores = scores.masked_fill(~visible, float("-inf"))
        if sinks is not None:
            sink = sinks.to(scores.dtype)[:, None, None].expand(-1, num_rows, 1)
            scores = torch.cat([scores, sink], -1)
        shares = scores.softmax(-1)[..., :context]
        output[first:last] = torch.einsum("hqk,khd->qhd", shares, value).to(query.dtype)
    return output


def rms_norm(
    x: torch.Tensor,  # [..., W]
    weight: torch.Tensor,  # [W]
    eps: float,
) -> torch.Tensor:  # [..., W]
    """Divide each row by its root mean square (float32 inside), then scale."""
    precise = x if x.dtype == torch.float64 else x.float()
    precise = precise * torch.rsqrt(precise.pow(2).mean(-1, keepdim=True) + eps)
    return precise.to(x.dtype) * weight


def add_rms_norm(
    x: torch.Tensor,  # [T, W]
    update: torch.Tensor,  # [T, W]
    weight: torch.Tensor,  # [W]
    eps: float,
    factor: float = 1.0,
) -> tuple[torch.Tensor, torch.Tensor]:  # both [T, W]
    """The residual stream x + factor * update, and its norm."""
    added = x + (update if factor == 1.0 else update * factor)
    return added, rms_norm(added, weight, eps)


def layer_norm(
    x: torch.Tensor,  # [T, W]
    weight: torch.Tensor,  # [W]
    bias: torch.Tensor,  # [W]
    eps: float,
) -> torch.Tensor:  # [T, W]
    """Bring each row to mean 0 and variance 1 (float32 inside), then scale and shift."""
    return torch.nn.functional.layer_norm(x, weight.shape, weight, bias, eps)


def add_layer_norm(
    x: torch.Tensor,  # [T, W]
    update: torch.Tensor,  # [T, W]
    weight: torch.Tensor,  # [W]
    bias: torch.Tensor,  # [W]
    eps: float,
    factor: float = 1.0,
) -> tuple[torch.Tensor, torch.Tensor]:  # both [T, W]
    """The residual stream x + factor * update, and its norm."""
    added = x + (update if factor == 1.0 else update * factor)
    return added, layer_norm(added, weight, bias, eps)


@dataclass(frozen=True)
class Angles:
    """Rotary positions: a table of angles, and each row's place in it."""

    cos: torch.Tensor  # [positions, D / 2]
    sin: torch.Tensor  # [positions, D / 2]
    positions: torch.Tensor  # [T] int64


@dataclass(frozen=True)
class HeadNorms:
    """Norms of each head of queries and keys."""

    query: torch.Tensor  # [D]
    key: torch.Tensor  # [D]
    eps: float


def rotary(
    x: torch.Tensor,  # [T, H, D]
    cos: torch.Tensor,  # [T, D / 2]
    sin: torch.Tensor,  # [T, D / 2]
) -> torch.Tensor:  # [T, H, D]
    """Rotate the pairs (x[i], x[i + D/2]) by each row's angles (the half-split layout of Llama)."""
    first, second = x.chunk(2, -1)
    cos, sin = cos[:, None], sin[:, None]
    return torch.cat([first * cos - second * sin, second * cos + first * sin], -1)


def turn_heads(
    qkv: torch.Tensor,  # [T, H + 2 G, D]
    num_heads: int,
    angles: Angles | None,
    norms: HeadNorms | None,
) -> tuple[torch.Tensor, torch.Tensor]:  # [T, H + G, D], [T, G, D]
    """Queries and keys, normed and turned where a model does that, and values as they are."""
    groups = (qkv.shape[1] - num_heads) // 2
    turned, value = qkv[:, : num_heads + groups], qkv[:, num_heads + groups :]
    if norms is not None:
        query = rms_norm(turned[:, :num_heads], norms.query, norms.eps)
        turned = torch.cat([query, rms_norm(turned[:, num_heads:], norms.key, norms.eps)], 1)
    if angles is not None:
        turned = rotary(turned, angles.cos[angles.positions], angles.sin[angles.positions])
    return turned, value


def rotate_and_store(
    qkv: torch.Tensor,  # [T, H + 2 G, D]
    num_heads: int,
    angles: Angles | None,
    norms: HeadNorms | None,
    cache: torch.Tensor,  # [2, N, S, G, D], written in place; a packed type: packed rows
    slot_mapping: torch.Tensor,  # [T] int64; -1 is padding
) -> torch.Tensor:  # [T, H, D]
    """The queries as attention takes them; keys and values are in the cache afterwards."""
    turned, value = turn_heads(qkv, num_heads, angles, norms)
    store_kv(turned[:, num_heads:], value, cache, slot_mapping)
    return turned[:, :num_heads].contiguous()


def swiglu(
    gate_up: torch.Tensor,  # [T, 2 W], the gate half first
) -> torch.Tensor:  # [T, W]
    """SiLU of the gate times the other half."""
    gate, up = gate_up.chunk(2, -1)
    return torch.nn.functional.silu(gate) * up
