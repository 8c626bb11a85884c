"""What the model may say in its own words; pure.

The facts of an answer are copies, so the words around them need none: no digits, links or names, no
promises, nothing about a customer's data, no echo of the instructions. A sentence that breaks a
rule is not mended but replaced. The rules look at a whole sentence that has not been shown yet, so
it cannot matter how the engine cut it into chunks.
"""

import re
import unicodedata
from collections import Counter
from dataclasses import dataclass
from enum import StrEnum
from functools import lru_cache

from app.answers import guard_words as words
from app.answers.prompt import system_messages

MAX_SENTENCE_CHARS = 200
_MAX_COMBINING = 8
_ECHO_WORDS = 5


class Breach(StrEnum):
    """Which rule a sentence breaks; counted, never shown."""

    EMPTY = "empty"
    TOO_LONG = "too_long"
    UNFINISHED = "unfinished"
    FIGURE = "figure"
    LINK = "link"
    NAME = "name"
    COMMITMENT = "commitment"
    CLAIM = "claim"
    DATA_REQUEST = "data_request"
    ECHO = "echo"
    REPETITION = "repetition"
    RUDE = "rude"
    BANNED = "banned"
    """The company never wants to hear it."""
    UNSUPPORTED = "unsupported"
    """No passage says so."""


@dataclass(frozen=True)
class Setting:
    """Where a sentence stands: who speaks, and whether facts stand beside it."""

    company: str
    beside_facts: bool
    """A yes or no next to a quote could contradict it."""
    guidance: str = ""
    never_say: tuple[str, ...] = ()


_INVISIBLE = re.compile(
    "[\x00-\x08\x0b-\x1f\x7f-\x9f\u00ad\u061c\u200b-\u200f\u202a-\u202e\u2060-\u206f"
    "\ufe00-\ufe0f\ufeff\U000e0000-\U000e007f\U000e0100-\U000e01ef]"
)
_FIGURE = re.compile(r"\d|[%$€£¥]")
_MARKUP = re.compile(r"://|[\n@\[\]<>{}|`*_#\\/=~^]")
_CAPITALISED = re.compile(r"(?<![.!?]\s)(?<!^)\b[^\W\d_a-z][\w'’]*")
_WORD = re.compile(r"[^\W_]+")
_QUOTED = re.compile(r"\"[^\"]*\"|“[^”]*”|„[^“”]*[“”]|«[^»]*»")
_OWN_CAPITALS = frozenset({"i", "ai", "ok"})


def clean(text: str) -> str:
    """The text without control and invisible characters and without towers of accents."""
    kept: list[str] = []
    combining = 0
    for char in _INVISIBLE.sub("", text.replace("\r\n", "\n")):
        combining = combining + 1 if unicodedata.combining(char) else 0
        if combining <= _MAX_COMBINING and not 0xD800 <= ord(char) <= 0xDFFF:
            kept.append(char)
    return "".join(kept)


def find_breach(sentence: str, setting: Setting) -> Breach | None:
    """The first rule that a cleaned sentence breaks; None for one that may be said."""
    text = sentence.strip()
    plain = words.HARMLESS.sub(" ", text)
    promises = words.COMMITMENTS.search(plain) or words.DEEDS.search(plain)
    checks: tuple[tuple[Breach, object], ...] = (
        (Breach.EMPTY, not _WORD.search(text)),
        (Breach.TOO_LONG, len(text) > MAX_SENTENCE_CHARS),
        (Breach.UNFINISHED, not text.endswith((".", "!", "?"))),
        (Breach.FIGURE, _has_figure(text)),
        (Breach.LINK, has_link_or_markup(text)),
        (Breach.NAME, has_foreign_name(text, setting.company)),
        (Breach.BANNED, has_banned(text, setting.never_say)),
        (Breach.ECHO, _echoes(text, setting) or words.INTERNALS.search(text)),
        (Breach.COMMITMENT, promises),
        (Breach.CLAIM, setting.beside_facts and words.CLAIMS.search(plain)),
        (Breach.DATA_REQUEST, words.DATA_REQUESTS.search(plain)),
        (Breach.REPETITION, _repeats(text)),
        (Breach.RUDE, words.RUDE.search(text)),
    )
    return next((breach for breach, is_broken in checks if is_broken), None)


def has_link_or_markup(text: str) -> bool:
    """Whether it would be more than plain words where it is shown."""
    return bool(_MARKUP.search(text) or words.LINKS.search(text))


def find_early_breach(begun: str, setting: Setting) -> Breach | None:
    """The same for the first words of a sentence, which cannot be whole yet."""
    return find_breach(f"{begun.strip()}.", setting)


def find_ban(text: str, setting: Setting) -> Breach | None:
    """What must not be said whatever supports it; `text` may be the beginning of a sentence."""
    checks: tuple[tuple[Breach, object], ...] = (
        (Breach.BANNED, has_banned(text, setting.never_say)),
        (Breach.ECHO, _echoes(text, setting) or words.PROMPT_TALK.search(text)),
        (Breach.REPETITION, _stutters(text)),
        (Breach.RUDE, words.RUDE.search(text)),
    )
    return next((breach for breach, is_broken in checks if is_broken), None)


def _has_figure(text: str) -> bool:
    if _FIGURE.search(text) or words.NUMBER_WORDS.search(text):
        return True
    return any(unicodedata.category(char) in ("Nd", "Nl", "No") for char in text)


def has_foreign_name(text: str, known: str) -> bool:
    """A capital inside a sentence that is in no word of `known`, and not `I`."""
    own = _OWN_CAPITALS | {word.casefold() for word in _WORD.findall(known)}
    found = (match.group() for match in _CAPITALISED.finditer(text))
    return any(re.split(r"['’]", word)[0].casefold() not in own for word in found)


def has_banned(text: str, never_say: tuple[str, ...]) -> bool:
    """Whether one of these words stands in it, in any case, with any accents or hyphens."""
    return bool(never_say) and _banned(never_say).search(_folded(text)) is not None


@lru_cache(maxsize=64)
def _banned(never_say: tuple[str, ...]) -> re.Pattern[str]:
    options = (r"[\W_]+".join(map(re.escape, _WORD.findall(_folded(one)))) for one in never_say)
    return re.compile(rf"(?<!\w)(?:{'|'.join(one for one in options if one) or '(?!)'})(?!\w)")


def _folded(text: str) -> str:
    apart = unicodedata.normalize("NFKD", clean(text).casefold())
    return "".join(char for char in apart if not unicodedata.combining(char))


def _echoes(text: str, setting: Setting) -> bool:
    """What the guidance puts in quotation marks is there to be said."""
    guidance = _QUOTED.sub(" . ", setting.guidance)
    told_text = " ".join(one.text for one in system_messages(setting.company, guidance))
    said, told = (_runs(_WORD.findall(source.casefold())) for source in (text, told_text))
    return bool(said & told)


def _runs(found: list[str]) -> set[tuple[str, ...]]:
    return {tuple(found[i : i + _ECHO_WORDS]) for i in range(len(found) - _ECHO_WORDS + 1)}


def _repeats(text: str) -> bool:
    found = _WORD.findall(text.casefold())
    triples = list(zip(found, found[1:], found[2:], strict=False))
    return len(set(triples)) < len(triples) or any(a == b == c for a, b, c in triples)


def _stutters(text: str) -> bool:
    """Facts may repeat words; nobody says four of them in a row three times."""
    found = _WORD.findall(text.casefold())
    runs = Counter(zip(found, found[1:], found[2:], found[3:], strict=False))
    return max(runs.values(), default=0) > 2 or any(
        a == b == c for a, b, c in zip(found, found[1:], found[2:], strict=False)
    )
