"""The word that was probably meant: one slip of the fingers away from a word the articles know."""

import re
from collections.abc import Iterable, Mapping

_MIN_WORD_LEN = 6
_WORD = re.compile(r"[a-z]+")


class Spelling:
    """Corrections towards a fixed set of words; `counts` says how often each is used."""

    def __init__(self, counts: Mapping[str, int], also_right: Iterable[str]) -> None:
        self._counts = dict.fromkeys(also_right, 0) | dict(counts)
        self._by_slip: dict[str, set[str]] = {}
        for word in self._counts:
            if len(word) >= _MIN_WORD_LEN - 1 and word.isalpha():
                for slip in _one_left_out(word):
                    self._by_slip.setdefault(slip, set()).add(word)

    def corrections(self, text: str) -> dict[str, str]:
        """What was written and what was probably meant, for the words that are mended."""
        found = {word: self.meant(word) for word in _WORD.findall(text.casefold())}
        return {word: meant for word, meant in found.items() if meant is not None}

    def meant(self, word: str) -> str | None:
        """A known word one slip away with the same first letter; None for a right or far one.

        A slip is a letter left out, added, exchanged, or swapped with its neighbor.
        """
        if word in self._counts or len(word) < _MIN_WORD_LEN or not word.isalpha():
            return None
        near = {
            found
            for slip in _one_left_out(word)
            for found in self._by_slip.get(slip, ())
            if found[0] == word[0] and _is_one_slip(word, found)
        }
        return max(near, key=lambda found: (self._counts[found], found), default=None)


def mend(text: str, corrections: Mapping[str, str]) -> str:
    """The folded text with these words corrected."""
    return _WORD.sub(lambda found: corrections.get(found.group(), found.group()), text.casefold())


def count_words(texts: Iterable[str]) -> dict[str, int]:
    """How often each word of these texts is used."""
    counts: dict[str, int] = {}
    for text in texts:
        for word in _WORD.findall(text.casefold()):
            counts[word] = counts.get(word, 0) + 1
    return counts


def _one_left_out(word: str) -> set[str]:
    return {word} | {word[:i] + word[i + 1 :] for i in range(len(word))}


def _is_one_slip(left: str, right: str) -> bool:
    start = 0
    while start < min(len(left), len(right)) and left[start] == right[start]:
        start += 1
    a, b = left[start:], right[start:]
    is_swap = len(a) == len(b) >= 2 and a[:2] == b[1::-1] and a[2:] == b[2:]
    return is_swap or a[1:] == b or a == b[1:] or a[1:] == b[1:]
