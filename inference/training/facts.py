"""Numbers and names in a text: what a copy must not change."""

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Final

_NUMBER: Final = re.compile(r"\d+(?:[.,:]\d+)*")
_NAME: Final = re.compile(r"[A-Z][A-Za-z]+")
_SENTENCE_START: Final = re.compile(r"(?:^|[.!?:]\s+|\n)[\"'(]?$")


def numbers(text: str) -> set[str]:
    """ "4,711", "9:30" and "2" each as they are written."""
    return set(_NUMBER.findall(text))


def names(text: str) -> set[str]:
    """Capitalised words, those that begin a sentence left out."""
    return {
        found[0]
        for found in _NAME.finditer(text)
        if not _SENTENCE_START.search(text[: found.start()])
    }


@dataclass(frozen=True)
class Checked:
    """What an answer was to hold, what it said, and what it could take from."""

    wanted: str
    said: str
    known: str


@dataclass(frozen=True)
class Kept:
    """Counts over answers."""

    num_wanted_numbers: int
    kept_numbers: int
    num_wanted_names: int
    kept_names: int
    num_said_numbers: int
    invented_numbers: int  # of those said: what neither passages nor question hold


def kept(answers: Iterable[Checked]) -> Kept:
    """Each number and name counts once an answer."""
    rows = list(map(_counts, answers))
    return Kept(*(sum(column) for column in zip(*rows, strict=True))) if rows else Kept(*[0] * 6)


def _counts(one: Checked) -> Iterator[int]:
    said_numbers, said_names = numbers(one.said), set(_NAME.findall(one.said))
    for wanted, said in ((numbers(one.wanted), said_numbers), (names(one.wanted), said_names)):
        yield len(wanted)
        yield len(wanted & said)
    yield len(said_numbers)
    yield len(said_numbers - numbers(one.known))
