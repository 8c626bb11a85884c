"""May a model's own sentence be said? Only if a passage supports it, or it states nothing; pure.

Figures with their units, links, addresses and names must stand in the one passage that is cited,
and so must words that bind a company; a sentence must deny what its source denies and nothing else,
and share most of its words with it. The check errs on the side of dropping a sentence.
"""

import re
from collections import defaultdict
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from app.answers import guard_words as words
from app.answers.guards import Breach, Setting, find_ban, find_breach, has_foreign_name
from app.knowledge.analyzer import Analyzer
from app.knowledge.passages import Passage

MIN_OVERLAP = 0.6
MAX_CHARS = 400
_MARKER = re.compile(r"\s*\[\d{1,2}\]")
_FIGURE = re.compile(r"\d+(?:[.,:]\d+)*|[^\W\d_]+")
_LINK = re.compile(r"(?:https?://|www\.)\S+|\S+@\S+|\b[\w-]+\.(?:com|net|org|io|example)\b\S*")
_MARKUP = re.compile(r"[<>{}|`\\~^]|!\[|\]\(")
_RANGE = re.compile(r"(\d+(?:[.,]\d+)*) ?(?:to|and|-|–) ?[$€£]?(\d+(?:[.,]\d+)*)")
_UNIT_AFTER = re.compile(
    r"(?:\W+\w+){0,2}?\W*?(?:\b(second|minute|hour|day|week|month|year|percent|dollar|euro|pound|"
    r"cent|gram|kilo|kg|km|mile|metre|meter|litre|liter|degree|item|piece|person|people)|(%))"
)
_CLAUSES = re.compile(r"[;:]\s+|,\s+(?:and|but|while|so)\s+")
_LETTERS = re.compile(r"[^\W\d_]+")
_NEGATION = re.compile(r"\b(?:not|no|never|cannot|without|nor|neither|none|nothing)\b|n['’]t\b")
_BINDING = re.compile(r"\b(?:always|only|every|all|any|must|everyone|unlimited|forever)\b")
_OWN_DEED = re.compile(r"\bI(?:['’](?:ve|ll)| have| had| will| just| already)\b")
_NUMBER_WORDS = {
    "two": "2", "three": "3", "four": "4", "five": "5", "six": "6", "seven": "7", "eight": "8",
    "nine": "9", "ten": "10", "eleven": "11", "twelve": "12", "twenty": "20", "thirty": "30",
    "sixty": "60", "ninety": "90", "hundred": "100",
}  # fmt: skip
_ENDS = (".", "!", "?", ":", "。", "؟")

Terms = Callable[[str], list[str]]


@dataclass(frozen=True)
class Supported:
    """It may be said; `passage` is where it stands, from 0; None for a sentence without facts."""

    passage: int | None
    quote: str = ""
    """The sentence of the passage that is nearest to it."""


class SupportCheck:
    """Checks the sentences of one answer against the passages that the model was given."""

    def __init__(self, passages: Sequence[Passage], setting: Setting) -> None:
        analyzer = Analyzer()
        self._words, self._terms = analyzer.words, analyzer.terms
        self._setting = setting
        self._sources = [_Source(one, self._terms) for one in passages]

    def check(self, sentence: str) -> Supported | Breach:
        """The verdict on a whole, cleaned sentence; citation markers in it count for nothing."""
        text = _MARKER.sub("", sentence).strip()
        if self._states_nothing(text):
            return Supported(None)
        refused = self._refuse(text)
        if refused is not None:
            return refused
        terms = set(self._terms(text))
        ranked = sorted(self._sources, key=lambda source: -source.share(terms))
        lacking: list[Breach] = []
        for source in ranked:
            found = source.lacks(text, terms, self._setting.company)
            if found is None:
                return Supported(self._sources.index(source), source.nearest(text))
            lacking.append(found)
        return lacking[0] if lacking else Breach.UNSUPPORTED

    def check_start(self, sentence_so_far: str) -> Breach | None:
        """Why a sentence must not be shown further: no passage holds what it holds already."""
        text = _MARKER.sub("", sentence_so_far).strip()
        refused = find_ban(text, self._setting)
        if refused is not None:
            return refused
        lacking = [source.lacks_facts(text, self._setting.company) for source in self._sources]
        return lacking[0] if lacking and None not in lacking else None

    def _states_nothing(self, text: str) -> bool:
        """Every word of it is one of service."""
        company = set(_LETTERS.findall(self._setting.company.casefold()))
        own = set(self._words(text)) <= words.SERVICE_WORDS | company
        return own and find_breach(text, self._setting) is None

    def _refuse(self, text: str) -> Breach | None:
        """What no passage can excuse."""
        if not text.endswith(_ENDS):
            return Breach.UNFINISHED
        if len(text) > MAX_CHARS:
            return Breach.TOO_LONG
        if _OWN_DEED.search(text):
            return Breach.COMMITMENT  # articles tell what a company does, never what the bot did
        return Breach.LINK if _MARKUP.search(text) else find_ban(text, self._setting)


class _Source:
    def __init__(self, passage: Passage, terms: Terms) -> None:
        self._text = f"{passage.article.title}. {passage.heading}. {passage.text}"
        self._folded = self._text.casefold()
        self._words = set(_LETTERS.findall(self._folded))
        self._sentences = passage.sentences
        self._clauses = [clause for one in passage.sentences for clause in _CLAUSES.split(one)]
        self._analyze = terms
        self._terms = set(terms(self._text))
        self._figures = _figures(self._text)
        self._links = _links(self._folded)

    def share(self, terms: set[str]) -> float:
        return len(terms & self._terms) / max(1, len(terms))

    def lacks(self, text: str, terms: set[str], company: str) -> Breach | None:
        if text in self._text and not self._lacks_link(text):
            return None
        facts = self.lacks_facts(text, company)
        if facts is not None:
            return facts
        for clause in _CLAUSES.split(text):
            breach = _contradicts(clause, _nearest(clause, self._clauses))
            if breach is not None:
                return breach
        if not set(_BINDING.findall(text.casefold())) <= set(_BINDING.findall(self._folded)):
            return Breach.CLAIM
        first = _LETTERS.search(text.casefold())
        begins_well = first is None or not self._analyze(first[0]) or first[0] in self._words
        is_near = bool(terms) and self.share(terms) >= MIN_OVERLAP
        return None if is_near and begins_well else Breach.UNSUPPORTED

    def lacks_facts(self, text: str, company: str) -> Breach | None:
        """The first kind of fact that does not stand here."""
        if not _stand_in(_figures(text), self._figures):
            return Breach.FIGURE
        if self._lacks_link(text):
            return Breach.LINK
        if has_foreign_name(text, f"{company} {self._text}"):
            return Breach.NAME
        for pattern in (words.COMMITMENTS, words.DEEDS):
            if any(_stem(match.group()) not in self._folded for match in pattern.finditer(text)):
                return Breach.COMMITMENT
        return None

    def _lacks_link(self, text: str) -> bool:
        """A link counts whole: half of one stands here too, and leads elsewhere."""
        return not _links(text.casefold()) <= self._links

    def nearest(self, text: str) -> str:
        """The sentence that shares most words with it."""
        return _nearest(text, self._sentences)


def _links(text: str) -> set[str]:
    return {link.rstrip(".,;:!?)") for link in _LINK.findall(text)}


def _nearest(text: str, options: Sequence[str]) -> str:
    said = set(_LETTERS.findall(text.casefold()))
    return max(options, key=lambda one: len(said & set(_LETTERS.findall(one.casefold()))))


def _contradicts(clause: str, source: str) -> Breach | None:
    """It denies what the source says, has other figures, or binds without the source's figures."""
    if bool(_NEGATION.search(clause.casefold())) != bool(_NEGATION.search(source.casefold())):
        return Breach.CLAIM
    said, known = _figures(clause), _figures(source)
    if not _stand_in(said, known):
        return Breach.FIGURE
    is_bare = bool(known) and not said and words.COMMITMENTS.search(clause)
    return Breach.COMMITMENT if is_bare else None


def _figures(text: str) -> dict[str, set[str]]:
    """Each number with the units it is followed by."""
    found: dict[str, set[str]] = defaultdict(set)
    folded = text.casefold()
    for match in _FIGURE.finditer(folded):
        number = _NUMBER_WORDS.get(match.group(), match.group())
        if not number[0].isdigit():
            continue
        number = re.sub(r"[,](?=\d{3}\b)", "", number).removesuffix(".00")
        unit = _UNIT_AFTER.match(folded, match.end())
        found[number] |= {unit[1] or unit[2]} if unit else set()
    for match in _RANGE.finditer(folded):
        found[f"{match[1]}-{match[2]}"] |= set()
    return found


def _stand_in(said: dict[str, set[str]], known: dict[str, set[str]]) -> bool:
    return all(
        number in known and (not units or not known[number] or bool(units & known[number]))
        for number, units in said.items()
    )


def _stem(found: str) -> str:
    """Without an ending that differs between forms of a word."""
    return found.casefold()[: max(4, len(found) - 3)]
