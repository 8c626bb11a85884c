"""The one to three neighboring sentences of a passage that answer a question best; pure.

A sentence is worth the share of the question it covers; what only the heading or the rest of the
article covers counts less. To that comes how close it is to the question in meaning. The weights
were fitted on questions over the demo's articles (`docs/evaluation.md`).
"""

import math
import re
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from functools import lru_cache
from itertools import pairwise

from app.knowledge.answer_kinds import NAMING_TERMS, AnswerKind, holds, shows_a_way
from app.knowledge.passages import Passage
from app.knowledge.search import Asked, Hit
from inference import Reading

MAX_QUOTE_CHARS = 300
_MAX_SENTENCES = 3

_IN_TITLE, _IN_PARAGRAPH, _IN_ARTICLE = 0.9, 0.5, 0.3
_BEST_SENTENCE_SHARE = 0.7  # the rest is covered by the quote as a whole
_KIND_BONUS = {AnswerKind.PHONE: 1.5, AnswerKind.EMAIL: 1.5}
_OTHER_KIND_BONUS = 0.2
_KIND_IN_TITLE_BONUS = 0.15  # "Delivery times and costs", when a time or a cost is asked for
_PAIR_BONUS = 0.2
_WAY_BONUS = 0.1  # a place to go, where a way to do something is asked for
_CONTEXT_BONUS = 0.1  # the article that answered the question before
_NEGATION_COST = 0.04  # the rule before its exceptions
_LENGTH_BONUS = (0.0, 0.12, 0.12)  # of one, two, three sentences: what stands beside it helps
_LATER_PARAGRAPH_COST = 0.07  # for each of the first few that stand above it
_LATER_SENTENCE_COST = 0.15
_DANGLING_COST = 0.1
_SCORE_WEIGHT = 0.45
_MEANING_WEIGHT = 1.6  # of the sentence that is closest to the question in meaning
_PARAGRAPH_MEANING_WEIGHT = 0.7
_ARTICLE_MEANING_WEIGHT = 0.25
COMPETING = 0.25
"""Two paragraphs so close in worth compete, and both are shown."""
# What the reader says counts so much: of the passage, and of the quote's share in it.
_ANSWERS_WEIGHT = 0.15
_SHARE_WEIGHT = 0.1
_LEAST_SHARE = 1e-3
MOST_SURE = 3.0
"""The reader's log-odds count no further than this."""
_OUT_OF_REACH = _ANSWERS_WEIGHT * MOST_SURE + COMPETING
NUM_READ = 4
"""Passages that are read together with the question; each takes some 20 ms."""
_NUM_REMEMBERED = 8_192  # texts whose own costs need not be read again

# A quote that begins so leans on a sentence that it leaves out.
_DANGLING = re.compile(
    r"(?:This|That|It|They|These|Those|Later|Until then|Otherwise|In that case|In this case|"
    r"Outside these|Without)\b"
)
_NEGATION = re.compile(r"\b(?:cannot|not|never|no)\b")


@dataclass(frozen=True)
class Quote:
    """Neighboring sentences of one passage; the facts of them decide whether they may be said."""

    passage: Passage
    first: int
    """The sentence of the passage that it begins with, from 0."""
    num_sentences: int
    text: str
    coverage: float
    """The share of the question that quote, heading and article cover, 0 to 1."""
    quote_coverage: float
    """The share that the quote and its headings cover by themselves, 0 to 1."""
    has_kind: bool
    """It holds the kind of fact that was asked for, or none was."""
    score: float
    """Raw BM25 of the passage."""
    closeness: float
    """Of its closest sentence to the question in meaning, -1 to 1."""
    paragraph_closeness: float
    worth: float
    """For ordering only."""
    answers: float | None = None
    """The reader's log-odds that the passage answers, bounded; None where it was not read."""


Judge = Callable[[Asked, Passage], Reading | None]
"""Reads a question and a passage together; None where it cannot."""


def rank_quotes(asked: Asked, hits: Sequence[Hit], judge: Judge) -> list[Quote]:
    """The best quote of each passage, best first; the first few are read, and stand before others.

    No further one is read that could not come within `COMPETING` even if it surely answered.
    """
    by_hit = sorted(_by_hit(asked, hits), key=lambda quotes: -_best(quotes).worth)
    judged: list[Quote] = []
    for quotes in by_hit[:NUM_READ]:
        if judged and _best(judged).worth > _best(quotes).worth + _OUT_OF_REACH:
            break
        judged.append(_best(_judged(quotes, judge(asked, quotes[0].passage))))
    unread = [_best(quotes) for quotes in by_hit[len(judged) :]]
    return [*sorted(judged, key=lambda quote: -quote.worth), *unread]


def quotes_of(asked: Asked, hits: Sequence[Hit]) -> list[Quote]:
    """Every quote of these passages, in their order."""
    return [quote for of_hit in _by_hit(asked, hits) for quote in of_hit]


def _by_hit(asked: Asked, hits: Sequence[Hit]) -> list[list[Quote]]:
    if not hits or not asked.total:
        return []
    best_score = max(hit.score for hit in hits)
    return [list(_quotes(asked, hit, best_score)) for hit in hits]


def _quotes(asked: Asked, hit: Hit, best_score: float) -> Iterable[Quote]:
    read = _Read(asked, hit, best_score)
    sentences = hit.passage.sentences
    for num in range(1, _MAX_SENTENCES + 1):
        for start in range(len(sentences) - num + 1):
            text = " ".join(sentences[start : start + num])
            if num == 1 or len(text) <= MAX_QUOTE_CHARS:
                yield _quote(read, range(start, start + num), text)


def _best(quotes: Sequence[Quote]) -> Quote:
    return max(quotes, key=lambda quote: quote.worth)


def _judged(quotes: Sequence[Quote], reading: Reading | None) -> Sequence[Quote]:
    """The quotes of a passage, with what the reader says of it and of their sentences."""
    if reading is None:
        return quotes
    answers = min(MOST_SURE, max(-MOST_SURE, reading.answers))
    return [
        replace(
            quote,
            answers=answers,
            worth=quote.worth
            + _ANSWERS_WEIGHT * answers
            + _SHARE_WEIGHT * _log_share(reading, quote),
        )
        for quote in quotes
    ]


def _log_share(reading: Reading, quote: Quote) -> float:
    """Of the answer that stands in the quote, by the reader."""
    shares = reading.sentences[quote.first : quote.first + quote.num_sentences]
    share = sum(math.exp(one) for one in shares)
    return math.log(max(share, _LEAST_SHARE))


class _Read:
    """What all quotes of a passage share, so that it is computed once."""

    def __init__(self, asked: Asked, hit: Hit, best_score: float) -> None:
        self.asked, self.hit = asked, hit
        self._total = asked.total
        above = _above(asked, hit)
        paragraph = {term for part in hit.sentence_terms for term in part}
        around = {term: _around(term, above, paragraph, hit) for term in asked.weights}
        self._borrowed = sum(share * asked.weights[term] for term, share in around.items())
        self._gains = {term: weight * (1 - around[term]) for term, weight in asked.weights.items()}
        self._own = {
            term: 0.0 if term in above else weight for term, weight in asked.weights.items()
        }
        self._in_headings = sum(asked.weights.values()) - sum(self._own.values())
        self.coverages = [self.coverage(part) for part in hit.sentence_terms]
        self.closenesses = hit.closenesses.tolist()
        self.has_pair = [not asked.pairs.isdisjoint(pairwise(part)) for part in hit.sentence_terms]
        self.worth = (
            _KIND_IN_TITLE_BONUS * any(NAMING_TERMS[kind] & hit.title_terms for kind in asked.kinds)
            + _CONTEXT_BONUS * (hit.passage.article.article_id in asked.articles_before)
            - _LATER_PARAGRAPH_COST * (min(hit.passage.paragraph, 4) - 1)
            + _SCORE_WEIGHT * hit.score / max(best_score, 1e-9)
            + _PARAGRAPH_MEANING_WEIGHT * hit.closeness
            + _ARTICLE_MEANING_WEIGHT * hit.article_closeness
        )

    def coverage(self, terms: Iterable[str]) -> float:
        """Of the question by these terms, and by what stands around them in part."""
        gained = sum(self._gains.get(term, 0.0) for term in set(terms))
        return (self._borrowed + gained) / self._total

    def quote_coverage(self, terms: Iterable[str]) -> float:
        """Of the question by these terms and the headings alone."""
        own = sum(self._own.get(term, 0.0) for term in set(terms))
        return (self._in_headings + own) / self._total


def _quote(read: _Read, chosen: range, text: str) -> Quote:
    asked, hit = read.asked, read.hit
    together = [term for i in chosen for term in hit.sentence_terms[i]]
    coverage = _BEST_SENTENCE_SHARE * max(read.coverages[i] for i in chosen)
    coverage += (1 - _BEST_SENTENCE_SHARE) * read.coverage(together)
    closeness = max(read.closenesses[i] for i in chosen)
    shown = [kind for kind in asked.kinds if holds(kind, text)]
    worth = (
        read.worth
        + coverage
        + max((_KIND_BONUS.get(kind, _OTHER_KIND_BONUS) for kind in shown), default=0.0)
        + _PAIR_BONUS * any(read.has_pair[i] for i in chosen)
        + _WAY_BONUS * (asked.wants_a_way and shows_a_way(text))
        + _LENGTH_BONUS[len(chosen) - 1]
        - _LATER_SENTENCE_COST * min(chosen.start, 3)
        - _costs(text)
        + _MEANING_WEIGHT * closeness
    )
    return Quote(
        hit.passage,
        chosen.start,
        len(chosen),
        text,
        coverage,
        read.quote_coverage(together),
        bool(shown) or not asked.kinds,
        hit.score,
        closeness,
        hit.closeness,
        worth,
    )


@lru_cache(maxsize=_NUM_REMEMBERED)
def _costs(text: str) -> float:
    negation = _NEGATION_COST * bool(_NEGATION.search(text))
    return negation + _DANGLING_COST * bool(_DANGLING.match(text))


def _around(term: str, above: frozenset[str], paragraph: set[str], hit: Hit) -> float:
    """How much a term counts that stands not in the quote but around it."""
    if term in above:
        return _IN_TITLE
    if term in paragraph:
        return _IN_PARAGRAPH
    return _IN_ARTICLE if term in hit.article_terms else 0.0


def _above(asked: Asked, hit: Hit) -> frozenset[str]:
    """Terms of the headings; in the article that answered the question before, of that one too."""
    if hit.passage.article.article_id in asked.articles_before:
        return hit.title_terms | asked.terms_before
    return hit.title_terms
