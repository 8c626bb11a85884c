"""May the articles be quoted on this question? Pure; no answer without evidence.

The gate looks at raw coverage and closeness, never at ranks: the best of twenty passages that do
not fit is still the best. Thresholds and what they cost are in `docs/answering.md`.
"""

import math
from dataclasses import dataclass
from enum import StrEnum

from app.knowledge.quotes import COMPETING, Quote, rank_quotes
from app.knowledge.search import Asked, SearchIndex

ANSWER_CONFIDENCE = 0.55
UNSURE_CONFIDENCE = 0.4
_BIAS = -1.4
_WEIGHTS = (1.67, 9.01, -3.68, 1.05)
# Where the passage was not read, for the reader does not know its language.
_UNREAD_BIAS = -4.21
_UNREAD = (3.26, 10.25, -6.34)
# Where the reader's log-odds for the best passage are below this, the next may be so far behind.
_CONVINCED, _COMPETING_IN_DOUBT = 1.0, 0.6
# How much of its coverage a quote may owe to the rest of its article.
_MAX_BORROWED = 0.1


class Verdict(StrEnum):
    """What the articles allow."""

    ANSWER = "answer"
    UNSURE = "unsure"
    """Something fits in part: it may be shown, but not as the answer."""
    NOTHING = "nothing"


@dataclass(frozen=True)
class Evidence:
    """The verdict, the quote that may be used (none for nothing), and what else was found."""

    verdict: Verdict
    quote: Quote | None
    others: tuple[Quote, ...] = ()
    """Best quotes of other articles than the quote's, best first, for "maybe these help"."""
    coverage: float = 0.0
    second: Quote | None = None
    """Beside an answer: another paragraph's quote that is nearly as good, or not much worse than
    one that the reader doubts."""


def find_evidence(index: SearchIndex, question: str) -> Evidence:
    """Search, choose the best quote, and judge it."""
    return find_evidence_for(index, index.understand(question))


def find_evidence_for(index: SearchIndex, asked: Asked) -> Evidence:
    """The same for a question that has been understood; figures alone ask nothing."""
    ranked = rank_quotes(asked, index.search(asked), index.judge)
    if not ranked or all(term[0].isdigit() for term in asked.weights):
        return Evidence(Verdict.NOTHING, None)
    best = ranked[0]
    coverage = confidence(asked, best)
    verdict = judge(coverage, has_kind=best.has_kind)
    quote = None if verdict is Verdict.NOTHING else best
    second = _competing(asked, ranked) if verdict is Verdict.ANSWER else None
    return Evidence(verdict, quote, _of_other_articles(ranked, quote), coverage, second)


def confidence(asked: Asked, quote: Quote) -> float:
    """How likely the quote's article answers the question, 0 to 1, half of all being answerable.

    Logistic regression over what the quote covers, how close its paragraph is in meaning, how
    much of the question no article knows, and what the reader says, where it was asked.
    """
    found = features(asked, quote)
    bias, weights = (_UNREAD_BIAS, _UNREAD) if quote.answers is None else (_BIAS, _WEIGHTS)
    evidence = bias + sum(w * feature for w, feature in zip(weights, found, strict=True))
    return 1.0 / (1.0 + math.exp(-evidence))


def features(asked: Asked, quote: Quote) -> tuple[float, ...]:
    """What the gate looks at: three, and the reader's log-odds where it has read."""
    seen = (gate_coverage(quote), quote.paragraph_closeness, asked.unknown)
    return seen if quote.answers is None else (*seen, quote.answers)


def gate_coverage(quote: Quote) -> float:
    """What of the question the quote covers, the article's help being limited."""
    return min(quote.coverage, quote.quote_coverage + _MAX_BORROWED)


def judge(coverage: float, *, has_kind: bool) -> Verdict:
    """The verdict on the best quote; one without the asked kind of fact is never the answer."""
    if coverage < UNSURE_CONFIDENCE:
        return Verdict.NOTHING
    if coverage < ANSWER_CONFIDENCE or not has_kind:
        return Verdict.UNSURE
    return Verdict.ANSWER


def _competing(asked: Asked, ranked: list[Quote]) -> Quote | None:
    """The runner-up, if it would be an answer by itself and is hardly worse.

    Or somewhat worse, where the reader is not convinced that the best one answers.
    """
    best = ranked[0]
    is_doubtful = best.answers is not None and best.answers < _CONVINCED
    least_worth = best.worth - (_COMPETING_IN_DOUBT if is_doubtful else COMPETING)
    for quote in ranked[1:2]:
        verdict = judge(confidence(asked, quote), has_kind=quote.has_kind)
        is_close = quote.worth >= least_worth
        if is_close and verdict is Verdict.ANSWER and quote.text != best.text:
            return quote
    return None


def _of_other_articles(ranked: list[Quote], chosen: Quote | None) -> tuple[Quote, ...]:
    seen = {chosen.passage.article.article_id} if chosen else set()
    others: list[Quote] = []
    for quote in ranked:
        if quote.passage.article.article_id not in seen:
            seen.add(quote.passage.article.article_id)
            others.append(quote)
    return tuple(others)
