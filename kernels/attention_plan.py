"""What a step's attention needs to know once, not in every layer: who has which rows and blocks.

The plan carries the step as the runner lays it out; what only some ways of attending need is worked
out from it when it is first asked for.
"""

from dataclasses import dataclass, field
from functools import cached_property

import torch

from kernels.native.attention import NativeKernels
from kernels.reference import MASK_ROWS

# Rows of a sequence up to which padding into the common call is cheaper than a call of its own.
SHORT_ROWS = 16


@dataclass(frozen=True)
class AttentionPlan:
    """Everything about a step's attention that does not change from layer to layer."""

    block_tables: torch.Tensor  # [B, M] int64; for a GPU also int32, and already there
    query_starts: torch.Tensor  # [B + 1] likewise
    context_lens: torch.Tensor  # [B] likewise
    ancestors: torch.Tensor | None  # [T] int64
    longest: int  # no context is longer
    most_rows: int  # no sequence has more
    block_size: int
    native: NativeKernels | None
    _tables: dict[torch.device, "StepTables"] = field(default_factory=dict, init=False, repr=False)

    def tables_on(self, device: torch.device) -> "StepTables":
        """What the Triton kernel reads, copied to the device once a step."""
        if device not in self._tables:
            ancestors = self.ancestors
            self._tables[device] = StepTables(
                self.block_tables.to(device, torch.int32),
                self.query_starts.to(device, torch.int32),
                self.context_lens.to(device, torch.int32),
                None if ancestors is None else ancestors.to(device),
            )
        return self._tables[device]

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
class StepTables:
    """The plan's tensors where the kernel is."""

    block_tables: torch.Tensor  # [B, M] int32
    query_starts: torch.Tensor  # [B + 1] int32
    context_lens: torch.Tensor  # [B] int32
    ancestors: torch.Tensor | None  # [T] int64


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
    block_tables: torch.Tensor,  # [B, M] int64
    query_starts: torch.Tensor,  # [B + 1] int64
    context_lens: torch.Tensor,  # [B] int64
    block_size: int,
    ancestors: torch.Tensor | None = None,  # [T] int64
    native: NativeKernels | None = None,
) -> AttentionPlan:
    """The plan of one step, from tensors on the CPU."""
    return AttentionPlan(
        block_tables,
        query_starts,
        context_lens,
        ancestors,
        longest=int(context_lens.max()),
        most_rows=int(query_starts.diff().max()),
        block_size=block_size,
        native=native,
    )


def visible(
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
            mask[index, : len(rows)] = visible(contexts[b], len(rows), rows, mask.shape[2])
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
    is_chain = ancestors is None or last - first > MASK_ROWS
    rows = None if is_chain or ancestors is None else ancestors[first:last]
    blocks = block_tables[b, : -(-context // block_size)]
    return Run(first, last, blocks, context, visible(context, last - first, rows, context))
