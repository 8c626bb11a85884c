"""Rows mixed from several series, in fixed proportions: some lie on disk, some are made on the fly.

Row n follows from n alone, whatever was made before, so a run that is taken up again sees the very
rows it would have seen.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from random import Random
from typing import Final

import numpy as np
from tokenizers import Tokenizer

from inference.training.layout import Conversation, Example
from inference.training.rows import Batch, Feed, padded

MAX_TRIES: Final = 4

Make = Callable[[Random], Conversation | None]
Render = Callable[[Tokenizer, Conversation], Example]


@dataclass(frozen=True)
class Part:
    """A series and how many of each cycle's rows it gives."""

    feed: Feed
    num_rows: int


class MixedFeed:
    """Cycles of rows: each part gives its share of every cycle, spread evenly over it."""

    def __init__(self, parts: Sequence[Part]) -> None:
        """Raises ValueError when the parts' rows differ in length."""
        lengths = {part.feed.row_len for part in parts}
        if len(lengths) != 1:
            raise ValueError(f"rows of one length are needed, got {sorted(lengths)}")
        (self.row_len,) = lengths
        self._parts = tuple(parts)
        places = [
            ((index + 0.5) / part.num_rows, number, index)
            for number, part in enumerate(parts)
            for index in range(part.num_rows)
        ]
        self._cycle = [(number, index) for _, number, index in sorted(places)]

    def take(self, start: int, count: int) -> Batch:
        rows = [self._row(position) for position in range(start, start + count)]
        return Batch(
            np.concatenate([row.ids for row in rows]),
            np.concatenate([row.learned for row in rows]),
        )

    def _row(self, position: int) -> Batch:
        cycle, place = divmod(position, len(self._cycle))
        number, index = self._cycle[place]
        part = self._parts[number]
        return part.feed.take(cycle * part.num_rows + index, 1)


@dataclass(frozen=True)
class MadeFeed:
    """Rows of generated examples: each row is filled by a generator seeded with its position."""

    name: str
    example: Callable[[Random], Example | None]
    row_len: int

    def take(self, start: int, count: int) -> Batch:
        rows = [self._row(Random(f"{self.name}-{at}")) for at in range(start, start + count)]
        return Batch(
            np.asarray([row.ids for row in rows], dtype=np.int64),
            np.asarray([row.learned for row in rows], dtype=np.bool_),
        )

    def _row(self, rng: Random) -> Example:
        """Examples that fit, until several in a row do not; the rest is padding."""
        ids: list[int] = []
        learned: list[bool] = []
        num_misses = 0
        while num_misses < MAX_TRIES:
            example = self.example(rng)
            if example is None or len(ids) + len(example.ids) > self.row_len:
                num_misses += 1
                continue
            ids += example.ids
            learned += example.learned
        return padded(Example(ids, learned), self.row_len)


def made(name: str, make: Make, render: Render, tokenizer: Tokenizer, row_len: int) -> MadeFeed:
    """A series of conversations, rendered as the stage renders them."""

    def example(rng: Random) -> Example | None:
        conversation = make(rng)
        return None if conversation is None else render(tokenizer, conversation)

    return MadeFeed(name, example, row_len)
