"""Echoes repeat themselves and are learned only where they do."""

from random import Random

from inference.training.echoes import ECHO_LEN, MAX_PERIOD, MIN_PERIOD, echo
from inference.training.layout import SPECIAL_TOKENS


def test_what_is_learned_was_said_before() -> None:
    for seed in range(50):
        example = echo(320, Random(seed))
        period = example.learned.index(True)

        assert MIN_PERIOD <= period <= MAX_PERIOD
        assert all(example.learned[period:])
        assert example.ids[period:] == example.ids[:-period]
        assert len(set(example.ids)) == period
        assert len(example.ids) == ECHO_LEN and min(example.ids) >= len(SPECIAL_TOKENS)
