"""Evidence for all that a customer has said since the last answer; pure.

One policy for messages that come in a row, always the same: they are answered together. Each
question among them that the articles answer gets its own quote; a follow-up that says too little by
itself is read together with the question before it.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass

from app.knowledge.evidence import Evidence, Verdict, find_evidence
from app.knowledge.quotes import Quote
from app.knowledge.search import SearchIndex
from app.knowledge.sentences import split_sentences

MAX_QUOTES = 3
_FOLLOW_UP_WORDS = 8
# A question must weigh at least this much to be answered apart from what stands around it; "how
# long does it take?" alone does not.
_MIN_WEIGHT = 2.0
# Such a beginning takes up what was asked before.
_CONTINUES = re.compile(r"(?:and|what about|how about)\b", re.IGNORECASE)
_QUESTION = re.compile(
    r".*\?\s*$|(?:and |so |but |also )?(?:how|what|when|where|which|who|why|can|could|do|does|did|"
    r"is|are|will|may|must|should)\b",
    re.IGNORECASE | re.DOTALL,
)


@dataclass(frozen=True)
class Grounding:
    """What may be quoted, best or first asked first; empty when nothing fits."""

    verdict: Verdict
    quotes: tuple[Quote, ...] = ()
    related: tuple[Quote, ...] = ()
    """Best quotes of other articles."""
    coverage: float = 0.0


def ground(index: SearchIndex, messages: Sequence[str], before: str | None = None) -> Grounding:
    """Evidence for the `messages` together; `before` is what the customer had asked earlier."""
    whole = "\n".join(messages)
    is_short = len(whole.split()) <= _FOLLOW_UP_WORDS
    if before is not None and is_short and _CONTINUES.match(whole):
        follow_up = _as_follow_up(index, whole, before)
        if follow_up is not None:
            return _single(follow_up)
    together = find_evidence(index, whole)
    questions = [part for part in split_sentences(whole) if _QUESTION.match(part)]
    if len(questions) > 1 or (questions and together.verdict is not Verdict.ANSWER):
        apart = _answered_apart(index, questions)
        if apart is not None:
            return apart
    if together.verdict is Verdict.ANSWER:
        return _single(together)
    if before is not None and is_short:
        follow_up = _as_follow_up(index, whole, before)
        if follow_up is not None:
            return _single(follow_up)
    return _single(together)


def _answered_apart(index: SearchIndex, questions: Sequence[str]) -> Grounding | None:
    found: list[Evidence] = []
    for question in questions:
        evidence = find_evidence(index, question)
        is_too_little = index.understand(question).total < _MIN_WEIGHT
        if evidence.verdict is not Verdict.ANSWER or is_too_little:
            return None
        found.append(evidence)
    quotes: list[Quote] = []
    for evidence in found:
        quote = evidence.quote
        assert quote is not None, "an answer has a quote"
        if all(quote.passage is not known.passage for known in quotes):
            quotes.append(quote)
    related = found[0].others if len(quotes) == 1 else ()
    coverage = min(evidence.coverage for evidence in found)
    return Grounding(Verdict.ANSWER, tuple(quotes[:MAX_QUOTES]), related, coverage)


def _as_follow_up(index: SearchIndex, said: str, before: str) -> Evidence | None:
    """`and to Hawaii?` after a question about delivery; it must bring a word the quote holds."""
    new_terms = set(index.understand(said).weights) - set(index.understand(before).weights)
    evidence = find_evidence(index, f"{before} {said}")
    if evidence.verdict is not Verdict.ANSWER or evidence.quote is None:
        return None
    quoted = index.understand(evidence.quote.text).weights
    return evidence if new_terms and new_terms <= set(quoted) else None


def _single(evidence: Evidence) -> Grounding:
    quotes = tuple(one for one in (evidence.quote, evidence.second) if one is not None)
    related = tuple(one for one in evidence.others if one is not evidence.second)
    return Grounding(evidence.verdict, quotes, related, evidence.coverage)
