"""Runs of tokens of any mix of sequences as the decoder's inputs; pure."""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import accumulate

import torch

from inference.model.decoder import DecoderInputs
from kernels.native.attention import NativeKernels
from kernels.paged_attention import plan_attention


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
    longest = max(len(span.block_ids) for span in spans)
    tables = [[*span.block_ids, *[0] * (longest - len(span.block_ids))] for span in spans]
    plan = plan_attention(
        torch.tensor(tables),
        torch.tensor([0, *accumulate(len(span.token_ids) for span in spans)]),
        torch.tensor([span.stop for span in spans]),
        block_size,
        ancestors=ancestors,
        native=native,
    )
    return DecoderInputs(
        token_ids=_joined([span.token_ids for span in spans], device),
        positions=_joined([span.positions for span in spans], device),
        slot_mapping=_joined([span.slots(block_size) for span in spans], device),
        attention=plan,
    )


def _joined(rows: Sequence[Sequence[int]], device: torch.device) -> torch.Tensor:  # [T]
    return torch.tensor([one for row in rows for one in row], device=device)
