"""A batch as tensors; pure."""

from itertools import accumulate

import torch

from inference.batch import Batch, Part
from inference.model.decoder import DecoderInputs
from kernels.native.attention import NativeKernels
from kernels.paged_attention import plan_attention
from kernels.reference import MASK_ROWS


def build_inputs(
    batch: Batch, block_size: int, device: torch.device, native: NativeKernels | None
) -> DecoderInputs:
    """Rows of all parts in order: known tokens, then the drafted tree, in consecutive slots."""
    token_ids: list[int] = []
    positions: list[int] = []
    slots: list[int] = []
    for part in batch.parts:
        stop = part.start + part.num_known
        token_ids += part.sequence.token_ids[part.start : stop]
        token_ids += part.tree.token_ids
        positions += range(part.start, stop)
        positions += [stop - 1 + depth for depth in part.tree.depths]
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
            ancestors=_ancestors(batch),
            native=native,
        ),
    )


def row_starts(batch: Batch) -> list[int]:
    """The first row of every part."""
    return [0, *accumulate(part.num_rows for part in batch.parts)][:-1]


def sampled_rows(batch: Batch) -> list[int]:
    """The rows whose logits are asked for, part by part."""
    rows: list[int] = []
    first = 0
    for part in batch.parts:
        first += part.num_rows
        rows += range(first - part.num_sampled, first)
    return rows


def _ancestors(batch: Batch) -> torch.Tensor | None:  # [T] int64
    """Which rows of its sequence each row sees; None where every part is a chain."""
    if all(part.tree.is_chain for part in batch.parts):
        return None
    return torch.tensor([bits for part in batch.parts for bits in _bits(part)])


def _bits(part: Part) -> list[int]:
    if part.num_rows > MASK_ROWS:
        assert part.tree.is_chain, f"a tree in {part.num_rows} rows has no room in a mask"
        return [0] * part.num_rows
    known = [(2 << row) - 1 for row in range(part.num_known)]
    nodes: list[int] = []
    for node, parent in enumerate(part.tree.parents):
        seen = known[-1] if parent < 0 else nodes[parent]
        nodes.append(seen | 1 << (part.num_known + node))
    return known + nodes


def _block_tables(batch: Batch) -> torch.Tensor:  # [B, M] int64
    tables = [part.sequence.table.block_ids for part in batch.parts if part.sequence.table]
    longest = max(map(len, tables))
    return torch.tensor([ids + [0] * (longest - len(ids)) for ids in tables])
