"""The command: python -m inference.training STAGE --data DIR --out DIR."""

import logging
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Annotated, Final

import torch
import typer
from rich.console import Console

from inference.training.chart import draw_losses
from inference.training.checkpoints import trained_model
from inference.training.errors import TrainingError
from inference.training.export import export as write_export
from inference.training.model import SIZES, CareModel
from inference.training.prepare import (
    STAGE_DATA,
    copy_probes,
    make_tokenizer,
    open_tokenizer,
    prepare_stage,
    stage_feed,
)
from inference.training.reader.command import reader
from inference.training.recipe import STAGES, Amount
from inference.training.report import evaluate as write_evaluation
from inference.training.report import require_tokenizer
from inference.training.rows import open_rows_at
from inference.training.scaling import Ladder, climb
from inference.training.scaling_report import measure_beside, write_scaling
from inference.training.screen import watching
from inference.training.shrinking import shrink
from inference.training.speculator.command import speculator
from inference.training.trainer import Trainer

INIT_SEED: Final = 5
DEFAULT_TOKENS: Final = 16_000_000
COUNTS: Final = "125000,250000,500000,1000000"
STOPPED: Final = 130
"""The exit status of a command that was asked to stop, as shells have it."""

app = typer.Typer(add_completion=False, no_args_is_help=True, help=__doc__)
app.command()(speculator)
app.command()(reader)
console = Console()


@dataclass(frozen=True)
class Machine:
    """Where to train, and whether a compiler is to be used."""

    device: str
    eager: bool


@dataclass(frozen=True)
class Run:
    """A stage, what it reads and where it keeps its state."""

    stage: str
    data: Path
    out: Path
    machine: Machine
    begun_from: int = 0


def _known_size(size: str) -> str:
    if size not in SIZES:
        raise typer.BadParameter(f"one of {', '.join(SIZES)}")
    return size


Data = Annotated[Path, typer.Option(help="Folder with the training data (*.jsonl.zst).")]
Out = Annotated[Path, typer.Option(help="Folder of the run: tokenizer, rows, checkpoints.")]
Tokens = Annotated[int, typer.Option(help="Tokens to train on, both stages together.", min=1)]
Minutes = Annotated[
    float | None,
    typer.Option(help="Instead of --tokens: both stages together, at the speed measured first."),
]
Size = Annotated[str, typer.Option(help=f"One of {', '.join(SIZES)}.", callback=_known_size)]
Patience = Annotated[
    int | None,
    typer.Option(
        help="End a stage early, with its best weights, after so many measurements (every 100 "
        "steps) in which the held-out loss has not been lower.",
        min=1,
    ),
]
Device = Annotated[str, typer.Option(help="cpu or cuda.")]
Eager = Annotated[bool, typer.Option("--eager", help="Do not compile: starts at once, is slower.")]
To = Annotated[Path, typer.Option(help="Folder of the written model.")]


@app.command()
def tokenizer(data: Data, out: Out) -> None:
    """Train the tokenizer."""
    make_tokenizer(data, out)
    console.print(f"wrote {out}/tokenizer.json")


@app.command()
def prepare(data: Data, out: Out) -> None:
    """Render and pack the rows of both stages."""
    for stage in STAGE_DATA:
        prepare_stage(stage, data, out)
        console.print(f"{stage}: {len(open_rows_at(out / f'{stage}-train')):,} rows")


@app.command()
def base(
    data: Data,
    out: Out,
    tokens: Tokens = DEFAULT_TOKENS,
    minutes: Minutes = None,
    size: Size = "small",
    patience: Patience = None,
    device: Device = "cpu",
    eager: Eager = False,
) -> None:
    """Train on all text, from scratch or from the last checkpoint."""
    torch.manual_seed(INIT_SEED)
    run = Run("base", data, out, Machine(device, eager))
    _train(run, CareModel(SIZES[size]), Amount(tokens, minutes, patience))


@app.command()
def chat(
    data: Data,
    out: Out,
    tokens: Tokens = DEFAULT_TOKENS,
    minutes: Minutes = None,
    patience: Patience = None,
    device: Device = "cpu",
    eager: Eager = False,
) -> None:
    """Train on the bot's answers, from the base stage's last checkpoint."""
    checkpoint = trained_model(out, ("base",))
    model = CareModel(checkpoint.shape)
    model.load_state_dict(checkpoint.model)
    run = Run("chat", data, out, Machine(device, eager), begun_from=checkpoint.num_steps)
    _train(run, model, Amount(tokens, minutes, patience))


@app.command()
def export(out: Out, to: To) -> None:
    """Write the last checkpoint as a folder that transformers reads."""
    checkpoint = trained_model(out, ("chat", "base"))
    write_export(checkpoint.shape, checkpoint.model, open_tokenizer(out), to)
    console.print(f"wrote {to}, {checkpoint.num_tokens:,} tokens into its stage")


@app.command()
def evaluate(
    data: Data,
    out: Out,
    to: To,
    stride: Annotated[int, typer.Option(help="Losses of every so many held-out rows.", min=1)] = 1,
) -> None:
    """Measure the written model, renew its card and draw the run's losses beside it."""
    write_evaluation(data, out, to, stride)
    console.print(f"wrote {to}/evaluation.json and samples.json")
    if any((out / f"{stage}-history.jsonl").exists() for stage in STAGES):
        draw_losses(out, tuple(STAGES), to / "losses.svg")
        console.print(f"wrote {to}/losses.svg")


@app.command()
def scaling(
    data: Data,
    out: Out,
    to: Annotated[Path, typer.Option(help="Folder of scaling.json and scaling.svg.")],
    sizes: Annotated[str, typer.Option(help="Three sizes or more.")] = "draft,mini,small",
    tokens: Annotated[str, typer.Option(help="Where runs end; more can be added later.")] = COUNTS,
    beside: Annotated[
        list[str] | None,
        typer.Option(help="FOLDER=TOKENS of a written model, to be drawn beside; may repeat."),
    ] = None,
    device: Device = "cpu",
    eager: Eager = False,
) -> None:
    """Train the base stage of several sizes on as many tokens; fit and draw what each brings."""
    named = [_known_size(size.strip()) for size in sizes.split(",")]
    counts = [_count(count.strip()) for count in tokens.split(",")]
    written = [_written(one) for one in beside or []]
    for folder, _ in written:
        require_tokenizer(out, folder)
    ladder = Ladder(
        out=out / "scaling",
        feed=stage_feed("base", data, out),
        held_out=open_rows_at(out / "base-held-out"),
        probes=copy_probes("base", data, out),
        device=torch.device(device),
        compiled=not eager,
    )
    points = list(climb(ladder, named, counts, console))
    write_scaling(points, [measure_beside(*one, ladder.held_out) for one in written], to)
    console.print(f"wrote {to}/scaling.json and scaling.svg with {len(points)} points")


@app.command()
def encoder(model: Annotated[Path, typer.Option(help="A folder of an encoder.")], to: To) -> None:
    """Write a sentence encoder with a byte a weight, as the shipped one is."""
    shrink(model, to)
    console.print(f"wrote {to}")


@app.command(name="all")
def everything(
    data: Data,
    out: Out,
    to: To,
    tokens: Tokens = DEFAULT_TOKENS,
    minutes: Minutes = None,
    size: Size = "small",
    patience: Patience = None,
    device: Device = "cpu",
    eager: Eager = False,
) -> None:
    """From the data to a measured model; what is finished already is not done again."""
    if not (out / "tokenizer.json").exists():
        tokenizer(data, out)
    if not all((out / f"{stage}-held-out.json").exists() for stage in STAGE_DATA):
        prepare(data, out)
    base(data, out, tokens, minutes, size, patience, device, eager)
    chat(data, out, tokens, minutes, patience, device, eager)
    export(out, to)
    evaluate(data, out, to)


def _count(text: str) -> int:
    if not text.isdecimal() or not int(text):
        raise typer.BadParameter(f"a number of tokens is wanted, like 125000, not {text!r}")
    return int(text)


def _written(text: str) -> tuple[Path, int]:
    folder, _, count = text.rpartition("=")
    return Path(folder), _count(count)


def _train(run: Run, model: CareModel, amount: Amount) -> None:
    stage, out = run.stage, run.out
    held_out = open_rows_at(out / f"{stage}-held-out")
    feed = stage_feed(stage, run.data, out)
    probes = copy_probes(stage, run.data, out)
    plan = replace(
        STAGES[stage].plan(stage),
        compiled=not run.machine.eager,
        patience=amount.patience,
        begun_from=run.begun_from,
    )
    trainer = Trainer(model, plan, out, torch.device(run.machine.device), probes)
    if trainer.resume():
        console.print(f"{stage}: going on after step {trainer.num_steps}")
    share = STAGES[stage].token_share
    num_tokens = amount.planned(stage, share, out, lambda: trainer.speed(feed))
    console.print(f"{stage}: {model.num_parameters():,} parameters, {num_tokens:,} tokens planned")
    with watching(console, stage) as watch:
        is_finished = trainer.run(feed, held_out, plan.schedule(num_tokens), watch)
    if not is_finished:
        console.print(f"{stage}: stopped and saved; the same command goes on from here")
        raise typer.Exit(STOPPED)


def main() -> None:
    logging.basicConfig(level=logging.INFO, format="%(name)s: %(message)s")
    try:
        app()
    except TrainingError as error:
        console.print(f"[red]{error}[/red]")
        raise SystemExit(1) from error


if __name__ == "__main__":
    main()
