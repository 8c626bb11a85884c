"""The command: python -m inference.training STAGE --data DIR --out DIR."""

import logging
from enum import Enum
from pathlib import Path
from typing import Annotated

import torch
import typer
from rich.console import Console

from inference.training.checkpoints import trained_model
from inference.training.errors import TrainingError
from inference.training.export import export as write_export
from inference.training.model import SIZES, CareModel
from inference.training.prepare import STAGE_DATA, make_tokenizer, open_tokenizer, prepare_stage
from inference.training.recipe import STAGES
from inference.training.rows import open_rows_at
from inference.training.screen import watching
from inference.training.trainer import Plan, Trainer

INIT_SEED = 5

app = typer.Typer(add_completion=False, no_args_is_help=True)
console = Console()

Size = Enum("Size", {name: name for name in SIZES}, type=str)

Data = Annotated[Path, typer.Option(help="Folder with the training data (*.jsonl.zst).")]
Out = Annotated[Path, typer.Option(help="Folder of the run: tokenizer, rows, checkpoints.")]
Tokens = Annotated[int, typer.Option(help="Tokens to train on in all, both stages together.")]
SizeOption = Annotated[str, typer.Option(help=f"One of {', '.join(SIZES)}.")]
Device = Annotated[str, typer.Option(help="cpu or cuda.")]


@app.command()
def tokenizer(data: Data, out: Out) -> None:
    """Train the tokenizer."""
    make_tokenizer(data, out)


@app.command()
def prepare(data: Data, out: Out) -> None:
    """Render and pack the rows of both stages."""
    for stage in STAGE_DATA:
        prepare_stage(stage, data, out)


@app.command()
def base(
    out: Out, tokens: Tokens = 16_000_000, size: SizeOption = "small", device: Device = "cpu"
) -> None:
    """Train on all text, from scratch or from the last checkpoint."""
    torch.manual_seed(INIT_SEED)
    _train("base", CareModel(SIZES[size]), out, tokens, device)


@app.command()
def chat(
    out: Out, tokens: Tokens = 16_000_000, size: SizeOption = "small", device: Device = "cpu"
) -> None:
    """Train on the bot's answers, from the base stage's last checkpoint."""
    model = CareModel(SIZES[size])
    model.load_state_dict(trained_model(out, ("base",)).model)
    _train("chat", model, out, tokens, device)


@app.command()
def export(
    out: Out,
    to: Annotated[Path, typer.Option(help="Folder to write the model into.")],
) -> None:
    """Write the last checkpoint as a folder that transformers reads."""
    checkpoint = trained_model(out, ("chat", "base"))
    write_export(checkpoint.shape, checkpoint.model, open_tokenizer(out), to)
    console.print(f"wrote {to}: {checkpoint.num_tokens:,} tokens into its stage")


def _train(stage: str, model: CareModel, out: Path, tokens: int, device: str) -> None:
    recipe = STAGES[stage]
    plan = Plan(stage, recipe.schedule(int(tokens * recipe.token_share)), recipe.batch_rows)
    rows, held_out = open_rows_at(out / f"{stage}-train"), open_rows_at(out / f"{stage}-held-out")
    trainer = Trainer(model, plan, out, torch.device(device))
    if trainer.resume():
        console.print(f"{stage}: going on after step {trainer.num_steps}")
    console.print(f"{stage}: {model.num_parameters():,} parameters, {len(rows):,} rows")
    with watching(console, stage) as watch:
        trainer.run(rows, held_out, watch)


def main() -> None:
    logging.basicConfig(level=logging.INFO)
    try:
        app(standalone_mode=True)
    except TrainingError as error:
        console.print(f"[red]{error}[/red]")
        raise SystemExit(1) from error


if __name__ == "__main__":
    main()
