"""Two short sequences through a model twice: by transformers alone, and over paged blocks."""

from itertools import accumulate
from typing import Final

import torch

from inference.cache.storage import allocate_cache
from inference.model.attention_hook import Unadaptable
from inference.model.config import ModelConfig
from inference.model.decoder import DecoderInputs
from inference.model.language_model import LanguageModel
from kernels.paged_attention import plan_attention

LENGTHS: Final = (23, 14)
CHUNKS: Final = ((17, 9), (1, 5), (5, 0))
"""Rows of each sequence in each step: a prompt's beginning, single tokens, a run of drafts."""
BLOCK_SIZE: Final = 4
# By how much of their size a row's logits may differ between two orders of summation; those of an
# architecture that does not fit differ by their whole size.
TOLERANCES: Final = {torch.float64: 1e-4, torch.float32: 1e-3}
TOLERANCE_16_BITS: Final = 0.1
SHARE_OF_ROWS: Final = 0.8
"""Rows that must agree. In 16 bits rounding may send a token to another expert; of all
rows 30 % come from the later steps, so a fault of those is still seen."""


class SelfCheck:
    """The sequences, and the comparison."""

    def __init__(self, vocab_size: int, device: torch.device) -> None:
        random = torch.Generator().manual_seed(0)
        self.ids = [
            torch.randint(vocab_size, (length,), generator=random).to(device) for length in LENGTHS
        ]

    def compare(
        self,
        model: LanguageModel,
        config: ModelConfig,
        dtype: torch.dtype,
        expected: list[torch.Tensor],  # each [its length, V]
    ) -> None:
        """Run both sequences together in steps, and compare all their logits.

        Raises:
            Unadaptable: they differ by more than rounding.
        """
        device = self.ids[0].device
        per_sequence = -(-max(LENGTHS) // BLOCK_SIZE)
        cache = allocate_cache(config, 2 * per_sequence, BLOCK_SIZE, dtype, device)
        # Blocks of the two take turns, so that a mistaken slot lands in the other's.
        tables = torch.arange(2 * per_sequence).view(per_sequence, 2).T.contiguous()
        done, found = [0] * len(LENGTHS), [list[torch.Tensor]() for _ in LENGTHS]
        for counts in CHUNKS:
            active = [one for one, count in enumerate(counts) if count]
            spans = [range(done[one], done[one] + counts[one]) for one in active]
            inputs = _inputs([self.ids[one] for one in active], spans, tables[active])
            hidden = model.forward(inputs, cache)
            rows = iter(model.logits(hidden))
            for one, span in zip(active, spans, strict=True):
                done[one] = span.stop
                found[one] += [next(rows) for _ in span]
        ours = torch.stack([row for one in found for row in one])
        theirs = torch.cat(expected).to(ours.dtype)
        errors = (ours - theirs).norm(dim=-1) / theirs.norm(dim=-1)
        error = float(errors.sort().values[int(SHARE_OF_ROWS * len(errors))])
        if not error <= TOLERANCES.get(dtype, TOLERANCE_16_BITS):
            raise Unadaptable(
                f"over paged blocks its logits differ by {error:.1%} of their size from those of "
                "transformers' own attention"
            )


def _inputs(ids: list[torch.Tensor], spans: list[range], tables: torch.Tensor) -> DecoderInputs:
    device = ids[0].device
    positions = [torch.tensor(span) for span in spans]
    slots = [
        table[at // BLOCK_SIZE] * BLOCK_SIZE + at % BLOCK_SIZE
        for table, at in zip(tables, positions, strict=True)
    ]
    starts = torch.tensor([0, *accumulate(len(span) for span in spans)])
    contexts = torch.tensor([span.stop for span in spans])
    return DecoderInputs(
        token_ids=torch.cat(
            [one[span.start : span.stop] for one, span in zip(ids, spans, strict=True)]
        ),
        positions=torch.cat(positions).to(device),
        slot_mapping=torch.cat(slots).to(device),
        attention=plan_attention(tables, starts, contexts, BLOCK_SIZE),
    )
