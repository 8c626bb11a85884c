"""The kernels under the device's roofline."""

from pathlib import Path
from typing import cast

import matplotlib as mpl
from matplotlib.figure import Figure

from benchmarks.report import Report


def draw(
    report: Report, points: dict[str, tuple[float, float]], picture: Path, note: str | None
) -> None:
    """Products a second over products a byte; both ceilings are measured.

    A note stands across what must not be taken for a measurement.
    """
    mpl.rcParams["svg.hashsalt"] = "careline"  # the same figures give the same file
    bandwidth = cast(float, report.figures["ceiling.copy"]["value"]) * 1e9
    rate = cast(float, report.figures["ceiling.matrix"]["value"]) * 1e12
    figure = Figure(figsize=(8, 5), layout="constrained")
    axes = figure.add_subplot()
    reach = [
        min(0.5, *(x for x, _ in points.values())),
        max(4096, *(x for x, _ in points.values())),
    ]
    corner = rate / bandwidth
    lines = sorted([*reach, corner])
    axes.plot(
        lines, [min(x * bandwidth, rate) / 1e12 for x in lines], "k-", label="measured ceiling"
    )
    for number, (name, (x, y)) in enumerate(points.items()):
        # There are ten colours.
        axes.plot(x, y / 1e12, "os^Dv"[number // 10 % 5], markersize=4, label=name)
    axes.set(
        xscale="log", yscale="log", xlabel="operations a byte", ylabel="TFLOP/s",
        title=str(report.title),
    )  # fmt: skip
    axes.grid(alpha=0.3)
    if note:
        axes.text(
            0.5, 0.8, note.replace("; ", ";\n"), transform=axes.transAxes, fontsize="large",
            color="tab:red", ha="center", va="center",
        )  # fmt: skip
    axes.legend(frameon=False, fontsize="x-small")
    figure.savefig(picture, metadata={"Date": None})
