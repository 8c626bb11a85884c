"""Which of a company's labels fit a conversation, learned from those that carry them; pure.

A label fits by closeness in meaning: of what the customer wrote to the label's name, and to the
conversations that carry it, the closest one and their mean. A name that is said counts besides. A
logistic regression says how sure that is; its weights are fitted and measured by
`benchmarks/labels.py`, on intents of other trades than the demo's. Only labels that exist are
suggested.
"""

import math
import re
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from app.copilot.reading import Reader

MAX_LABELS = 3
MAX_EXAMPLES = 8
"""Conversations that one label is learned from, the newest."""
MIN_CONFIDENCE = 0.25
NEW_WEIGHTS = (-6.10, 9.98, 2.20)
"""Of a label that nothing read carries: bias, closeness to its name, its name is said."""
LEARNED_WEIGHTS = (-8.50, 3.77, 3.87, 6.45, 3.14)
"""Of the others: bias, name, the closest conversation, their mean, its name is said."""
SURE_WEIGHTS = (-0.11, 0.46, 1.22)
"""Bias, evidence by the weights above, how far it is ahead of the label with most evidence else."""

Vector = npt.NDArray[np.float32]
_NO_RIVAL = -6.0
"""Evidence of a label that fits as badly as most do: an only label leads that."""
_NO_DOUBT = 50.0
_WORD = re.compile(r"[^\W_]+")


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


@dataclass(frozen=True)
class Closeness:
    """Of a text to one label, cosines of -1 to 1; None where no conversation carries it."""

    name: float
    is_said: bool
    closest: float | None = None
    mean: float | None = None

    @property
    def features(self) -> tuple[float, ...]:
        """What the weights are for."""
        if self.closest is None or self.mean is None:
            return (1.0, self.name, float(self.is_said))
        return (1.0, self.name, self.closest, self.mean, float(self.is_said))

    @property
    def evidence(self) -> float:
        """How much speaks for the label by itself, as log odds."""
        weights = NEW_WEIGHTS if self.closest is None else LEARNED_WEIGHTS
        return sum(w * x for w, x in zip(weights, self.features, strict=True))


def suggest(
    text: str, names: Sequence[str], earlier: Sequence[Labelled], reader: Reader
) -> tuple[SuggestedLabel, ...]:
    """Up to three of the existing `names`, the surest first; `earlier` has the newest first."""
    if not text.strip() or not names:
        return ()
    found = leads(closeness(text, names, earlier, reader))
    sure = {name: _confidence(features) for name, features in found.items()}
    fit = [
        SuggestedLabel(name, round(sure[name], 2))
        for name in names
        if sure[name] >= MIN_CONFIDENCE
    ]  # fmt: skip
    return tuple(sorted(fit, key=lambda one: (-one.confidence, one.name))[:MAX_LABELS])


def closeness(
    text: str, names: Sequence[str], earlier: Sequence[Labelled], reader: Reader
) -> dict[str, Closeness]:
    """Of the text to each label."""
    told = {name: name.replace("-", " ").replace("_", " ").casefold() for name in names}
    examples = _examples(names, earlier)
    wanted = dict.fromkeys([text, *told.values(), *_in_turns(examples)])
    read = reader.read(list(wanted), num_needed=1 + len(told))
    said, words = read[text], _words(text)
    found: dict[str, Closeness] = {}
    for name, plain in told.items():
        near = [read[one] for one in examples.get(name, ()) if one in read]
        is_said = bool(_words(plain)) and _words(plain) <= words
        found[name] = _closeness(said, float(said @ read[plain]), is_said, near)
    return found


def leads(found: Mapping[str, Closeness]) -> dict[str, tuple[float, float, float]]:
    """Of each label what `SURE_WEIGHTS` are for: nearness to the best of the others tells much."""
    evidence = {name: one.evidence for name, one in found.items()}
    best = sorted(evidence.values(), reverse=True)
    most, next_most = best[0], best[1] if len(best) > 1 else _NO_RIVAL
    return {
        name: (1.0, one, one - (next_most if one == most else most))
        for name, one in evidence.items()
    }


def _confidence(features: tuple[float, float, float]) -> float:
    evidence = sum(w * x for w, x in zip(SURE_WEIGHTS, features, strict=True))
    return 1.0 / (1.0 + math.exp(-max(evidence, -_NO_DOUBT)))


def _closeness(said: Vector, name: float, is_said: bool, near: Sequence[Vector]) -> Closeness:
    if not near:
        return Closeness(name, is_said)
    mean = np.mean(near, axis=0)
    length = float(np.linalg.norm(mean)) or 1.0
    closest = max(float(said @ one) for one in near)
    return Closeness(name, is_said, closest, float(said @ mean) / length)


def _examples(names: Sequence[str], earlier: Sequence[Labelled]) -> Mapping[str, list[str]]:
    """The newest conversations of each label."""
    known = set(names)
    texts: dict[str, list[str]] = defaultdict(list)
    for one in earlier:
        for name in one.labels & known if one.text.strip() else ():
            if len(texts[name]) < MAX_EXAMPLES:
                texts[name].append(one.text)
    return texts


def _words(text: str) -> set[str]:
    """Singular or plural alike."""
    return {word.rstrip("s") for word in _WORD.findall(text.casefold())}


def _in_turns(examples: Mapping[str, list[str]]) -> list[str]:
    """One of each label, then a second of each: whoever reads only some learns of all labels."""
    return [
        texts[turn] for turn in range(MAX_EXAMPLES) for texts in examples.values()
        if turn < len(texts)
    ]  # fmt: skip
