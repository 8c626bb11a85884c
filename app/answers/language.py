"""In which language a text is written; pure, by letters and the commonest little words.

Alphabets decide for themselves; among languages in Latin letters the little words do, each
weighing less the more languages know it. A text of a word or two has none: then whoever asks says
what is likely (`hint`), or it stays open. What this is worth is in `docs/triage.md`.
"""

import re
from collections import Counter
from dataclasses import dataclass

from app.answers.language_words import LETTERS, WORDS

_WORD = re.compile(r"[^\W\d_]+(?:['’][^\W\d_]+)*")
_FOREIGN = re.compile(r"https?://\S+|\S+@\S+|<[^>]*>|`[^`]*`")
_SCRIPTS: tuple[tuple[str, str], ...] = (
    ("ja", r"[\u3040-\u30ff]"),
    ("ko", r"[\uac00-\ud7af]"),
    ("zh", r"[\u4e00-\u9fff]"),
    ("ru", r"[\u0400-\u04ff]"),
    ("el", r"[\u0370-\u03ff]"),
    ("he", r"[\u0590-\u05ff]"),
    ("ar", r"[\u0600-\u06ff]"),
    ("hi", r"[\u0900-\u097f]"),
    ("th", r"[\u0e00-\u0e7f]"),
)
_ALPHABETS = tuple((code, re.compile(pattern)) for code, pattern in _SCRIPTS)
_NARROWER = {
    "ru": (("uk", re.compile("[іїєґІЇЄҐ]")),),
    "ar": (("fa", re.compile("[پچژگ]")),),
}
"""Letters that a neighbor of the language uses alone."""
_KNOWN_BY = Counter(word for words in WORDS.values() for word in words)
_LETTER_WEIGHT = 0.25
_HINT_WEIGHT = 0.4
_MIN_SCORE = 0.5


@dataclass(frozen=True)
class Language:
    """`code` is of ISO 639-1, None where nothing tells; `confidence` is the lead, 0 to 1."""

    code: str | None
    confidence: float


UNKNOWN = Language(None, 0.0)


def find_language(text: str, hint: str | None = None) -> Language:
    """The language of a text; `hint` is a locale such as `de-AT`, which weighs like half a word."""
    plain = _FOREIGN.sub(" ", text)
    letters = sum(char.isalpha() for char in plain)
    if not letters:
        return UNKNOWN
    return _by_alphabet(plain, letters) or _by_words(plain, hint)


def _by_alphabet(text: str, num_letters: int) -> Language | None:
    found = [(code, len(pattern.findall(text))) for code, pattern in _ALPHABETS]
    counts = {code: count for code, count in found if count}
    share = sum(counts.values()) / num_letters
    if share < 0.5:
        return None
    if counts.get("ja") and counts.get("zh"):  # Japanese writes both
        counts["ja"] += counts.pop("zh")
    code = max(counts, key=lambda one: counts[one])
    narrower = (one for one, pattern in _NARROWER.get(code, ()) if pattern.search(text))
    return Language(next(narrower, code), round(min(share, 1.0), 2))


def _by_words(text: str, hint: str | None) -> Language:
    scores = dict.fromkeys(WORDS, 0.0)
    for word in _WORD.findall(text.casefold().replace("’", "'")):
        for code, words in WORDS.items():
            if word in words:
                scores[code] += 1 / _KNOWN_BY[word]
        for code, own in LETTERS.items():
            scores[code] += _LETTER_WEIGHT * (any(letter in own for letter in word))
    hinted = (hint or "").split("-")[0].split("_")[0].casefold()
    if hinted in WORDS:
        scores[hinted] += _HINT_WEIGHT
    (second, _), (best, code) = sorted((score, code) for code, score in scores.items())[-2:]
    if best < (_MIN_SCORE if not hinted else _HINT_WEIGHT):
        return UNKNOWN
    return Language(code, round((best - second) / best, 2))
