"""A batch as tensors; pure."""

from itertools import accumulate

import torch

from inference.batch import Batch, Part
from inference.model.decoder import DecoderInputs
from inference.model.spans import Span, lay_out
from kernels.native.attention import NativeKernels
from kernels.reference import MASK_ROWS


def build_inputs(
    batch: Batch, block_size: int, device: torch.device, native: NativeKernels | None
) -> DecoderInputs:
    """Rows of all parts in order: known tokens, then the drafted tree, in consecutive slots."""
    spans = [_span(part) for part in batch.parts]
    return lay_out(spans, block_size, device, native, _ancestors(batch))


def row_starts(batch: Batch) -> list[int]:
    """The first row of every part."""
    return [0, *accumulate(part.num_rows for part in batch.parts)][:-1]


def sampled_rows(batch: Batch) -> list[int]:
    """The rows that a token may follow, part by part."""
    rows: list[int] = []
    first = 0
    for part in batch.parts:
        first += part.num_rows
        rows += range(first - part.num_sampled, first)
    return rows


def open_rows(batch: Batch) -> list[int]:
    """Of the sampled rows those whose logits a host needs: not where it is settled what comes."""
    firsts = (
        first + part.num_known for first, part in zip(row_starts(batch), batch.parts, strict=True)
    )
    return [
        first + node
        for first, part in zip(firsts, batch.parts, strict=True)
        for node in part.open_nodes
    ]


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


def _span(part: Part) -> Span:
    stop, table = part.start + part.num_known, part.sequence.table
    assert table is not None
    return Span(
        token_ids=[*part.sequence.token_ids[part.start : stop], *part.tree.token_ids],
        positions=[*range(part.start, stop), *(stop - 1 + depth for depth in part.tree.depths)],
        start=part.start,
        block_ids=table.block_ids,
    )
