"""Echoes: a few tokens in random order, said again and again, learned from the second time on.

Nothing in an echo can be foreseen but by looking back to where it was said before, so it teaches
just that: the attention that copies (Olsson et al. 2022, "In-context Learning and Induction
Heads"). No token comes twice within a period: with repetitions a model settles for guessing among
the tokens it has seen. docs/training.md has what this did.
"""

from random import Random
from typing import Final

from inference.training.layout import SPECIAL_TOKENS, Example

ECHO_LEN: Final = 256
MIN_PERIOD: Final = 6
MAX_PERIOD: Final = 64
NUM_FREQUENT: Final = 2000
"""The first entries of a byte-level BPE: bytes, then merges by frequency."""


def echo(vocab_size: int, rng: Random) -> Example:
    """ECHO_LEN tokens; short periods, which are learned first, are as many as long ones."""
    frequent = range(len(SPECIAL_TOKENS), min(vocab_size, len(SPECIAL_TOKENS) + NUM_FREQUENT))
    period = int(MIN_PERIOD * (MAX_PERIOD / MIN_PERIOD) ** rng.random())
    once = rng.sample(frequent, period)
    ids = (once * (ECHO_LEN // period + 1))[:ECHO_LEN]
    return Example(ids, [position >= period for position in range(ECHO_LEN)])
