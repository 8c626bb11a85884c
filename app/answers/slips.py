"""What was meant where the fingers slipped, for looking up alone; pure.

A word that the encoder knows, or an article uses, is right. Any other is mended where a common word
or one of the articles' is one slip away: two letters swapped, one added, left out or exchanged, and
the first one right (Damerau 1964). Names keep their capitals and are left alone. The search doubts
what it mends itself (`knowledge/spelling.py`), for it takes right words for slips; here the encoder
says which words there are.
"""

import re
from collections.abc import Callable, Iterable, Iterator
from functools import lru_cache
from string import ascii_lowercase

from app.knowledge.analyzer import Analyzer
from app.knowledge.search import SearchIndex
from app.knowledge.spelling import count_words

# Not part of a link, an address, or a word with an apostrophe.
_WORD = re.compile(r"(?<![\w@./:'’-])[A-Za-z]{3,}(?![\w@/'’]|\.\w)")
_COMMON = 4_500
_USUAL = 12_000
"""Up to the first place among the encoder's words a slip may have meant it, to the second one of
the likelier slips in a longer word."""
_MIN_LONG_LEN = 5
_RARE = 18_000
"""Behind this place a word is doubtful where a common one is one letter longer, or swapped."""
_ENDINGS = ("s", "es", "ed", "ing", "er", "ers", "ly")
_MIN_STEM_LEN = 3
# Younger than the encoder's vocabulary.
_YOUNG = {"bot", "bots", "chatbot", "wifi", "vegan", "app", "apps", "blog", "vlog", "emoji", "lol"}
_HABITS = {
    "r": "are", "u": "you", "ur": "your", "pls": "please", "plz": "please", "thx": "thanks",
    "wut": "what", "wat": "what", "hwo": "how", "smth": "something", "dosnt": "doesn't",
    "didnt": "didn't", "recieve": "receive", "recieved": "received", "definately": "definitely",
    "tommorow": "tomorrow",
}  # fmt: skip
"""As people type on purpose, or misspell by more than one slip."""
_HABIT = re.compile(rf"(?<![\w@./:'’-])(?:{'|'.join(_HABITS)})(?![\w@/'’-]|\.\w)")
_DOSE = re.compile(r"\b(how|long|much|when|what|where|why) dose\b")


class Slips:
    """Of one workspace: its articles' words, and those that the encoder knows."""

    def __init__(self, texts: Iterable[str], rank_of: Callable[[str], int | None]) -> None:
        """`rank_of` tells how common a word is, as `Meaning.rank_of`."""
        self._told = count_words(texts).keys() | Analyzer().known_words | _YOUNG
        self._rank_of = rank_of

    def mend(self, text: str) -> str:
        """With the words that were probably meant; in lower case if it was all in capitals."""
        plain = text.casefold() if text.isupper() else text
        plain = _HABIT.sub(lambda found: _HABITS[found.group()], plain)
        plain = _WORD.sub(lambda found: self._meant(found.group(), found, plain), plain)
        return _DOSE.sub(r"\1 does", plain)

    def _meant(self, word: str, found: re.Match[str], text: str) -> str:
        before = text[: found.start()].rstrip()
        is_first = not before or before[-1] in ".!?\n"
        is_name = not word.islower() and not (is_first and word[1:].islower())
        right = None if is_name else self._right(word.casefold())
        return word if right is None else right

    def _right(self, word: str) -> str | None:
        """The commonest of the likeliest slip's words; None for a right word, or a far one."""
        rank = self._rank_of(word)
        if self._is_word(word):
            return None
        is_long = len(word) >= _MIN_LONG_LEN
        kinds = _LIKELY if rank is not None else (*_LIKELY, *_OTHERS)
        for kind in kinds:
            most = _USUAL if kind in _LIKELY and is_long else _COMMON
            near = ((self._place(one, most), one) for one in kind(word) if one[0] == word[0])
            places = [(place, one) for place, one in near if place is not None]
            if places:
                return min(places)[1]
        return None

    def _is_word(self, word: str) -> bool:
        """With, or without an ending; "shiping" is not "ship", for there is "shipping"."""
        longer = [word, *(word + end for end in ("s", "d"))]
        shorter = [stem for end in _ENDINGS for stem in self._stems(word, end)]
        return any(self._is_known(one) for one in (*longer, *shorter))

    def _stems(self, word: str, end: str) -> list[str]:
        stem = word.removesuffix(end)
        if stem == word or len(stem) < _MIN_STEM_LEN or self._is_known(stem + stem[-1] + end):
            return []
        return [stem, f"{stem}e", *([stem[:-1]] if stem[-1] == stem[-2] else [])]

    def _is_known(self, word: str) -> bool:
        rank = self._rank_of(word)
        return word in self._told or (rank is not None and rank <= _RARE)

    def _place(self, word: str, most: int) -> int | None:
        """How common a word is that may have been meant; those of the articles always may."""
        rank = self._rank_of(word)
        if rank is not None and rank <= most and len(word) > 1:
            return rank
        return most if word in self._told and len(word) > 2 else None


@lru_cache(maxsize=8)
def slips_of(index: SearchIndex) -> Slips:
    """Those of an index, which never changes."""
    told = (f"{one.article.title} {one.heading} {one.text}" for one in index.passages)
    return Slips(told, index.meaning.rank_of)


def _swapped(word: str) -> Iterator[str]:
    return (word[:i] + word[i + 1] + word[i] + word[i + 2 :] for i in range(len(word) - 1))


def _added(word: str) -> Iterator[str]:
    places = range(1, len(word) + 1)
    return (word[:i] + letter + word[i:] for i in places for letter in ascii_lowercase)


def _fewer(word: str) -> Iterator[str]:
    return (word[:i] + word[i + 1 :] for i in range(1, len(word)))


def _exchanged(word: str) -> Iterator[str]:
    places = range(1, len(word))
    return (word[:i] + letter + word[i + 1 :] for i in places for letter in ascii_lowercase)


_Slip = Callable[[str], Iterator[str]]
_LIKELY: tuple[_Slip, ...] = (_swapped, _added)
_OTHERS: tuple[_Slip, ...] = (_fewer, _exchanged)
