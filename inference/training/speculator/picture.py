"""The losses of a run, head by head, as a picture."""

from pathlib import Path
from typing import Final

import matplotlib as mpl
from matplotlib.figure import Figure

from inference.training.chart import smooth
from inference.training.errors import DataMissing
from inference.training.history import history

PHASES: Final = ("truth", "own")
COLOURS: Final = ("#2b6cb0", "#c05621", "#2f855a", "#6b46c1", "#b83280", "#4a5568", "#b7791f")


def draw_head_losses(run: Path, picture: Path) -> None:
    """Write both phases side by side; raises DataMissing when nothing was trained."""
    mpl.rcParams["svg.hashsalt"] = "careline"  # the same run gives the same file
    histories = {phase: history(run / f"{phase}-history.jsonl") for phase in PHASES}
    if not any(histories.values()):
        raise DataMissing(f"no history of {' or '.join(PHASES)} in {run}")
    figure = Figure(figsize=(8, 3.5), layout="constrained")
    panels = figure.subplots(1, len(PHASES), sharey=True)
    for axes, (phase, steps) in zip(panels, histories.items(), strict=True):
        thousands = [step["num_tokens"] / 1e3 for step in steps]
        for head in range(len(steps[0]["head_losses"]) if steps else 0):
            losses = smooth([step["head_losses"][head] for step in steps])
            axes.plot(thousands, losses, color=COLOURS[head % len(COLOURS)],
                      label=f"head {head + 1}")  # fmt: skip
        held_out = [(x, step["held_out_loss"]) for x, step in zip(thousands, steps, strict=True)
                    if step["held_out_loss"] is not None]  # fmt: skip
        axes.plot([x for x, _ in held_out], [loss for _, loss in held_out], "ko", markersize=3,
                  label="held out, mean of heads")  # fmt: skip
        axes.set(title=phase, xlabel="thousand windows")
        axes.grid(alpha=0.3)
    panels[0].set(ylabel="loss (nats)")
    panels[-1].legend(frameon=False)
    figure.savefig(picture, metadata={"Date": None} if picture.suffix == ".svg" else None)
