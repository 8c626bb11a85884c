"""Many texts that do not change any more, and where in them the end of another text occurs.

A sorted table of all runs of three tokens leads to the places, a comparison backwards from there to
the longest match. It answers what a suffix automaton answers for matches of three tokens and more,
in 16 bytes a token instead of 500, and is built by one sort: a workspace has far more text than a
request, and it comes in whole documents. Places are compared token by token, so two runs that share
a key are never mistaken for each other.
"""

from array import array
from collections.abc import Sequence
from itertools import chain
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

SHORTEST = 3
LONGEST = 16
"""Matches are not looked at further back than this."""
MAX_PLACES = 64
"""Of a run that occurs more often only the last places count."""

_BETWEEN = -1  # stands around every document: nothing matches across it
_KEY_BITS = 21


class TextMatch(NamedTuple):
    """Places that continue a text, all after the same `length` tokens."""

    tokens: "array[int]"
    places: list[int]
    """Where the next token stands."""
    length: int

    @property
    def discount(self) -> float:
        """A text that was seen once goes on in the same way 38 times of 100 after 3 equal tokens,
        62 after 8, 76 after 16 (agents' answers against 95,000 tokens of others').
        """
        return 5 / (self.length + 5)

    def continuations(self) -> list[tuple[int, int]]:
        """The tokens that stand at these places, with how often."""
        counts: dict[int, int] = {}
        for place in self.places:
            token_id = self.tokens[place]
            counts[token_id] = counts.get(token_id, 0) + 1
        counts.pop(_BETWEEN, None)
        return list(counts.items())

    def after(self, token_id: int) -> "TextMatch | None":
        """The places behind that token; None where it stands at none of them."""
        tokens = self.tokens
        places = [place + 1 for place in self.places if tokens[place] == token_id]
        return TextMatch(tokens, places, self.length + 1) if places else None


class TextIndex:
    """Documents in the order in which they were learned."""

    def __init__(self, documents: Sequence[Sequence[int]]) -> None:
        pieces = chain.from_iterable((*document, _BETWEEN) for document in documents)
        self._tokens = array("i", [_BETWEEN, *pieces])
        keys = _keys(np.frombuffer(self._tokens, dtype=np.int32))
        order = np.argsort(keys, kind="stable")
        first = int(np.searchsorted(keys, 0, sorter=order))  # runs across a border are below
        self._places = (order[first:] + SHORTEST).astype(np.int32)
        self._keys = keys[order[first:]]

    @property
    def num_tokens(self) -> int:
        """Tokens of all documents and what stands between them."""
        return len(self._tokens)

    def find(self, ending: Sequence[int]) -> TextMatch | None:
        """Where the longest suffix of `ending` occurs and goes on; None below three tokens."""
        if len(ending) < SHORTEST or not self._keys.size:
            return None
        keys, key = self._keys, _key(ending[-3:])
        first = int(keys.searchsorted(key))
        if first == keys.size or keys[first] != key:
            return None
        last = int(keys.searchsorted(key, side="right"))
        places = self._places[max(first, last - MAX_PLACES) : last].tolist()
        tokens, length = self._tokens, 0
        for wanted in reversed(ending[-LONGEST:]):
            # The text begins with a border, which equals nothing: no place is ever before it.
            longer = [place for place in places if tokens[place - length - 1] == wanted]
            if not longer:
                break
            places, length = longer, length + 1
        return TextMatch(tokens, places, length) if length >= SHORTEST else None


def _key(run: Sequence[int]) -> int:
    first, second, third = run
    return (first << 2 * _KEY_BITS | second << _KEY_BITS | third) & ((1 << 63) - 1)


def _keys(tokens: NDArray[np.int32]) -> NDArray[np.int64]:
    """A key for every run of three; negative where it crosses a border or nothing follows it."""
    wide = tokens.astype(np.int64)
    if wide.size <= SHORTEST:
        return np.empty(0, dtype=np.int64)
    first, second, third, behind = wide[:-3], wide[1:-2], wide[2:-1], wide[3:]
    keys = (first << 2 * _KEY_BITS | second << _KEY_BITS | third) & ((1 << 63) - 1)
    is_whole = (first >= 0) & (second >= 0) & (third >= 0) & (behind >= 0)
    return np.where(is_whole, keys, -1)
