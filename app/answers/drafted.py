"""Which words of an answer were drafted, and by whom; pure.

Stored are runs of `[count, drafter]`, `null` for the model's own, where `count` is characters that
are not blanks: releasing an answer may change blanks and nothing else of what the engine computed.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import groupby

Run = tuple[int, str | None]


@dataclass(frozen=True)
class Stretch:
    """Neighbouring characters from the same hand; `drafter` is None for the model itself."""

    text: str
    drafter: str | None
    is_known: bool = True
    """False behind what the engine computed: guards or the plan said it."""


@dataclass(frozen=True)
class Share:
    """How much of an answer came from one hand."""

    drafter: str | None
    num_chars: int
    percent: int


def to_runs(tokens: Iterable[tuple[str, str | None]]) -> list[Run]:
    """Runs of the tokens' texts, neighbours of one drafter made one."""
    counted = [(sum(not c.isspace() for c in text), drafter) for text, drafter in tokens]
    joined = [
        (sum(count for count, _ in group), drafter)
        for drafter, group in groupby(counted, key=lambda one: one[1])
    ]
    return [run for run in joined if run[0]]


def cut(text: str, runs: Sequence[Run]) -> list[Stretch]:
    """The text in stretches; a blank stays with what stands before it."""
    stretches: list[Stretch] = []
    at = 0
    for count, drafter in runs:
        start = at
        while at < len(text) and (count or text[at].isspace()):
            count -= not text[at].isspace()
            at += 1
        if at > start:
            stretches.append(Stretch(text[start:at], drafter))
    if text[at:]:
        stretches.append(Stretch(text[at:], None, is_known=False))
    return stretches


def shares(stretches: Sequence[Stretch]) -> list[Share]:
    """Who wrote how much of what the engine computed, most first."""
    totals: dict[str | None, int] = {}
    for one in stretches:
        if one.is_known:
            totals[one.drafter] = totals.get(one.drafter, 0) + len(one.text)
    whole = max(sum(totals.values()), 1)
    found = [Share(name, chars, round(100 * chars / whole)) for name, chars in totals.items()]
    return sorted(found, key=lambda one: -one.num_chars)
