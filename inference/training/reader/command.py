"""The command: python -m inference.training reader --data FOLDER --out FOLDER --to FOLDER."""

import json
from pathlib import Path
from typing import Annotated, Final

import typer
from rich.console import Console
from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn, TimeRemainingColumn

from inference.encoder import SHIPPED, Encoder
from inference.pairs import PairTokenizer
from inference.training.reader.examples import grounded_examples, written_examples
from inference.training.reader.measure import measure
from inference.training.reader.model import begun
from inference.training.reader.publish import publish
from inference.training.reader.trainer import Plan, Shelf, Step, Trainer
from inference.training.speculator.command import torch_device

DEFAULT_STEPS: Final = 1_600
FIRST_SHARE: Final = 0.15
LINE_EVERY_STEPS: Final = 20
EVALUATION_FILE: Final = "evaluation.json"

console = Console()


def reader(
    data: Annotated[Path, typer.Option(help="Folder with the training data (*.jsonl.zst).")],
    out: Annotated[Path, typer.Option(help="Folder of the run: its checkpoints.")],
    to: Annotated[Path, typer.Option(help="Folder of the written reader.")],
    steps: Annotated[int, typer.Option(help="Batches of ten questions each.", min=1)] = (
        DEFAULT_STEPS
    ),
    device: Annotated[str, typer.Option(help="cpu or cuda.")] = "cpu",
) -> None:
    """Train what reads a question together with a paragraph, from the shipped sentence encoder.

    Ctrl-C saves and stops; the same command goes on.
    """
    out.mkdir(parents=True, exist_ok=True)
    tokenizer = PairTokenizer(Encoder(SHIPPED).plain_tokenizer())
    plan = Plan(steps, first_steps=int(FIRST_SHARE * steps))
    model = begun(SHIPPED).to(torch_device(device))
    trainer = Trainer(model, tokenizer, plan, out)
    if trainer.resume():
        console.print(f"reader: going on after step {trainer.num_steps}")
    grounded = Shelf(grounded_examples(data, "train"))
    written = Shelf(written_examples())
    console.print(
        f"{len(grounded.examples):,} grounded questions, {len(written.examples):,} written"
    )
    _watched(trainer, grounded, written)
    found = {
        "written": measure(model, tokenizer, written_examples(is_held_out=True)).as_json(),
        "grounded": measure(model, tokenizer, grounded_examples(data, "test")).as_json(),
    }
    publish(model, to)
    (to / EVALUATION_FILE).write_text(json.dumps(found, indent=1) + "\n", encoding="utf-8")
    console.print(f"wrote {to}")
    for name, worth in found.items():
        console.print(f"{name}: {worth}")


def _watched(trainer: Trainer, grounded: Shelf, written: Shelf) -> None:
    """With a bar at a terminal, with plain lines in a log."""
    columns = (
        TextColumn("reader"),
        BarColumn(),
        TextColumn("{task.completed}/{task.total}  loss {task.fields[loss]:.3f}"),
        TimeElapsedColumn(),
        TimeRemainingColumn(),
    )
    smooth: list[float] = []
    with Progress(*columns, console=console, disable=not console.is_terminal) as bar:
        task = bar.add_task("reader", total=trainer.plan.num_steps, loss=0.0)

        def watch(step: Step) -> None:
            smooth.append(step.loss)
            loss = sum(smooth[-LINE_EVERY_STEPS:]) / len(smooth[-LINE_EVERY_STEPS:])
            bar.update(task, completed=step.number, loss=loss)
            if not console.is_terminal and step.number % LINE_EVERY_STEPS == 0:
                console.print(
                    f"reader step {step.number}/{step.of} loss {loss:.3f}", highlight=False
                )

        trainer.run(grounded, written, watch)
