"""Who draws how, as tensors: the sampled rows of a step for the kernels that draw them; pure.

On a device every row draws, rejected branches too: a row's penalties, bans and constraint are those
of its own path, so what is drawn on the accepted path is what the CPU path draws there.
"""

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import accumulate

import numpy as np
import torch

from inference.batch import Part
from inference.constraints.base import State
from inference.request import SamplingParams
from inference.sampling import needs_shaping
from kernels.reference_sampling import Draws, Shaping, TreeRows

NOT_FORCED = -1
_WORD_BITS = 32


@dataclass(frozen=True)
class SampledRows:
    """The sampled rows of a step's parts, on the host."""

    tree: TreeRows
    draws: Draws
    shaping: Shaping | None
    """None where no request changes a logit."""
    forced: torch.Tensor  # [R] int64, the only token a constraint leaves; NOT_FORCED elsewhere
    most_rows: int
    """Of any part."""


@dataclass(frozen=True)
class _Row:
    """One sampled row: node -1 is the last known token."""

    part: Part
    node: int

    @property
    def depth(self) -> int:
        return 0 if self.node < 0 else self.part.tree.depths[self.node]

    @property
    def state(self) -> State:
        sequence, tree = self.part.sequence, self.part.tree
        return sequence.constraint_state if self.node < 0 else tree.states[self.node]

    @property
    def is_end(self) -> bool:
        """Whether the constraint is complete, so that nothing may be drawn."""
        constraint = self.part.sequence.constraint
        return self.node >= 0 and constraint is not None and constraint.is_done(self.state)


def lay_out_sampling(parts: Sequence[Part], vocab_size: int) -> SampledRows:
    """The rows of all parts in order: each part's last known token, then its nodes."""
    rows = [_Row(part, node) for part in parts for node in range(-1, len(part.tree))]
    tree = _tree_rows(parts, rows)
    forced = [_forced(row) for row in rows]
    return SampledRows(
        tree=tree,
        draws=_draws(rows),
        shaping=_shaping(parts, rows, forced, vocab_size),
        forced=torch.tensor(forced),
        most_rows=max(part.num_sampled for part in parts),
    )


def _tree_rows(parts: Sequence[Part], rows: Sequence[_Row]) -> TreeRows:
    starts = [0, *accumulate(part.num_sampled for part in parts)]
    parents: list[int] = []
    for first, part in zip(starts, parts, strict=False):
        parents += [-1, *(first + 1 + parent for parent in part.tree.parents)]
    return TreeRows(
        starts=torch.tensor(starts),
        parts=torch.tensor([at for at, part in enumerate(parts) for _ in range(part.num_sampled)]),
        parents=torch.tensor(parents),
        token_ids=torch.tensor([one for part in parts for one in (-1, *part.tree.token_ids)]),
        ends=torch.tensor([row.is_end for row in rows]),
    )


def _draws(rows: Sequence[_Row]) -> Draws:
    params = [row.part.sequence.params for row in rows]

    def floats(values: Iterator[float]) -> torch.Tensor:
        return torch.tensor(list(values), dtype=torch.float64)

    return Draws(
        temperature=floats(one.temperature for one in params),
        top_k=torch.tensor([one.top_k for one in params]),
        top_p=floats(one.top_p for one in params),
        min_p=floats(one.min_p for one in params),
        seeds=torch.tensor([_signed(row.part.sequence.seed) for row in rows]),
        positions=torch.tensor([len(row.part.sequence.token_ids) + row.depth for row in rows]),
    )


def _signed(seed: int) -> int:
    """The same 64 bits as a signed number."""
    return (seed + (1 << 63)) % (1 << 64) - (1 << 63)


def _forced(row: _Row) -> int:
    constraint = row.part.sequence.constraint
    if constraint is None or row.is_end:
        return NOT_FORCED
    forced = constraint.forced(row.state)
    return forced[0] if forced else NOT_FORCED


def _shaping(
    parts: Sequence[Part], rows: Sequence[_Row], forced: Sequence[int], vocab_size: int
) -> Shaping | None:
    wanted = (one.sequence for one in parts)
    if not any(one.constraint is not None or needs_shaping(one.params) for one in wanted):
        return None
    seen = [_seen(part) for part in parts]
    biases = [_biases(row, must) for row, must in zip(rows, forced, strict=True)]
    masks = [_mask(row, must) for row, must in zip(rows, forced, strict=True)]
    given = [mask for mask in masks if mask is not None]
    numbers = iter(range(len(given)))
    return Shaping(
        penalties=torch.tensor(
            [_penalties(part.sequence.params) for part in parts], dtype=torch.float64
        ),
        seen_starts=torch.tensor([0, *accumulate(map(len, seen))]),
        seen_ids=_longs([token_id for one in seen for token_id in one]),
        seen_counts=_longs([times for one in seen for times in one.values()]),
        bias_starts=torch.tensor([0, *accumulate(map(len, biases))]),
        bias_ids=_longs([token_id for one in biases for token_id in one]),
        biases=torch.tensor(
            [value for one in biases for value in one.values()], dtype=torch.float64
        ),
        mask_rows=torch.tensor([-1 if mask is None else next(numbers) for mask in masks]),
        masks=_packed(given, vocab_size),
    )


def _longs(values: list[int]) -> torch.Tensor:
    return torch.tensor(values, dtype=torch.int64)


def _penalties(params: SamplingParams) -> tuple[float, float, float]:
    return params.repetition_penalty, params.presence_penalty, params.frequency_penalty


def _seen(part: Part) -> dict[int, int]:
    """How often each token of interest stands in the output; -1 of one only drafted so far."""
    sequence = part.sequence
    if _penalties(sequence.params) == (1.0, 0.0, 0.0):
        return {}
    seen = dict.fromkeys(part.tree.token_ids, -1)
    if sequence.params.repetition_penalty != 1.0:
        seen |= dict.fromkeys(sequence.token_ids[: sequence.num_prompt], 0)
    return seen | Counter(sequence.token_ids[sequence.num_prompt :])


def _biases(row: _Row, forced: int) -> dict[int, float]:
    sequence = row.part.sequence
    if forced != NOT_FORCED or row.is_end:
        return {}
    biases = dict(sequence.params.logit_bias or {})
    if sequence.num_output + row.depth < sequence.params.min_tokens:
        biases |= dict.fromkeys(sequence.stop_ids, float("-inf"))
    bias = None if sequence.constraint is None else sequence.constraint.bias(row.state)
    if bias is not None:
        for token_id, value in zip(bias.token_ids.tolist(), bias.values.tolist(), strict=True):
            biases[token_id] = biases.get(token_id, 0.0) + value
    return biases


def _mask(row: _Row, forced: int) -> torch.Tensor | None:  # [V] bool
    constraint = row.part.sequence.constraint
    if constraint is None or forced != NOT_FORCED or row.is_end:
        return None
    return constraint.allowed(row.state)


def _packed(masks: Sequence[torch.Tensor], vocab_size: int) -> torch.Tensor:  # [k, words] int32
    num_words = -(-vocab_size // _WORD_BITS)
    bits = np.zeros((len(masks), num_words * _WORD_BITS), dtype=np.bool_)
    for own, mask in zip(bits, masks, strict=True):
        own[: mask.shape[0]] = mask.numpy()
    words = np.packbits(bits, axis=1, bitorder="little").view("<i4")
    return torch.from_numpy(words.astype(np.int32, copy=False))
