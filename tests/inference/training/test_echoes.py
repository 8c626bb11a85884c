"""Echoes repeat themselves and are learned only where they do."""

from random import Random

from inference.training.echoes import ECHO_LEN, MAX_PERIOD, MIN_PERIOD, echoes
from inference.training.layout import Example


def test_what_is_learned_was_said_before() -> None:
    text = Example([2, *range(100, 300), 0], [False, *[True] * 201])

    for example in echoes(50, [text], Random(1)):
        period = example.learned.index(True)

        assert MIN_PERIOD <= period <= MAX_PERIOD
        assert all(example.learned[period:])
        assert example.ids[period:] == example.ids[:-period]
        assert len(set(example.ids)) == period
        assert len(example.ids) == ECHO_LEN and min(example.ids) >= 100
