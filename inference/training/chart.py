"""The loss curves of a run as a picture."""

from pathlib import Path
from typing import Final

import matplotlib as mpl
from matplotlib.figure import Figure

from inference.training.errors import DataMissing
from inference.training.history import history

COLOURS: Final = {
    "base": "#2b6cb0",
    "chat": "#c05621",
    "draft-truth": "#2b6cb0",
    "draft-own": "#c05621",
}
SMOOTHING: Final = 0.05


def draw_losses(out: Path, stages: tuple[str, ...], picture: Path) -> None:
    """Write OUT's histories as an SVG or PNG; raises DataMissing when there is none."""
    mpl.rcParams["svg.hashsalt"] = "careline"  # the same run gives the same file
    histories = {stage: history(out / f"{stage}-history.jsonl") for stage in stages}
    if not any(histories.values()):
        raise DataMissing(f"no history of {' or '.join(stages)} in {out}")
    figure = Figure(figsize=(7, 3.5), layout="constrained")
    axes = figure.add_subplot()
    offset = 0.0
    for stage, steps in histories.items():
        millions = [offset + step["num_tokens"] / 1e6 for step in steps]
        axes.plot(millions, smooth([step["loss"] for step in steps]),
                  color=COLOURS[stage], label=f"{stage}, training")  # fmt: skip
        held_out = [(x, step["held_out_loss"]) for x, step in zip(millions, steps, strict=True)
                    if step["held_out_loss"] is not None]  # fmt: skip
        axes.plot([x for x, _ in held_out], [loss for _, loss in held_out], "o", markersize=3,
                  color=COLOURS[stage], label=f"{stage}, held out (some rows)")  # fmt: skip
        offset = millions[-1] if millions else offset
    axes.set(xlabel="million tokens", ylabel="loss (nats per learned token)", ylim=(0, 6))
    axes.grid(alpha=0.3)
    axes.legend(frameon=False)
    figure.savefig(picture, metadata={"Date": None} if picture.suffix == ".svg" else None)


def smooth(values: list[float]) -> list[float]:
    """A running mean, so that the eye sees a trend."""
    smoothed: list[float] = []
    for value in values:
        last = smoothed[-1] if smoothed else value
        smoothed.append(last + SMOOTHING * (value - last))
    return smoothed
