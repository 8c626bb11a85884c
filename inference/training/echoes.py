"""Echoes: a few tokens in random order, said again and again, learned from the second time on.

Nothing in an echo can be foreseen but by looking back to where it was said before, so it teaches
just that: the attention that copies (Olsson et al. 2022, "In-context Learning and Induction
Heads"). No token comes twice within a period: with repetitions a model settles for guessing among
the tokens it has seen. docs/training.md has what this did.
"""

from collections import Counter
from collections.abc import Iterator, Sequence
from random import Random
from typing import Final

from inference.training.layout import SPECIAL_TOKENS, Example

ECHO_LEN: Final = 256
MIN_PERIOD: Final = 6
MAX_PERIOD: Final = 64
NUM_FREQUENT: Final = 2000
NUM_COUNTED_TEXTS: Final = 5000


def echoes(number: int, texts: Sequence[Example], rng: Random) -> Iterator[Example]:
    """Examples of ECHO_LEN tokens, drawn evenly from the most frequent tokens of the texts.

    Short periods, which are learned first, are as many as long ones.
    """
    counted = Counter(token for text in texts[:NUM_COUNTED_TEXTS] for token in text.ids)
    frequent = [token for token, _ in counted.most_common() if token >= len(SPECIAL_TOKENS)]
    for _ in range(number):
        period = int(MIN_PERIOD * (MAX_PERIOD / MIN_PERIOD) ** rng.random())
        once = rng.sample(frequent[:NUM_FREQUENT], period)
        ids = (once * (ECHO_LEN // period + 1))[:ECHO_LEN]
        yield Example(ids, [position >= period for position in range(ECHO_LEN)])
