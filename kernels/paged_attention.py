"""Attention over the paged cache; prefill, decode and verify differ in their row counts only.

On the CPU short query runs (decode and verify rows) go through the C++ kernel, which reads every
key once per (sequence, key/value head) where it lies. Without it they are padded into one call of
torch's fused attention, the heads of a group folded into its rows. Long runs (prefill chunks) take
a call of torch each. On a GPU the plain reference stands in until the Triton kernel does.
"""

from dataclasses import dataclass
from functools import cached_property

import torch
from torch.nn.functional import scaled_dot_product_attention

from kernels import reference
from kernels.native.attention import NativeKernels, suits

# Rows of a sequence up to which padding into the common call is cheaper than a call of its own.
SHORT_ROWS = 16


@dataclass(frozen=True)
class AttentionPlan:
    """Everything about a step's attention that does not change from layer to layer.

    What only some ways of attending need is worked out when it is first asked for.
    """

    block_tables: torch.Tensor  # [B, M] int64
    query_starts: torch.Tensor  # [B + 1] int64
    context_lens: torch.Tensor  # [B] int64
    ancestors: torch.Tensor | None  # [T] int64
    longest: int  # the largest of context_lens
    block_size: int
    native: NativeKernels | None

    @cached_property
    def short(self) -> torch.Tensor:  # int64
        """The sequences with few rows."""
        num_rows = self.query_starts.diff()
        return (num_rows <= SHORT_ROWS).nonzero().flatten()

    @cached_property
    def long(self) -> tuple["Run", ...]:
        """The others, one by one."""
        starts, contexts = self.query_starts.tolist(), self.context_lens.tolist()
        members = (self.query_starts.diff() > SHORT_ROWS).nonzero().flatten().tolist()
        return tuple(
            _run(b, starts, contexts, self.block_tables, self.block_size, self.ancestors)
            for b in members
        )

    @cached_property
    def padded(self) -> "Padded":
        """The short runs side by side, for torch."""
        return _pad(
            self.short.tolist(),
            self.query_starts.tolist(),
            self.context_lens.tolist(),
            self.block_tables,
            self.block_size,
            self.ancestors,
        )


@dataclass(frozen=True)
class Padded:
    """Short runs side by side: `row_index` gathers them, padding points at row 0 and is dropped."""

    row_index: torch.Tensor  # [b * q] int64 into T
    is_row: torch.Tensor  # [b * q] bool
    rows: torch.Tensor  # [rows] int64 into T, the ones behind is_row
    blocks: torch.Tensor  # [b, m] int64
    mask: torch.Tensor  # [b, 1, 1, q, m * S] bool
    positions: torch.Tensor  # [b, q] int64, of the rows in their sequences
    num_rows: int  # q


@dataclass(frozen=True)
class Run:
    """One long run: rows first..last of the step over the blocks of its sequence."""

    first: int
    last: int
    blocks: torch.Tensor  # [m] int64
    context: int
    mask: torch.Tensor  # [q, context] bool


def plan_attention(
    block_tables: torch.Tensor,  # [B, M] int64 on the CPU
    query_starts: torch.Tensor,  # [B + 1] int64
    context_lens: torch.Tensor,  # [B] int64
    block_size: int,
    ancestors: torch.Tensor | None = None,  # [T] int64
    native: NativeKernels | None = None,
) -> AttentionPlan:
    """The plan of one step."""
    return AttentionPlan(
        block_tables,
        query_starts,
        context_lens,
        ancestors,
        longest=int(context_lens.max()),
        block_size=block_size,
        native=native,
    )


def paged_attention(
    query: torch.Tensor,  # [T, H, D]
    cache: torch.Tensor,  # [2, N, S, G, D]; int8: packed rows
    plan: AttentionPlan,
    scale: float,
    window: int | None = None,
    softcap: float | None = None,
    sinks: torch.Tensor | None = None,  # [H]
) -> torch.Tensor:  # [T, H, D]
    """Attention of every row of the step over its sequence; see `reference.paged_attention`.

    A window costs nothing until a context outgrows it. Capped scores, sinks, and trees in a window
    run on the reference.
    """
    if window is not None and window >= plan.longest:
        window = None
    is_rare = softcap is not None or sinks is not None
    if query.is_cuda or is_rare or (window is not None and plan.ancestors is not None):
        return reference.paged_attention(
            query,
            cache,
            plan.block_tables,
            plan.query_starts,
            plan.context_lens,
            scale,
            plan.ancestors,
            window,
            softcap,
            sinks,
        )
    output = torch.empty_like(query)
    can_read = cache.dtype == query.dtype and suits(query)  # the C++ kernel reads no packed rows
    if plan.short.numel() and plan.native is not None and window is None and can_read:
        plan.native.paged_attention(
            query,
            cache,
            plan.block_tables,
            plan.query_starts,
            plan.context_lens,
            plan.short,
            scale,
            plan.ancestors,
            output,
        )
    elif plan.short.numel():
        _attend_short(query, cache, plan.padded, scale, window, output)
    for run in plan.long:
        _attend_long(query, cache, run, scale, window, output)
    return output


def _visible(
    context: int, num_rows: int, ancestors: torch.Tensor | None, width: int
) -> torch.Tensor:  # [num_rows, width] bool
    position, before = torch.arange(width), context - num_rows
    if ancestors is None:
        return position <= before + torch.arange(num_rows)[:, None]
    inside = (position >= before) & (position < context)
    bits = (ancestors[:, None] >> (position - before).clamp(0, 63)) & 1
    return (position < before) | (inside & (bits == 1))


def _pad(
    members: list[int],
    starts: list[int],
    contexts: list[int],
    block_tables: torch.Tensor,
    block_size: int,
    ancestors: torch.Tensor | None,
) -> Padded:
    width = max(starts[b + 1] - starts[b] for b in members)
    num_blocks = max(-(-contexts[b] // block_size) for b in members)
    lane = torch.arange(width)
    first = torch.tensor([starts[b] for b in members])
    count = torch.tensor([starts[b + 1] - starts[b] for b in members])
    is_row = lane < count[:, None]
    row_index = torch.where(is_row, first[:, None] + lane, 0)
    positions = torch.tensor([contexts[b] for b in members])[:, None] - count[:, None] + lane
    if ancestors is None:
        mask = torch.arange(num_blocks * block_size) <= positions[:, :, None]
    else:
        mask = torch.zeros(len(members), width, num_blocks * block_size, dtype=torch.bool)
        mask[:, :, 0] = True  # a padded row must see something, or its softmax is NaN
        for index, b in enumerate(members):
            rows = ancestors[starts[b] : starts[b + 1]]
            mask[index, : len(rows)] = _visible(contexts[b], len(rows), rows, mask.shape[2])
    return Padded(
        row_index=row_index.flatten(),
        is_row=is_row.flatten(),
        rows=row_index[is_row],
        blocks=block_tables[members, :num_blocks],
        mask=mask[:, None, None],
        positions=positions,
        num_rows=width,
    )


def _run(
    b: int,
    starts: list[int],
    contexts: list[int],
    block_tables: torch.Tensor,
    block_size: int,
    ancestors: torch.Tensor | None,
) -> Run:
    first, last, context = starts[b], starts[b + 1], contexts[b]
    is_chain = ancestors is None or last - first > reference.MASK_ROWS
    rows = None if is_chain or ancestors is None else ancestors[first:last]
    blocks = block_tables[b, : -(-context // block_size)]
    return Run(first, last, blocks, context, _visible(context, last - first, rows, context))


def _attend_short(
    query: torch.Tensor,
    cache: torch.Tensor,
    padded: Padded,
    scale: float,
    window: int | None,
    output: torch.Tensor,
) -> None:
    num_heads, width = query.shape[1:]
    num_groups = cache.shape[3]
    b, q = padded.blocks.shape[0], padded.num_rows
    fold = num_heads // num_groups
    keys_values = _gather(cache, padded.blocks.flatten(), query.dtype).view(
        2, b, -1, num_groups, width
    )
    keys_values = keys_values.transpose(2, 3)  # [2, b, G, m * S, D]
    rows = query[padded.row_index].view(b, q, num_groups, fold, width)
    rows = rows.permute(0, 2, 3, 1, 4).reshape(b, num_groups, fold * q, width)
    mask = padded.mask
    if window is not None:
        first_seen = padded.positions[:, None, None, :, None] - window + 1
        mask = mask & (torch.arange(mask.shape[-1]) >= first_seen)
    mask = mask.expand(b, 1, fold, q, -1).reshape(b, 1, fold * q, -1)
    attended = scaled_dot_product_attention(
        rows, keys_values[0], keys_values[1], attn_mask=mask, scale=scale
    )
    attended = attended.view(b, num_groups, fold, q, width).permute(0, 3, 1, 2, 4)
    attended = attended.reshape(b * q, num_heads, width)
    if padded.rows.numel() == b * q:
        output.index_copy_(0, padded.rows, attended)
    else:
        output.index_copy_(0, padded.rows, attended[padded.is_row])


def _attend_long(
    query: torch.Tensor,
    cache: torch.Tensor,
    run: Run,
    scale: float,
    window: int | None,
    output: torch.Tensor,
) -> None:
    keys_values = _gather(cache, run.blocks, query.dtype).flatten(1, 2)[:, : run.context]
    keys_values = keys_values.transpose(1, 2)
    mask = run.mask
    if window is not None:
        position = torch.arange(run.context)
        mask = mask & (position > position[run.first - run.last :, None] - window)
    attended = scaled_dot_product_attention(
        query[run.first : run.last].transpose(0, 1)[None],
        keys_values[0][None],
        keys_values[1][None],
        attn_mask=mask,
        scale=scale,
        enable_gqa=True,
    )
    output[run.first : run.last] = attended[0].transpose(0, 1)


def _gather(
    cache: torch.Tensor, blocks: torch.Tensor, dtype: torch.dtype
) -> torch.Tensor:  # [2, m, S, G, D]
    # index_select copies whole blocks; indexing by a tensor goes by element, 5 times slower.
    num_blocks = cache.shape[1]
    rows = torch.cat([blocks, blocks + num_blocks])
    read = cache.flatten(0, 1).flatten(1).index_select(0, rows).view(2, -1, *cache.shape[2:])
    return reference.unpack_rows(read, dtype) if cache.dtype == torch.int8 else read
