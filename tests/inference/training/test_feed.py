"""Rows follow from their position alone, in the proportions that were asked for."""

from random import Random

import numpy as np
import pytest

from inference.training.feed import MadeFeed, MixedFeed, Part
from inference.training.layout import PAD_ID, Example

ROW_LEN = 8


def constant(name: str, token: int, row_len: int = ROW_LEN) -> MadeFeed:
    return MadeFeed(name, lambda rng: Example([token] * 3, [True] * 3), row_len)


def numbers(name: str) -> MadeFeed:
    return MadeFeed(name, lambda rng: Example([rng.randrange(100, 999)], [True]), ROW_LEN)


def test_each_part_gives_its_share_of_every_cycle() -> None:
    feed = MixedFeed([Part(constant("a", 20), 3), Part(constant("b", 30), 1)])

    firsts = feed.take(0, 8).ids[:, 0].tolist()

    assert sorted(firsts[:4]) == sorted(firsts[4:]) == [20, 20, 20, 30]


def test_a_row_is_the_same_however_it_is_reached() -> None:
    feed = MixedFeed([Part(numbers("a"), 2), Part(numbers("b"), 1)])

    together, apart = feed.take(3, 5), [feed.take(at, 1) for at in range(3, 8)]

    assert np.array_equal(together.ids, np.concatenate([one.ids for one in apart]))
    assert len(np.unique(together.ids)) > ROW_LEN  # other rows, other numbers


def test_rows_are_filled_with_whole_examples_and_padding() -> None:
    row = constant("a", 20).take(0, 1)

    assert row.ids.tolist() == [[20] * 6 + [PAD_ID] * 2]
    assert row.learned.tolist() == [[True] * 6 + [False] * 2]


def test_a_generator_without_anything_that_fits_gives_padding() -> None:
    def too_long(rng: Random) -> Example:
        return Example([20] * 9, [True] * 9)

    row = MadeFeed("a", too_long, ROW_LEN).take(0, 1)

    assert row.ids.tolist() == [[PAD_ID] * ROW_LEN] and not row.learned.any()


def test_parts_of_different_length_are_refused() -> None:
    with pytest.raises(ValueError, match="8, 9"):
        MixedFeed([Part(constant("a", 20), 1), Part(constant("b", 20, 9), 1)])
