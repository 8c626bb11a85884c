"""Evidence for all that a customer has said since the last answer; pure.

One policy for messages that come in a row, always the same: they are answered together. Each
question among them that the articles answer gets its own quote, and those that they do not are
told; a follow-up that says too little by itself is read together with the question before it.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass, replace

from app.answers.splitting import MAX_PARTS, clauses_of, continues, corrected, questions_in
from app.knowledge.evidence import Evidence, Verdict, find_evidence, find_evidence_for
from app.knowledge.quotes import Quote, rank_quotes
from app.knowledge.search import Asked, SearchIndex
from app.knowledge.sentences import split_sentences

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
_ANAPHORA = re.compile(
    r"\b(?:it|that|this|those|these|them|they|there|one|ones|he|she)\b", re.IGNORECASE
)
# So much less sure it may be and still be read with the question before.
_BENEFIT = 0.0


@dataclass(frozen=True)
class Grounding:
    """What may be quoted, best or first asked first; empty when nothing fits."""

    verdict: Verdict
    quotes: tuple[Quote, ...] = ()
    related: tuple[Quote, ...] = ()
    """Best quotes of other articles."""
    coverage: float = 0.0
    unsure: tuple[Quote, ...] = ()
    """Beside an answer: what may fit others of several questions."""
    unanswered: tuple[str, ...] = ()
    """Beside an answer: of several questions those that no article answers."""


def ground(
    index: SearchIndex, messages: Sequence[str], before: str | None = None, told: str = ""
) -> Grounding:
    """Evidence for the `messages` together; `before` is what the customer had asked earlier.

    `told` is what was answered to that: a follow-up hears it again only where it fits best.
    """
    meant = corrected("\n".join(messages))
    if meant is not None and before is not None:
        return _single(_as_correction(index, meant, before))
    whole = meant or "\n".join(messages)
    questions = questions_in(whole)
    several = _answered_apart(index, questions, before, told) if len(questions) > 1 else None
    if several is not None:
        return several
    follow_up = None
    if before is not None and len(whole.split()) <= _FOLLOW_UP_WORDS:
        follow_up = _as_follow_up(index, whole, before, told)
    if follow_up is not None and _leans(index, whole):
        return _single(follow_up)
    together = find_evidence(index, whole)
    if follow_up is not None and follow_up.coverage > together.coverage - _BENEFIT:
        return _single(follow_up)
    if together.verdict is Verdict.ANSWER:
        return _single(together)
    others = [find_evidence(index, questions[0])] if _is_enough(index, questions) else []
    in_story = _after_a_story(index, whole)
    others += [in_story] if in_story is not None else []
    others += [find_evidence(index, one) for one in clauses_of(whole)]
    surest = max(others, key=lambda one: one.coverage, default=together)
    return _single(max(together, surest, key=lambda one: one.coverage))


def _is_enough(index: SearchIndex, questions: Sequence[str]) -> bool:
    return bool(questions) and index.understand(questions[0]).total >= _MIN_WEIGHT


def _as_correction(index: SearchIndex, meant: str, before: str) -> Evidence:
    """`no, I meant my jacket`: by itself, or in place of what was asked before."""
    own = index.understand(meant)
    alone = find_evidence_for(index, own)
    after = find_evidence_for(index, own.after(index.understand(before), []))
    return after if after.coverage >= alone.coverage or own.total < _MIN_WEIGHT else alone


def _answered_apart(
    index: SearchIndex, questions: Sequence[str], before: str | None, told: str
) -> Grounding | None:
    """Each question by itself or after those before it; None where none is answered."""
    found: list[tuple[str, Evidence]] = []
    for at, question in enumerate(questions[:MAX_PARTS]):
        if not index.understand(question).weights:
            continue  # "I want to know", and the like
        earlier = questions[at - 1] if at else before
        one = _read_in_row(index, question, earlier, told)
        found.append((question, one))
        told += f" {one.quote.text}" if one.quote is not None else ""
    sure = _different([one for _, one in found if one.verdict is Verdict.ANSWER])
    if not sure or len(found) < 2:
        return None
    maybe = _different([one for _, one in found if one.verdict is Verdict.UNSURE])
    missed = tuple(asked for asked, one in found if one.verdict is Verdict.NOTHING)
    sources = [one.passage for one in sure]
    return Grounding(
        Verdict.ANSWER,
        tuple(sure),
        found[0][1].others if len(sure) == 1 and not maybe else (),
        min(one.coverage for _, one in found if one.verdict is Verdict.ANSWER),
        tuple(one for one in maybe if one.passage not in sources)[:1],
        missed,
    )


def _read_in_row(index: SearchIndex, question: str, earlier: str | None, told: str) -> Evidence:
    """One of several questions; "when do I have to order?" leans on the one before it."""
    alone = find_evidence(index, question)
    if earlier is None:
        return alone
    leaning = _as_follow_up(index, question, earlier, told)
    if leaning is None:
        return alone
    is_better = leaning.coverage > alone.coverage or index.understand(question).total < _MIN_WEIGHT
    return leaning if _leans(index, question) or is_better else alone


def _different(found: Sequence[Evidence]) -> list[Quote]:
    """The quotes, each paragraph once."""
    quotes: list[Quote] = []
    for one in found:
        quote = one.quote
        if quote is not None and all(quote.passage is not known.passage for known in quotes):
            quotes.append(quote)
    return quotes


def _leans(index: SearchIndex, said: str) -> bool:
    """It says by itself that it continues something, or says too little to stand alone."""
    is_marked = continues(said) or _ANAPHORA.search(said)
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
    ranked = rank_quotes(own, hits, index.judge)
    if not ranked or ranked[0].text in told:
        return evidence
    return replace(evidence, quote=ranked[0], second=None)


def _elsewhere(index: SearchIndex, said: str, earlier: Asked) -> Evidence | None:
    """The same, of another article that answers both together."""
    evidence = find_evidence_for(index, index.understand(said).after(earlier, []))
    return evidence if evidence.verdict is Verdict.ANSWER else None


def _after_a_story(index: SearchIndex, said: str) -> Evidence | None:
    """What is asked at the end, read with what was told before it."""
    sentences = split_sentences(said)
    if len(sentences) < 2 or sentences[-2].endswith("?"):
        return None
    *told, asked = sentences
    earlier = index.understand(" ".join(told))
    return find_evidence_for(index, index.understand(asked).after(earlier, []))


def _single(evidence: Evidence) -> Grounding:
    quotes = tuple(one for one in (evidence.quote, evidence.second) if one is not None)
    related = tuple(one for one in evidence.others if one is not evidence.second)
    return Grounding(evidence.verdict, quotes, related, evidence.coverage)
