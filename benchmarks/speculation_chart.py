"""What each speculator gives at each load, as a picture."""

from collections.abc import Sequence
from pathlib import Path
from typing import cast

import matplotlib as mpl
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from benchmarks.report import Report


def draw(report: Report, picture: Path, modes: Sequence[str], loads: Sequence[int]) -> None:
    """Tokens a second against speculation off, and tokens a step, by readers; one row a kind."""
    mpl.rcParams["svg.hashsalt"] = "careline"  # the same figures give the same file
    kinds = [
        kind
        for kind in ("grounded", "free", "dialogue")
        if any(one.startswith(f"{kind}.") for one in report.figures)
    ]
    figure = Figure(figsize=(9, 3.4 * len(kinds) + 0.6), layout="constrained")
    lines: list[Line2D] = []
    for row, kind in enumerate(kinds):
        for column, (measure, field, label) in enumerate(
            (
                ("tokens_per_s", "ratio", "tokens/s against speculation off"),
                ("tokens_per_step", "value", "tokens per step"),
            )
        ):
            axes = figure.add_subplot(len(kinds), 2, 2 * row + column + 1)
            for mode in modes:
                names = [f"{kind}.{mode}.readers{load}.{measure}" for load in loads]
                axes.plot(loads, [cast(float, report.figures[name][field]) for name in names], "o-",
                          markersize=3, label=mode)  # fmt: skip
            axes.set(xscale="log", xlabel="readers", ylabel=label, title=kind)
            axes.set_xticks(list(loads), [str(load) for load in loads])
            axes.grid(alpha=0.3)
            if not row and not column:
                lines = axes.get_lines()
    figure.legend(lines, list(modes), loc="outside upper center", ncols=5, frameon=False)
    figure.savefig(picture, metadata={"Date": None})
