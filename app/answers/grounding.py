"""Evidence for all that a customer has said since the last answer; pure.

One policy for messages that come in a row, always the same: they are answered together. Each
question among them that the articles answer gets its own quote; a follow-up that says too little by
itself is read together with the question before it.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass, replace

from app.knowledge.evidence import Evidence, Verdict, find_evidence, find_evidence_for
from app.knowledge.quotes import Quote, rank_quotes
from app.knowledge.search import Asked, SearchIndex
from app.knowledge.sentences import split_sentences

MAX_QUOTES = 3
CARD_CONFIDENCE = 0.25
"""From here an article is named where none answers: for half of such questions one of the demo's
articles does, and the two named hold it six times in seven."""
_NUM_HITS = 50
_FOLLOW_UP_WORDS = 10
# A question must weigh at least this much to be answered apart from what stands around it; "how
# long does it take?" alone does not.
_MIN_WEIGHT = 2.0
# And this much not to lean on the question before it.
_LEAST_WEIGHT = 1.2
# Such a beginning takes up what was asked before.
_CONTINUES = re.compile(r"(?:and|what about|how about)\b", re.IGNORECASE)
_ANAPHORA = re.compile(
    r"\b(?:it|that|this|those|these|them|they|there|one|ones|he|she)\b", re.IGNORECASE
)
# So much less sure it may be and still be read with the question before.
_BENEFIT = 0.0
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


def ground(
    index: SearchIndex, messages: Sequence[str], before: str | None = None, told: str = ""
) -> Grounding:
    """Evidence for the `messages` together; `before` is what the customer had asked earlier.

    `told` is what was answered to that: a follow-up hears it again only where it fits best.
    """
    whole = "\n".join(messages)
    follow_up = None
    if before is not None and len(whole.split()) <= _FOLLOW_UP_WORDS:
        follow_up = _as_follow_up(index, whole, before, told)
    if follow_up is not None and _leans(index, whole):
        return _single(follow_up)
    together = find_evidence(index, whole)
    if follow_up is not None and follow_up.coverage > together.coverage - _BENEFIT:
        return _single(follow_up)
    questions = [part for part in split_sentences(whole) if _QUESTION.match(part)]
    if len(questions) > 1 or (questions and together.verdict is not Verdict.ANSWER):
        apart = _answered_apart(index, questions)
        if apart is not None:
            return apart
    if together.verdict is not Verdict.ANSWER:
        in_story = _after_a_story(index, whole)
        if in_story is not None and in_story.coverage > together.coverage:
            return _single(in_story)
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


def _leans(index: SearchIndex, said: str) -> bool:
    """It says by itself that it continues something, or says too little to stand alone."""
    is_marked = _CONTINUES.match(said) or _ANAPHORA.search(said)
    return bool(is_marked) or index.understand(said).total < _LEAST_WEIGHT


def _as_follow_up(index: SearchIndex, said: str, before: str, told: str) -> Evidence | None:
    """`and to Hawaii?` after a question about delivery: an answer of the same article, or None."""
    earlier = index.understand(before)
    known = _read_before(index, earlier)
    if known is None:
        return None
    article_id = known.passage.article.article_id
    evidence = find_evidence_for(index, index.understand(said).after(earlier, [article_id]))
    quote = evidence.quote
    if quote is None or quote.passage.article.article_id != article_id:
        return _elsewhere(index, said, earlier)
    return _untold(index, said, evidence, quote, told)


def _read_before(index: SearchIndex, earlier: Asked) -> Quote | None:
    """What answered the question before, or was named as perhaps of help."""
    found = find_evidence_for(index, earlier)
    is_named = bool(found.others) and found.coverage >= CARD_CONFIDENCE
    return found.quote or (found.others[0] if is_named else None)


def _untold(index: SearchIndex, said: str, evidence: Evidence, quote: Quote, told: str) -> Evidence:
    """Instead of the sentences just read, those of the article that fit the follow-up itself."""
    own = index.understand(said)
    if quote.text not in told or not own.weights:
        return evidence
    article_id = quote.passage.article.article_id
    hits = [
        hit for hit in index.search(own, _NUM_HITS) if hit.passage.article.article_id == article_id
    ]
    ranked = rank_quotes(own, hits)
    if not ranked or ranked[0].text in told:
        return evidence
    return replace(evidence, quote=ranked[0], second=None)


def _elsewhere(index: SearchIndex, said: str, earlier: Asked) -> Evidence | None:
    """The same, of another article that answers both together."""
    evidence = find_evidence_for(index, index.understand(said).after(earlier, []))
    return evidence if evidence.verdict is Verdict.ANSWER else None


def _after_a_story(index: SearchIndex, said: str) -> Evidence | None:
    """What is asked at the end, read with what was told before it."""
    *told, asked = split_sentences(said)
    if not told or told[-1].endswith("?"):
        return None
    earlier = index.understand(" ".join(told))
    return find_evidence_for(index, index.understand(asked).after(earlier, []))


def _single(evidence: Evidence) -> Grounding:
    quotes = tuple(one for one in (evidence.quote, evidence.second) if one is not None)
    related = tuple(one for one in evidence.others if one is not evidence.second)
    return Grounding(evidence.verdict, quotes, related, evidence.coverage)
