"""What a ticket says in a few of its own sentences; pure.

The sentences nearest to the whole in meaning, questions and wishes before others, none twice, in
the order of the text. Every word is the customer's: greetings and thanks are left out.
"""

import re

from app.knowledge.meaning import Meaning
from app.knowledge.sentences import split_sentences

MAX_SENTENCES = 3
MAX_CHARS = 400
_MIN_WORDS = 3
_POLITE = re.compile(
    r"(?:hi|hello|dear|hey|good (?:morning|afternoon|evening)|thanks|thank you|regards|best|cheers|"
    r"sincerely|yours|kind|sent from|looking forward)\b",
    re.IGNORECASE,
)
_WANTS = re.compile(
    r"\?\s*$|\b(?:please|i (?:want|need|would like|demand)|i['’]d like|can you|could you)\b",
    re.IGNORECASE,
)
_WISH = 0.35
_FACT = 0.1
_SAME = 0.92


def summarise(text: str, meaning: Meaning) -> str:
    """Up to three sentences; of a text that has no more, all of it."""
    sentences = [one for one in _sentences(text) if not _is_polite(one)]
    if len(sentences) <= MAX_SENTENCES:
        return _cut(" ".join(sentences) or " ".join(text.split()))
    whole = meaning.of(text)
    vectors = [meaning.of(one) for one in sentences]
    worth = [
        float(whole @ vector)
        + _WISH * bool(_WANTS.search(one))
        + _FACT * any(char.isdigit() for char in one)
        for one, vector in zip(sentences, vectors, strict=True)
    ]
    chosen: list[int] = []
    for at in sorted(range(len(sentences)), key=lambda one: -worth[one]):
        if all(float(vectors[at] @ vectors[other]) < _SAME for other in chosen):
            chosen.append(at)
        if len(chosen) == MAX_SENTENCES:
            break
    return _cut(" ".join(sentences[at] for at in sorted(chosen)))


def _sentences(text: str) -> list[str]:
    lines = (" ".join(line.split()) for line in text.splitlines())
    return [one for line in lines if line for one in split_sentences(line)]


def _is_polite(sentence: str) -> bool:
    words = sentence.split()
    is_short = len(words) < _MIN_WORDS or (len(words) < 8 and not _WANTS.search(sentence))
    return bool(_POLITE.match(sentence)) and is_short


def _cut(text: str) -> str:
    return text if len(text) <= MAX_CHARS else text[: MAX_CHARS - 1].rsplit(" ", 1)[0] + "…"
