"""A message into the questions that it asks; pure.

People ask two or three things at once, with a mark between them or only an "and". A part is cut off
only where both sides ask something, so "tents and boots" stays whole.
"""

import re

from app.knowledge.sentences import split_sentences

MAX_PARTS = 4
_MIN_WORDS = 3
_ASKING = (
    r"(?:how|what|when|where|which|who|why|whats|wheres|hows|can|could|do|does|did|is|are|will|"
    r"would|may|must|should)"
)
_LEAD = (
    r"(?:(?:hi|hello|hey|hiya|greetings|good (?:morning|afternoon|evening|day)|thanks|thank you|"
    r"thx|cheers|great|perfect|nice|cool|ok|okay|alright|all right|yes|yeah|well|sorry|excuse me|"
    r"please|oh|um|hmm|btw|by the way|one more (?:thing|question)|another question|next question|"
    r"quick question|question|and|also|so|but|then|plus|finally|first|second|secondly|lastly)"
    r"(?: (?:there|all|team|everyone|folks|guys|so much|very much|a lot|again))*)"
)
_LEADING = re.compile(rf"(?:{_LEAD}(?:[\s,.!:;…—–-]+|$))+", re.IGNORECASE)
_ASKS = re.compile(rf"{_ASKING}\b", re.IGNORECASE)
_REQUESTS = re.compile(
    r"(?:(?:please )?(?:tell|let|explain|show)(?: me)?\b|i (?:want|need|would like|['’]?d like) to "
    r"know\b|i(?:['’]m| am| was)? wonder\w*\b)",
    re.IGNORECASE,
)
_NUMBERED = re.compile(r"(?:(?:^|(?<=[\s:,;.!?]))\(?\d{1,2}[.)]|^[ \t]*[-*•])\s+(?=[^\W\d])", re.M)
_OPENS = (
    r"(?:how|what|when|where|which|who|why|(?:can|could|may|must|should|do|does|did|will|would|is|"
    r"are) (?:i|you|u|we|they|it|he|she|there|this|that|the|my|your|any|all|these|those|someone))"
)
# Whoever writes no capitals still sets the mark.
_MARKED = re.compile(r"(?<=\?)\s+")
_JOINT = re.compile(
    rf"(?:,\s*|;\s*|\s+)(?:and|also|plus|but|then)(?: (?:also|then|secondly))?\s+(?={_OPENS}\b)|"
    rf"[,;]\s*(?={_OPENS}\b)|\s+(?=(?:also|plus) {_OPENS}\b)",
    re.IGNORECASE,
)
_CLAUSES = re.compile(r"(?:,\s*|\s+)(?:and|but|so|because|then)\s+|[,;]\s+", re.IGNORECASE)
_CONTINUES = re.compile(r"(?:and|what about|how about)\b", re.IGNORECASE)
_NO_MEANT = re.compile(
    r"(?:(?:no|nope|sorry|oh|wait|actually|not that)[\s,.!]*)*(?:i|what i)(?:['’]m| am| was)? "
    r"(?:meant?|asking|asked|talking)(?: (?:is|was|about|for))*\b[\s,:]*",
    re.IGNORECASE,
)


def questions_in(text: str) -> list[str]:
    """Its parts that ask something, in order, without what leads to them."""
    lines = [one for line in _numbered(text) for one in _MARKED.split(line)]
    parts = [part for line in lines for part in _joined(line)]
    return [part for part in parts if asks(part)]


def asks(sentence: str) -> bool:
    """Whether it is put as a question."""
    plain = without_lead(sentence)
    return plain.rstrip(" \"'”’)").endswith("?") or bool(
        _ASKS.match(plain) or _REQUESTS.match(plain)
    )


def without_lead(text: str) -> str:
    """What is said behind a greeting, a thank-you, an "and"; all of it where nothing else is."""
    found = _LEADING.match(text)
    rest = text[found.end() :] if found else text
    return rest.strip() or text


def clauses_of(text: str) -> list[str]:
    """What a message tells that asks nothing: `I spent $40` and `got the wrong thing`, apart."""
    told = [one for one in split_sentences(text) if not asks(one)]
    parts = [without_lead(part) for one in told for part in _CLAUSES.split(one)]
    long = [part for part in parts if len(part.split()) >= _MIN_WORDS]
    return long if len(long) > 1 or len(told) > 1 else []


def continues(text: str) -> bool:
    """Whether it says by its beginning that it takes up what was asked before."""
    return bool(_CONTINUES.match(text.strip()) or corrected(text))


def corrected(text: str) -> str | None:
    """What was meant instead: `no, I meant my jacket`; None for anything else."""
    found = _NO_MEANT.match(text.strip())
    rest = text.strip()[found.end() :].strip() if found else ""
    return rest or None


def _numbered(text: str) -> list[str]:
    found = list(_NUMBERED.finditer(text))
    if len(found) < 2:
        return list(split_sentences(text))
    ends = [*(one.start() for one in found[1:]), len(text)]
    listed = [text[one.end() : end].strip() for one, end in zip(found, ends, strict=True)]
    items = [one if asks(one) or one.endswith("?") else f"{one.rstrip('.,;')}?" for one in listed]
    return [*split_sentences(text[: found[0].start()]), *items]


def _joined(sentence: str) -> list[str]:
    """One sentence's questions apart; as it is where it asks one thing."""
    parts: list[str] = []
    start = 0
    for joint in _JOINT.finditer(sentence):
        before = without_lead(sentence[start : joint.start()])
        after = sentence[joint.end() :].split()
        if asks(before) and min(len(before.split()), len(after)) >= _MIN_WORDS:
            parts.append(before)
            start = joint.end()
    return [*parts, without_lead(sentence[start:])]
