"""Figures as a table for the terminal and as flat JSON, as the benchmarks keep theirs."""

import datetime
import importlib.metadata
import json
import os
import platform
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Final

from rich.table import Table

from app.evaluation.cases import Split
from app.evaluation.measures import Outcome, Share, measure

PACKAGES: Final = ("torch", "tokenizers", "numpy", "bm25s")
_MODES_IN_A_ROW: Final = 2

Figures = Mapping[str, Share]


def tabulate(by_mode: Mapping[str, Figures]) -> Table:
    """A row for each figure, a column for each mode: share, interval and number of cases."""
    table = Table(title="share (95 % interval) of cases")
    table.add_column("", no_wrap=True)
    for mode in by_mode:
        table.add_column(mode, no_wrap=len(by_mode) <= _MODES_IN_A_ROW)
    for name in next(iter(by_mode.values())):
        table.add_row(name, *(_told(figures[name]) for figures in by_mode.values()))
    return table


def save(path: Path, outcomes: Mapping[str, Sequence[Outcome]]) -> None:
    """Write the figures, of all and of each half, and the answers of the half one may look at.

    Single answers to `held_out` questions are not written, so that nobody learns from them.
    """
    figures = {
        f"{mode}.{part}.{name}": _flat(share)
        for mode, made in outcomes.items()
        for part, chosen in _parts(made).items()
        for name, share in measure(chosen).items()
    }
    answers = {
        mode: [_answer(one) for one in made if one.case.split is Split.TUNE]
        for mode, made in outcomes.items()
    }
    about = {
        "machine": {"cpu": platform.processor() or platform.machine(), "cores": os.cpu_count()},
        "versions": {name: importlib.metadata.version(name) for name in PACKAGES},
        "date": datetime.datetime.now(datetime.UTC).isoformat(timespec="seconds"),
    }
    text = json.dumps({**figures, **about, "answers": answers}, indent=1, ensure_ascii=False)
    path.write_text(text + "\n", encoding="utf-8")


def _parts(outcomes: Sequence[Outcome]) -> dict[str, Sequence[Outcome]]:
    halves = {split.value: [one for one in outcomes if one.case.split is split] for split in Split}
    return {"all": outcomes} | {part: made for part, made in halves.items() if made}


def _told(share: Share) -> str:
    if share.value is None:
        return "-"
    low, high = share.interval
    return f"{share.value:.2f} ({low:.2f}–{high:.2f}) of {share.num_cases}"


def _flat(share: Share) -> dict[str, object]:
    low, high = share.interval
    return {
        "value": None if share.value is None else round(share.value, 4),
        "unit": f"of {share.num_cases}",
        "baseline": None,
        "ratio": None,
        "low": round(low, 4),
        "high": round(high, 4),
    }


def _answer(outcome: Outcome) -> dict[str, object]:
    return {
        "id": outcome.case.id,
        "asked": [*outcome.case.before, outcome.case.question],
        "text": outcome.text,
        "verdict": outcome.verdict,
        "handoff": outcome.handoff,
        "found": outcome.found[:5],
        "cited": [one.slug for one in outcome.cited],
        "is_correct": outcome.is_correct,
        "unsupported": outcome.unsupported,
        "breaches": outcome.breaches,
    }
