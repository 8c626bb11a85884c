"""Whether a text asks or tells something that an article could answer; pure.

"Thank you so much for your quick help, really appreciated" does not, however it is put.
"""

import re

from app.answers.guard_words import SERVICE_WORDS
from app.knowledge.word_lists import STOP_WORDS
from app.privacy.masking import cut_out, mask

_WORD = re.compile(r"[^\W\d_]+(?:['’][^\W\d_]+)?")
_THANKS = re.compile(
    r"\b(?:thanks?|thank you|thx|cheers|appreciated?|danke|dank|merci|gracias|grazie|"
    r"obrigad[oa]|bedankt)\b|شكر",
    re.IGNORECASE,
)
_PLEASANT = """
    appreciate appreciated quick quickly fast prompt really very much lot lots awesome amazing kind
    job service reply response lovely best cool nice excellent brilliant super ok okay got it works
    worked time again bye all many ever everything done fine perfect effort friendly patience wow
    thx cheers ty solved sorted explaining clearing helped one both guys so
"""
_EMPTY = SERVICE_WORDS | STOP_WORDS | frozenset(_PLEASANT.split())


def asks_something(text: str) -> bool:
    """Whether a word of it is about anything; what only gives personal data asks nothing."""
    bare = cut_out(mask(text))
    if bare != text and "?" not in text:
        return False
    words = (word.casefold().replace("’", "'") for word in _WORD.findall(bare))
    return any(word not in _EMPTY for word in words)


def says_thanks(text: str) -> bool:
    """Whether it says thank you, whatever else it says."""
    return bool(_THANKS.search(text))


def only_thanks(text: str) -> bool:
    """Whether it says thank you, at whatever length, and nothing else."""
    return says_thanks(text) and "?" not in text and not asks_something(text)
