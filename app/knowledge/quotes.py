"""The one to three neighboring sentences of a passage that answer a question best; pure.

A sentence is worth the share of the question it covers; what only the heading or the rest of the
article covers counts less. Numbers were chosen on the `tune` part of `app/demo/questions.jsonl`.
"""

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import pairwise

from app.knowledge.answer_kinds import NAMING_TERMS, AnswerKind, holds, shows_a_way
from app.knowledge.passages import Passage
from app.knowledge.search import Asked, Hit

MAX_QUOTE_CHARS = 260
_MAX_SENTENCES = 3

_IN_TITLE, _IN_PARAGRAPH, _IN_ARTICLE = 0.9, 0.5, 0.3
_BEST_SENTENCE_SHARE = 0.7  # the rest is covered by the quote as a whole
_KIND_BONUS = {AnswerKind.PHONE: 1.2, AnswerKind.EMAIL: 1.2}
_OTHER_KIND_BONUS = 0.25
_KIND_IN_TITLE_BONUS = 0.1  # "Delivery times and costs", when a time or a cost is asked for
_PAIR_BONUS = 0.1
_WAY_BONUS = 0.15  # a place to go, where a way to do something is asked for
_CONTEXT_BONUS = 0.2  # the article that answered the question before
_NEGATION_COST = 0.04  # the rule before its exceptions
_LENGTH_BONUS = (0.0, 0.05, 0.03)  # of one, two, three sentences: a little context helps
_LATER_COST = 0.02  # a place further down, for the first few paragraphs and sentences
_DANGLING_COST = 0.1
_SCORE_WEIGHT = 0.3
_MEANING_WEIGHT = 0.5  # of the sentence that is closest to the question in meaning
_PARAGRAPH_MEANING_WEIGHT = 0.5

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


def rank_quotes(asked: Asked, hits: Sequence[Hit]) -> list[Quote]:
    """The best quote of each passage, best first."""
    quotes = [max(of_hit, key=lambda quote: quote.worth) for of_hit in _by_hit(asked, hits)]
    return sorted(quotes, key=lambda quote: -quote.worth)


def quotes_of(asked: Asked, hits: Sequence[Hit]) -> list[Quote]:
    """Every quote of these passages, in their order."""
    return [quote for of_hit in _by_hit(asked, hits) for quote in of_hit]


def _by_hit(asked: Asked, hits: Sequence[Hit]) -> list[list[Quote]]:
    if not hits or not asked.total:
        return []
    best_score = max(hit.score for hit in hits)
    return [list(_quotes(asked, hit, best_score)) for hit in hits]


def _quotes(asked: Asked, hit: Hit, best_score: float) -> Iterable[Quote]:
    sentences = hit.passage.sentences
    for num in range(1, _MAX_SENTENCES + 1):
        for start in range(len(sentences) - num + 1):
            text = " ".join(sentences[start : start + num])
            if num == 1 or len(text) <= MAX_QUOTE_CHARS:
                yield _quote(asked, hit, range(start, start + num), text, best_score)


def _quote(asked: Asked, hit: Hit, chosen: range, text: str, best_score: float) -> Quote:
    parts = [hit.sentence_terms[i] for i in chosen]
    together = sum(parts, ())
    coverage = _BEST_SENTENCE_SHARE * max(_coverage(asked, hit, part) for part in parts)
    coverage += (1 - _BEST_SENTENCE_SHARE) * _coverage(asked, hit, together)
    closeness = float((hit.sentence_meanings[list(chosen)] @ asked.meaning).max())
    shown = [kind for kind in asked.kinds if holds(kind, text)]
    worth = (
        coverage
        + max((_KIND_BONUS.get(kind, _OTHER_KIND_BONUS) for kind in shown), default=0.0)
        + _KIND_IN_TITLE_BONUS * any(NAMING_TERMS[kind] & hit.title_terms for kind in asked.kinds)
        + _PAIR_BONUS * any(asked.pairs.intersection(pairwise(part)) for part in parts)
        + _WAY_BONUS * (asked.wants_a_way and shows_a_way(text))
        + _CONTEXT_BONUS * (hit.passage.article.article_id in asked.articles_before)
        + _LENGTH_BONUS[len(chosen) - 1]
        - _LATER_COST * (min(hit.passage.paragraph, 4) - 1 + min(chosen.start, 3))
        - _NEGATION_COST * bool(_NEGATION.search(text))
        - _DANGLING_COST * bool(_DANGLING.match(text))
        + _SCORE_WEIGHT * hit.score / max(best_score, 1e-9)
        + _MEANING_WEIGHT * closeness
        + _PARAGRAPH_MEANING_WEIGHT * hit.closeness
    )
    return Quote(
        hit.passage,
        chosen.start,
        len(chosen),
        text,
        coverage,
        _share(asked, _above(asked, hit).union(together)),
        bool(shown) or not asked.kinds,
        hit.score,
        closeness,
        hit.closeness,
        worth,
    )


def _coverage(asked: Asked, hit: Hit, terms: Sequence[str]) -> float:
    paragraph = {term for part in hit.sentence_terms for term in part}
    above = _above(asked, hit)
    covered = 0.0
    for term, weight in asked.weights.items():
        if term in terms:
            covered += weight
        elif term in above:
            covered += weight * _IN_TITLE
        elif term in paragraph:
            covered += weight * _IN_PARAGRAPH
        elif term in hit.article_terms:
            covered += weight * _IN_ARTICLE
    return covered / asked.total


def _above(asked: Asked, hit: Hit) -> frozenset[str]:
    """Terms of the headings; in the article that answered the question before, of that one too."""
    if hit.passage.article.article_id in asked.articles_before:
        return hit.title_terms | asked.terms_before
    return hit.title_terms


def _share(asked: Asked, terms: Iterable[str]) -> float:
    return sum(asked.weights.get(term, 0.0) for term in set(terms)) / asked.total
