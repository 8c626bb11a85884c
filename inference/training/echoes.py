"""Echoes: random tokens, said again and again, learned from the second time on.

Nothing in an echo can be foreseen but by looking back to where it was said before, so it teaches
just that: the attention that copies (Olsson et al. 2022, "In-context Learning and Induction
Heads"). From text alone it comes late; see docs/training.md for what it did here.
"""

from collections.abc import Iterator, Sequence
from random import Random
from typing import Final

from inference.training.layout import SPECIAL_TOKENS, Example

ECHO_LEN: Final = 256
MIN_PERIOD: Final = 4
MAX_PERIOD: Final = 100


def echoes(number: int, texts: Sequence[Example], rng: Random) -> Iterator[Example]:
    """Examples of ECHO_LEN tokens, each drawn from the texts, so that frequent ones are frequent.

    Short periods, which are learned first, are as many as long ones.
    """
    for _ in range(number):
        period = int(MIN_PERIOD * (MAX_PERIOD / MIN_PERIOD) ** rng.random())
        once = [_draw(texts, rng) for _ in range(period)]
        ids = (once * (ECHO_LEN // period + 1))[:ECHO_LEN]
        yield Example(ids, [position >= period for position in range(ECHO_LEN)])


def _draw(texts: Sequence[Example], rng: Random) -> int:
    while True:
        token = rng.choice(rng.choice(texts).ids)
        if token >= len(SPECIAL_TOKENS):
            return token
