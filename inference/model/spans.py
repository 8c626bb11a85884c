"""Runs of tokens of any mix of sequences as the decoder's inputs; pure."""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import accumulate

import torch

from inference.model.decoder import DecoderInputs
from kernels.native.attention import NativeKernels
from kernels.paged_attention import AttentionPlan


@dataclass(frozen=True)
class Span:
    """Tokens in consecutive slots of one sequence, from slot `start` of its blocks on."""

    token_ids: Sequence[int]
    positions: Sequence[int]
    """Depths in the sequence; in a chain the slots' own numbers."""
    start: int
    block_ids: Sequence[int]

    @classmethod
    def chain(cls, token_ids: Sequence[int], start: int, block_ids: Sequence[int]) -> "Span":
        """Each token behind the one before it."""
        return cls(token_ids, range(start, start + len(token_ids)), start, block_ids)

    @property
    def stop(self) -> int:
        """Slots of the sequence up to the span's end."""
        return self.start + len(self.token_ids)

    def slots(self, block_size: int) -> list[int]:
        """Where its keys and values go."""
        ids = self.block_ids
        return [
            ids[slot // block_size] * block_size + slot % block_size
            for slot in range(self.start, self.stop)
        ]


def lay_out(
    spans: Sequence[Span],
    block_size: int,
    device: torch.device,
    native: NativeKernels | None = None,
    ancestors: torch.Tensor | None = None,  # [T] int64
) -> DecoderInputs:
    """The rows of all spans in order; a span's sequence is what stands before its end."""
    lens = [len(span.token_ids) for span in spans]
    most_blocks = max(len(span.block_ids) for span in spans)
    contexts = [span.stop for span in spans]
    columns = (
        [one for span in spans for one in span.token_ids],
        [one for span in spans for one in span.positions],
        [one for span in spans for one in span.slots(block_size)],
        [0, *accumulate(lens)],
        contexts,
        [one for span in spans for one in _padded(span.block_ids, most_blocks)],
    )
    # One tensor and views of it: making six costs as much as some layers of a small step.
    joined = torch.tensor([one for column in columns for one in column], dtype=torch.int64)
    ids, positions, slots, starts, ends, tables = joined.split_with_sizes(
        [len(one) for one in columns]
    )
    ids, positions, slots = (one.to(device) for one in (ids, positions, slots))
    plan = AttentionPlan(
        tables.view(len(spans), most_blocks),
        starts,
        ends,
        ancestors,
        longest=max(contexts),
        most_rows=max(lens),
        block_size=block_size,
        native=native,
    )
    return DecoderInputs(ids, positions, slots, plan)


def _padded(block_ids: Sequence[int], count: int) -> list[int]:
    return [*block_ids, *[0] * (count - len(block_ids))]
