"""The tables of a model's card, kept equal to its evaluation.

A card has places for them between comments, `<!-- held-out -->` and `<!-- /held-out -->` for
example; the words around are a person's.
"""

import re
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, Final

PLACE: Final = re.compile(r"<!-- ([a-z-]+) -->\n.*?<!-- /\1 -->", re.DOTALL)
ALL: Final = "all"

Evaluation = Mapping[str, Any]
"""As `evaluation.json` has it."""


def renew(card: str, evaluation: Evaluation) -> str:
    """The card with its tables set anew; a place with an unknown name stays as it is."""
    tables = {
        "held-out": lambda: _table(_held_out(evaluation["held_out"])),
        "answers": lambda: _table(_answers(evaluation["answers"])),
        "copying": lambda: _table(_copying(evaluation["copying"])),
        "facts": lambda: _table(_facts(evaluation["answers"])),
    }

    def filled(place: re.Match[str]) -> str:
        name = place[1]
        if name not in tables:
            return place[0]
        return f"<!-- {name} -->\n\n{tables[name]()}\n\n<!-- /{name} -->"

    return PLACE.sub(filled, card)


def renew_file(folder: Path, evaluation: Evaluation) -> None:
    """Of the model's folder, if it has a card."""
    path = folder / "MODEL_CARD.md"
    if path.exists():
        path.write_text(renew(path.read_text(), evaluation))


def _held_out(stages: Mapping[str, Mapping[str, Mapping[str, float]]]) -> Iterator[Sequence[str]]:
    yield "source", *stages
    for source in sorted({source for losses in stages.values() for source in losses}):
        yield source, *(_loss(losses.get(source)) for losses in stages.values())


def _loss(measured: Mapping[str, float] | None) -> str:
    return "" if measured is None else f"{measured['loss']:.2f} ({measured['perplexity']:.1f})"


def _answers(qualities: Mapping[str, Mapping[str, Any]]) -> Iterator[Sequence[str]]:
    shares = ("quoted", "copied", "right", "marker_right")
    yield ("source", "answerable", *shares[:3], "marker", "unanswerable", "declined")
    for source, one in _all_first(qualities):
        answerable, unanswerable = one["num_answerable"], one["num_unanswerable"]
        found = [_percent(one[share]) if answerable else "" for share in shares]
        declined = _percent(one["declined"]) if unanswerable else ""
        yield source, str(answerable), *found, str(unanswerable), declined


def _facts(qualities: Mapping[str, Mapping[str, Any]]) -> Iterator[Sequence[str]]:
    yield "source", "numbers kept", "names kept", "numbers invented"
    for source, one in _all_first(qualities):
        facts = one["facts"]
        yield (
            source,
            f"{facts['kept_numbers']} of {facts['num_wanted_numbers']}",
            f"{facts['kept_names']} of {facts['num_wanted_names']}",
            f"{facts['invented_numbers']} of {facts['num_said_numbers']}",
        )


def _copying(kinds: Mapping[str, Mapping[str, float]]) -> Iterator[Sequence[str]]:
    yield "prompts", "quotes", "their tokens"
    for kind, shares in kinds.items():
        yield kind, _percent(shares["quotes"]), _percent(shares["tokens"])


def _percent(share: float) -> str:
    return f"{100 * share:.0f} %"


def _all_first(qualities: Mapping[str, Any]) -> list[tuple[str, Any]]:
    return sorted(qualities.items(), key=lambda named: (named[0] != ALL, named[0]))


def _table(rows: Iterator[Sequence[str]]) -> str:
    head, *body = rows
    ruled = ("---", *["---:"] * (len(head) - 1))
    return "\n".join(f"| {' | '.join(row)} |" for row in (head, ruled, *body))
