"""Vectors of what customers wrote, some at a time: a page of the dashboard does not wait for all.

They stay in memory and go with the process. A vector tells much of its text, so what customers
write has none in the database.
"""

import threading
from collections import OrderedDict
from collections.abc import Sequence
from functools import lru_cache

import numpy as np
import numpy.typing as npt

from app.knowledge.meaning import Meaning

AT_ONCE = 24
"""New texts that are read in one go, some 0.3 s; the next look reads the next ones."""
_NUM_KEPT = 8_192
_MAX_CHARS = 400
"""Of a text: what a customer wants is said at its beginning, and reading takes by the word."""

Vector = npt.NDArray[np.float32]


class Reader:
    """Reads texts once; threads may share it."""

    def __init__(self, meaning: Meaning, *, at_once: int = AT_ONCE) -> None:
        """So many texts that are not needed are read in one go."""
        self._meaning = meaning
        self._at_once = at_once
        self._kept: OrderedDict[str, Vector] = OrderedDict()
        self._lock = threading.Lock()

    def read(self, texts: Sequence[str], *, num_needed: int = 0) -> dict[str, Vector]:
        """The vectors [D] of the first `num_needed`, of all others that are known, and of some."""
        with self._lock:
            keys = {text: text[:_MAX_CHARS] for text in texts}
            new = [text for text in texts if keys[text] not in self._kept]
            needed = set(texts[:num_needed])
            others = [text for text in new if text not in needed][: self._at_once]
            chosen = list(dict.fromkeys(keys[one] for one in new if one in needed) | dict.fromkeys(
                keys[one] for one in others
            ))  # fmt: skip
            if chosen:
                self._kept |= zip(chosen, self._meaning.encode(chosen), strict=True)
            found = {text: self._kept[key] for text, key in keys.items() if key in self._kept}
            for key in keys.values():
                if key in self._kept:
                    self._kept.move_to_end(key)
            while len(self._kept) > max(_NUM_KEPT, len(keys)):
                self._kept.popitem(last=False)
            return found


@lru_cache(maxsize=4)
def reader_of(meaning: Meaning) -> Reader:
    """The one reader of a process for this encoder."""
    return Reader(meaning)
