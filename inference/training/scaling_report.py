"""What the small runs say, as `scaling.json` and `scaling.svg`: points, fit, guesses at more."""

import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Final

import matplotlib as mpl
import torch
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from inference.training.errors import TooFewPoints
from inference.training.evaluation import held_out_losses, load_model
from inference.training.power_law import MIN_POINTS, Laws, Measured, fit
from inference.training.rows import Rows
from inference.training.scaling import HELD_OUT_STRIDE, Point, mean_loss

COLOURS: Final = ("#2b6cb0", "#c05621", "#2f855a", "#6b46c1")
GUESSED_PARAMETERS: Final = (6_524_160, 15_735_168, 40_000_000)
GUESSED_TOKENS: Final = (1_000_000, 10_000_000, 100_000_000)
NUM_LINE_PLACES: Final = 60
EXTENT: Final = 40
"""The lines go on to so many times the most tokens trained on."""


@dataclass(frozen=True)
class Beside:
    """A written model measured on the same rows, for comparison; the fit does not see it."""

    name: str
    num_parameters: int
    num_tokens: int
    loss: float


def write_scaling(points: Sequence[Point], beside: Sequence[Beside], folder: Path) -> None:
    """Both files.

    Raises:
        TooFewPoints: there are not more of them than a law has unknowns.
    """
    if len(points) < MIN_POINTS:
        raise TooFewPoints(
            f"{len(points)} points so far and {MIN_POINTS} are needed for a law; "
            "the same command goes on, more sizes or token counts give more"
        )
    laws = fit([Measured(one.num_parameters, one.num_tokens, one.loss) for one in points])
    report = {
        "points": [asdict(one) for one in points],
        "best_law": asdict(laws.best),
        "largest_miss": laws.largest_miss,
        "num_plausible_laws": len(laws.plausible),
        "guesses": [
            _guess(laws, size, tokens) for size in GUESSED_PARAMETERS for tokens in GUESSED_TOKENS
        ],
        "beside": [asdict(one) for one in beside],
    }
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "scaling.json").write_text(json.dumps(_rounded(report), indent=1) + "\n")
    _draw(points, beside, laws, folder / "scaling.svg")


def measure_beside(folder: Path, num_tokens: int, held_out: Rows) -> Beside:
    """A written model, of whose training so many tokens are told."""
    model = load_model(folder)
    losses = held_out_losses(
        lambda ids: model(ids).logits, held_out, torch.device("cpu"), HELD_OUT_STRIDE
    )
    num_parameters = sum(one.numel() for one in model.parameters())
    return Beside(folder.name, num_parameters, num_tokens, mean_loss(losses))


def _guess(laws: Laws, num_parameters: int, num_tokens: int) -> dict[str, float]:
    loss, least, most = laws.losses(num_parameters, num_tokens)
    about = {"num_parameters": num_parameters, "num_tokens": num_tokens}
    return {**about, "loss": loss, "least": least, "most": most}


def _draw(points: Sequence[Point], beside: Sequence[Beside], laws: Laws, path: Path) -> None:
    mpl.rcParams["svg.hashsalt"] = "careline"  # the same points give the same file
    figure = Figure(figsize=(7, 4), layout="constrained")
    axes = figure.add_subplot()
    last = EXTENT * max(one.num_tokens for one in points)
    for colour, size in zip(COLOURS, dict.fromkeys(one.size for one in points), strict=False):
        mine = [one for one in points if one.size == size]
        millions = mine[0].num_parameters / 1e6
        axes.plot([one.num_tokens / 1e6 for one in mine], [one.loss for one in mine], "o",
                  color=colour, label=f"{size}, {millions:.1f} M parameters")  # fmt: skip
        _draw_law(axes, laws, mine[0], last, colour)
    for other in beside:
        axes.plot([other.num_tokens / 1e6], [other.loss], "k*", markersize=9, label=other.name)
    axes.set(xscale="log", xlabel="million tokens", ylabel="held-out loss (nats a token)")
    axes.xaxis.set_major_formatter(lambda value, _: f"{value:g}")
    axes.grid(alpha=0.3, which="both")
    axes.legend(frameon=False)
    figure.savefig(path, metadata={"Date": None})


def _draw_law(axes: Axes, laws: Laws, first: Point, last: int, colour: str) -> None:
    """The best law as a line over the points and beyond, with the range of all plausible ones."""
    ratio = (last / first.num_tokens) ** (1 / NUM_LINE_PLACES)
    places = [first.num_tokens * ratio**step for step in range(NUM_LINE_PLACES + 1)]
    guesses = [laws.losses(first.num_parameters, place) for place in places]
    millions = [place / 1e6 for place in places]
    axes.plot(millions, [best for best, _, _ in guesses], color=colour, linewidth=1)
    axes.fill_between(millions, [least for _, least, _ in guesses], [most for *_, most in guesses],
                      color=colour, alpha=0.12, linewidth=0)  # fmt: skip


def _rounded(value: object) -> object:
    if isinstance(value, float):
        return round(value, 4)
    if isinstance(value, dict):
        return {key: _rounded(one) for key, one in value.items()}
    return [_rounded(one) for one in value] if isinstance(value, list | tuple) else value
