"""Which of a company's labels fit a conversation, learned from those that carry them; pure.

A label fits where the customer says its name, or where the conversations most like this one carry
it: likeness is the cosine of words weighted by rarity, and the share of the nearest counts. Only
labels that exist are suggested.
"""

import math
from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from app.knowledge.analyzer import Analyzer

MAX_LABELS = 3
_NAMED = 0.9
_NUM_NEAREST = 8
_MIN_LIKENESS = 0.15
"""Of the nearest conversation; farther ones say nothing."""
_SURE_LIKENESS = 0.5
_MIN_CONFIDENCE = 0.3

Weights = Mapping[str, float]


@dataclass(frozen=True)
class Labelled:
    """An earlier conversation: what the customer wrote, and its labels."""

    text: str
    labels: frozenset[str]


@dataclass(frozen=True)
class SuggestedLabel:
    """A label of the company's, and how sure it is, 0 to 1."""

    name: str
    confidence: float


def suggest(
    text: str, names: Sequence[str], earlier: Sequence[Labelled]
) -> tuple[SuggestedLabel, ...]:
    """Up to three of the existing `names`, the surest first."""
    analyzer = Analyzer()
    said = analyzer.terms(text)
    sure = _by_likeness(said, earlier, analyzer)
    for name in names:
        terms = set(analyzer.terms(name.replace("-", " ").replace("_", " ")))
        if terms and terms <= set(said):
            sure[name] = max(sure.get(name, 0.0), _NAMED)
    fit = [
        SuggestedLabel(name, round(sure[name], 2))
        for name in names
        if sure.get(name, 0.0) >= _MIN_CONFIDENCE
    ]
    return tuple(sorted(fit, key=lambda one: (-one.confidence, one.name))[:MAX_LABELS])


def _by_likeness(
    said: Sequence[str], earlier: Sequence[Labelled], analyzer: Analyzer
) -> dict[str, float]:
    documents = [analyzer.terms(one.text) for one in earlier]
    rarity = _rarity([*documents, said])
    mine = _weights(said, rarity)
    near = sorted(
        ((_cosine(mine, _weights(terms, rarity)), one.labels)
         for terms, one in zip(documents, earlier, strict=True)),
        key=lambda pair: -pair[0],
    )[:_NUM_NEAREST]  # fmt: skip
    near = [(likeness, labels) for likeness, labels in near if likeness >= _MIN_LIKENESS]
    whole = sum(likeness for likeness, _ in near)
    if not whole:
        return {}
    shares: dict[str, float] = defaultdict(float)
    best: dict[str, float] = {}
    for likeness, labels in near:
        for name in labels:
            shares[name] += likeness / whole
            best[name] = max(best.get(name, 0.0), likeness)
    return {
        name: min(_NAMED, share * min(1.0, best[name] / _SURE_LIKENESS))
        for name, share in shares.items()
    }


def _rarity(documents: Sequence[Sequence[str]]) -> dict[str, float]:
    counts = Counter(term for terms in documents for term in set(terms))
    return {term: math.log1p(len(documents) / num) for term, num in counts.items()}


def _weights(terms: Sequence[str], rarity: Weights) -> dict[str, float]:
    return {term: rarity[term] for term in terms}


def _cosine(one: Weights, other: Weights) -> float:
    shared = sum(weight * other[term] for term, weight in one.items() if term in other)
    lengths = math.hypot(*one.values()) * math.hypot(*other.values())
    return shared / lengths if lengths else 0.0
