"""What kind of fact a question asks for, and whether a sentence holds one; pure."""

import re
from enum import StrEnum
from functools import lru_cache


class AnswerKind(StrEnum):
    """A kind of fact that can be recognised by its shape."""

    DURATION = "duration"
    MONEY = "money"
    PLACE = "place"
    PHONE = "phone"
    EMAIL = "email"
    NUMBER = "number"
    LIMIT = "limit"


_NUM_REMEMBERED = 8_192
_NUMBER = r"(?:\d+|one|two|three|four|five|six|seven|eight|nine|ten|twelve)"
_UNIT = r"(?:minute|hour|(?:working |business )?day|night|week|month|year|mile)s?"

_ASKED = (
    (AnswerKind.PHONE, r"\b(?:phone|telephone)\b.*\bnumber\b|\bnumber\b.*\bcall\b|\bby phone\b"),
    (AnswerKind.EMAIL, r"\byour e-?mail\b|\bwrite to you\b"),
    (AnswerKind.DURATION, r"\bhow (?:long|soon|fast|quick(?:ly)?|often|late)\b|\bhow many "
                          r"(?:\w+ )?(?:days|hours|weeks|months|years|minutes)\b"
                          r"|(?:^|[.,;?!] ?|\band )when\b"
                          r"|\bwhat (?:time|hours)\b|\b(?:store|shop|your|ur) (?:hours|hrs)\b"
                          r"|\bcut-?off\b|\bdeadline\b"
                          r"|\b(?:until|by|till) when\b|\blast day\b|\bopen(?:ing)? hours\b"),
    (AnswerKind.MONEY, r"\bhow (?:much|expensive|high)\b|\bcosts?\b|\bprice\b|\bfees?\b"
                       r"|\bwho pays\b|\bfree\b|\bwhat (?:do|will|would|must) (?:i|we) pay\b"),
    (AnswerKind.PLACE, r"\bwhere\b|\blink\b|\bwebsite\b|\bpage\b|\baddress of\b"),
    (AnswerKind.NUMBER, r"\bhow (?:many|old|big|large|heavy|tall)\b|\b(?:min|max)(?:imum)?\b"
                        r"|\bwhat size\b|\bamounts?\b|\blimit\b"),
    (AnswerKind.LIMIT, r"\blimit\b|\b(?:min|max)(?:imum)?\b|\bhow many \w+(?: \w+)? can\b"
                       r"|\bat (?:most|least)\b|\b(?:more than one|biggest|largest|smallest)\b"),
)  # fmt: skip
_HELD = {
    AnswerKind.PHONE: r"\b\d{3}[ -]\d{3}[ -]\d{4}\b|\+\d[\d -]{7,}",
    AnswerKind.EMAIL: r"\b[\w.]+@[\w.]+\w\b",
    AnswerKind.DURATION: rf"\b{_NUMBER}(?: (?:to|or|and) {_NUMBER})* {_UNIT}\b|\b\d+ ?[ap]\.m\.|"
                         r"\b(?:Jan|Febr)uary \d|\b(?:March|April|May|June|July|August) \d|"
                         r"\b(?:Septem|Octo|Novem|Decem)ber \d|\bsame day\b|\bat once\b|"
                         r"\bnever expire|\bany time\b|\bonce an? |"
                         r"\bevery (?:day|week|month|year)\b|"
                         r"\b(?:Mon|Satur|Sun)day\b|\b(?:once|twice)\b",
    AnswerKind.MONEY: r"[$€£]\s?\d|\bfree\b|\bat no cost\b|\bno fees?\b|\bcosts? nothing\b"
                      r"|\d ?%|\bnothing\b",
    AnswerKind.PLACE: r"https?://|\b\d+ [A-Z]\w+ (?:Road|Street|Avenue|Lane)\b|\bin any\b"
                      r"|\bat \w|\bon the\b",
    AnswerKind.NUMBER: rf"\b{_NUMBER}\b",
    AnswerKind.LIMIT: r"\bat (?:most|least)\b|\bup to\b|\bfrom \$?\d+ to \$?\d+|\bonly\b",
}  # fmt: skip
_WAY = re.compile(
    r"\bhow (?:do|can|would|to|does)\b|\bwhere (?:do|can) i\b|\bi (?:want|need|would like) to\b"
    r"|^(?:please |pls )?(?:change|delete|remove|cancel|stop|update|add|turn|unlock|reset|track)\b",
    re.IGNORECASE,
)
_SHOWN_WAY = re.compile(r"https?://|\b(?:[Oo]pen|[Pp]ress|[Gg]o to|[Ee]nter|[Aa]nswer [A-Z]+)\b")
_ASKED_RE = tuple((kind, re.compile(pattern, re.IGNORECASE)) for kind, pattern in _ASKED)
_HELD_RE = {kind: re.compile(pattern) for kind, pattern in _HELD.items()}

# Words that only name the kind; a fact of that kind answers them, whatever its own words.
NAMING_TERMS: dict[AnswerKind, frozenset[str]] = {
    AnswerKind.PHONE: frozenset({"number", "phone"}),
    AnswerKind.EMAIL: frozenset({"address"}),
    AnswerKind.DURATION: frozenset({"day", "week", "hour", "month", "year", "long", "time"}),
    AnswerKind.MONEY: frozenset({"cost", "free", "much", "charg", "pay"}),
    AnswerKind.PLACE: frozenset({"find", "locat"}),
    AnswerKind.LIMIT: frozenset({"limit"}),
    AnswerKind.NUMBER: frozenset({"minimum", "maximum", "min", "max", "amount", "number", "limit"}),
}


def asked_kinds(question: str) -> frozenset[AnswerKind]:
    """The kinds a good answer shows one of; empty for a yes-or-no or how-to question."""
    return frozenset(kind for kind, pattern in _ASKED_RE if pattern.search(question))


def wants_a_way(question: str) -> bool:
    """Whether it asks how to do something, or for it to be done: the best answer says where."""
    return _WAY.search(question) is not None


@lru_cache(maxsize=_NUM_REMEMBERED)
def shows_a_way(sentence: str) -> bool:
    """Whether the sentence says where to go or what to press."""
    return _SHOWN_WAY.search(sentence) is not None


@lru_cache(maxsize=_NUM_REMEMBERED)
def holds(kind: AnswerKind, sentence: str) -> bool:
    """Whether the sentence has a fact of this shape."""
    return _HELD_RE[kind].search(sentence) is not None
