"""Steps of any size as few shapes, so that few graphs serve them all; pure.

A step is padded to its shape with rows that are stored nowhere and belong to no sequence, and with
sequences without rows: what the real rows compute does not change.
"""

from bisect import bisect_left
from dataclasses import dataclass, replace

import torch
from torch.nn.functional import pad

from inference.model.decoder import DecoderInputs
from kernels.reference import MASK_ROWS

# Close together where a row still costs something, each at most half again the one before.
ROW_SIZES = (1, 2, 3, 4, 6, 8, 12, 16, 24, 32, 48, 64, 96, 128, 192, 256)
FEWEST_BLOCKS = 16
PADDING_SLOT = -1


@dataclass(frozen=True)
class StepShape:
    """The sizes that a graph fixes."""

    num_rows: int
    num_sequences: int
    num_blocks: int
    """Of a block table."""
    most_rows: int
    """Of a sequence."""
    is_tree: bool

    def covers(self, other: "StepShape") -> bool:
        """Whether a step of the other shape can be padded to this one."""
        return (
            self.num_rows >= other.num_rows
            and self.num_sequences >= other.num_sequences
            and self.num_blocks >= other.num_blocks
            and self.most_rows >= other.most_rows
            and self.is_tree >= other.is_tree
        )


def shape_of(inputs: DecoderInputs) -> StepShape | None:
    """The smallest shape that a step fits in; None for those too large to be worth a graph."""
    num_rows, plan = inputs.token_ids.shape[0], inputs.attention
    if num_rows > ROW_SIZES[-1]:
        return None
    num_sequences, num_blocks = plan.block_tables.shape
    return StepShape(
        num_rows=_row_size(num_rows),
        num_sequences=_row_size(num_sequences),
        num_blocks=max(FEWEST_BLOCKS, _power(num_blocks)),
        most_rows=_power(plan.most_rows),
        is_tree=plan.ancestors is not None,
    )


def pad_inputs(inputs: DecoderInputs, shape: StepShape) -> DecoderInputs:
    """The same step in this shape, on the host; real rows and sequences come first.

    The tensors of the plan are int32 already, as the attention kernel reads them.
    """
    plan, rows = inputs.attention, shape.num_rows - inputs.token_ids.shape[0]
    num_sequences, num_blocks = plan.block_tables.shape
    sequences = shape.num_sequences - num_sequences
    assert rows >= 0 and sequences >= 0 and shape.num_blocks >= num_blocks
    ancestors = plan.ancestors
    if shape.is_tree and ancestors is None:
        ancestors = _chain_bits(plan.query_starts)
    return DecoderInputs(
        token_ids=pad(inputs.token_ids, (0, rows)),
        positions=pad(inputs.positions, (0, rows)),
        slot_mapping=pad(inputs.slot_mapping, (0, rows), value=PADDING_SLOT),
        attention=replace(
            plan,
            block_tables=pad(
                plan.block_tables, (0, shape.num_blocks - num_blocks, 0, sequences)
            ).int(),
            query_starts=pad(
                plan.query_starts, (0, sequences), value=int(plan.query_starts[-1])
            ).int(),
            context_lens=pad(plan.context_lens, (0, sequences)).int(),
            ancestors=None if ancestors is None else pad(ancestors, (0, rows)),
            longest=shape.num_blocks * plan.block_size,
            most_rows=shape.most_rows,
        ),
    )


def _chain_bits(query_starts: torch.Tensor) -> torch.Tensor:  # [B + 1] -> [T] int64
    """Each row sees those before it and itself; more rows than bits are a chain anyway."""
    bits: list[int] = []
    for num_rows in query_starts.diff().tolist():
        bits += [(2 << row) - 1 if num_rows <= MASK_ROWS else 0 for row in range(num_rows)]
    return torch.tensor(bits, dtype=torch.int64)


def _row_size(count: int) -> int:
    return ROW_SIZES[bisect_left(ROW_SIZES, count)]


def _power(count: int) -> int:
    return 1 << (count - 1).bit_length()
