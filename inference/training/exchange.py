"""Names and numbers of a text exchanged for random ones, everywhere alike.

A model that has seen a fact many times says it by heart. Where every name and number is another
one each time, only looking at the passage helps, which is what an answer must be made of.
"""

import re
from collections.abc import Iterable
from dataclasses import dataclass
from random import Random
from typing import Final

SYLLABLES: Final = (
    "ba", "be", "bo", "bri", "ca", "cel", "cor", "da", "del", "dor", "du", "el", "en", "fa",
    "fen", "fi", "gar", "gel", "go", "ha", "hel", "hol", "il", "in", "jo", "ka", "kel", "ko",
    "la", "len", "li", "lo", "lu", "ma", "mel", "mi", "mor", "na", "nel", "ni", "no", "o", "pa",
    "pel", "pi", "qui", "ra", "rel", "ri", "ro", "sa", "sel", "so", "ta", "tel", "ti", "to",
    "tra", "u", "va", "vel", "vi", "wa", "wen", "wil", "xa", "ya", "yor", "za", "zel", "zo",
)  # fmt: skip
KEPT_NAMES: Final = frozenset((
    "January", "February", "March", "April", "May", "June", "July", "August", "September",
    "October", "November", "December", "Monday", "Tuesday", "Wednesday", "Thursday", "Friday",
    "Saturday", "Sunday", "You", "Your", "We", "Our", "If", "The", "This", "That", "These",
    "Those", "Please", "How", "What", "When", "Where", "Which", "Who", "Why", "Can", "Do", "Does",
    "Is", "Are", "Yes", "No", "Not", "And", "Or", "For", "To", "In", "On", "At", "By", "Of",
    "From", "With", "It", "They", "There", "Q", "A", "I",
))  # fmt: skip
MIN_NAME_CHARS: Final = 3

_NUMBER: Final = re.compile(r"\d+")
_WORD: Final = re.compile(r"[A-Za-z]+")
_NAME: Final = re.compile(r"(?<=[a-z,] )[A-Z][A-Za-z]+")


@dataclass(frozen=True)
class Exchange:
    """What stands for what; names in lower case are exchanged too, as customers type them."""

    names: dict[str, str]
    numbers: dict[str, str]

    def __call__(self, text: str) -> str:
        text = _WORD.sub(lambda found: self.names.get(found[0], found[0]), text)
        return _NUMBER.sub(lambda found: self.numbers.get(found[0], found[0]), text)


def exchange_for(texts: Iterable[str], rng: Random) -> Exchange:
    """Random stand-ins for all numbers of the texts and for what is written like a name there.

    A name is a capitalised word within a sentence; digits keep their number, so that dates, prices
    and phone numbers keep their form.
    """
    whole = "\n".join(texts)
    found = {name for name in _NAME.findall(whole) if len(name) >= MIN_NAME_CHARS} - KEPT_NAMES
    names = {name: invented_name(rng) for name in sorted(found)}
    numbers = {number: _other_number(number, rng) for number in sorted(set(_NUMBER.findall(whole)))}
    lower = {name.lower(): stand_in.lower() for name, stand_in in names.items()}
    used = {word for word in _WORD.findall(whole) if word.islower()}
    names |= {name: other for name, other in lower.items() if name not in used}
    return Exchange(names, numbers)


def invented_name(rng: Random) -> str:
    """Two or three syllables that mean nothing: "Velora"."""
    return "".join(rng.choices(SYLLABLES, k=rng.choice((2, 2, 3)))).capitalize()


def invented_number(num_digits: int, rng: Random) -> str:
    """So many digits, the first of several not 0."""
    first = rng.choice("123456789") if num_digits > 1 else rng.choice("23456789")
    return first + "".join(rng.choices("0123456789", k=num_digits - 1))


def _other_number(number: str, rng: Random) -> str:
    if number.startswith("0"):
        return "0" + "".join(rng.choices("0123456789", k=len(number) - 1))
    return invented_number(len(number), rng)
