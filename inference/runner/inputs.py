"""A batch as tensors; pure."""

from itertools import accumulate

import torch

from inference.batch import Batch
from inference.model.decoder import DecoderInputs
from kernels.native import NativeKernels
from kernels.paged_attention import plan_attention


def build_inputs(
    batch: Batch, block_size: int, device: torch.device, native: NativeKernels | None
) -> DecoderInputs:
    """Rows of all parts in order: known tokens, then the draft, in consecutive slots."""
    token_ids: list[int] = []
    positions: list[int] = []
    slots: list[int] = []
    for part in batch.parts:
        stop = part.start + part.num_known
        token_ids += part.sequence.token_ids[part.start : stop]
        token_ids += part.draft_ids
        positions += range(part.start, part.start + part.num_rows)
        assert part.sequence.table is not None
        slots += part.sequence.table.slots(part.start, part.start + part.num_rows)
    starts = [0, *accumulate(part.num_rows for part in batch.parts)]
    contexts = [part.start + part.num_rows for part in batch.parts]
    return DecoderInputs(
        token_ids=torch.tensor(token_ids, device=device),
        positions=torch.tensor(positions, device=device),
        slot_mapping=torch.tensor(slots, device=device),
        attention=plan_attention(
            _block_tables(batch),
            torch.tensor(starts),
            torch.tensor(contexts),
            block_size,
            native=native,
        ),
    )


def row_ends(batch: Batch) -> list[int]:
    """The last row of every part."""
    return [end - 1 for end in accumulate(part.num_rows for part in batch.parts)]


def sampled_rows(batch: Batch) -> list[int]:
    """The rows whose logits are asked for, part by part."""
    rows: list[int] = []
    first = 0
    for part in batch.parts:
        first += part.num_rows
        rows += range(first - part.num_sampled, first)
    return rows


def _block_tables(batch: Batch) -> torch.Tensor:  # [B, M] int64
    tables = [part.sequence.table.block_ids for part in batch.parts if part.sequence.table]
    longest = max(map(len, tables))
    return torch.tensor([ids + [0] * (longest - len(ids)) for ids in tables])
