"""The command: python -m inference.training speculator --base FOLDER --data FOLDER --out FOLDER."""

from pathlib import Path
from typing import Annotated, Final, Literal

import torch
import typer
from rich.console import Console

from inference.speculation.draft_vocabulary import write_draft_vocabulary
from inference.training.chart import draw_losses
from inference.training.errors import DataMissing, TrainingError
from inference.training.model import CareModel
from inference.training.speculator.base_model import BaseModel
from inference.training.speculator.card import Story, card
from inference.training.speculator.draft import PHASES, publish_draft, train_draft
from inference.training.speculator.heads import Heads, HeadShape, Kind
from inference.training.speculator.picture import draw_head_losses
from inference.training.speculator.publish import (
    Report,
    measured,
    publish,
    report,
    write_report,
)
from inference.training.speculator.recipe import DRAFT_VOCABULARY_SHARE, Budget
from inference.training.speculator.run import RunPlan, SpeculatorRun
from inference.training.trainer import stop_signals

DEFAULT_TOKENS: Final = 3_000_000
CPU_CANDIDATES: Final = 1024

console = Console()


def speculator(
    base: Annotated[Path, typer.Option(help="Folder of the model that is to be sped up.")],
    data: Annotated[Path, typer.Option(help="Folder with the training data (*.jsonl.zst).")],
    out: Annotated[Path, typer.Option(help="Folder of the written speculator.")],
    kind: Annotated[
        Literal["mlp", "medusa", "draft"], typer.Option(help="mlp, medusa or draft (a model).")
    ] = "mlp",
    run: Annotated[
        Path | None, typer.Option(help="Folder of rows and checkpoints; default: OUT.run.")
    ] = None,
    num_heads: Annotated[int, typer.Option(help="Tokens to guess ahead.", min=1, max=8)] = 4,
    inner_size: Annotated[
        int | None, typer.Option(help="Width of the MLP's states; default: the base's.", min=8)
    ] = None,
    tokens: Annotated[
        int, typer.Option(help="Windows to train on, both phases together.", min=1)
    ] = DEFAULT_TOKENS,
    minutes: Annotated[
        float | None, typer.Option(help="Instead of --tokens: end after so many minutes.", min=0)
    ] = None,
    candidates: Annotated[
        int | None,
        typer.Option(
            help="Tokens of the vocabulary that a step's loss looks at, 0 for all; default: all on "
            f"a GPU, {CPU_CANDIDATES} on a CPU.",
            min=0,
        ),
    ] = None,
    device: Annotated[str, typer.Option(help="cpu or cuda.")] = "cpu",
    eager: Annotated[bool, typer.Option("--eager", help="Do not compile a draft model.")] = False,
) -> None:
    """Train a speculator in two phases: on the data, then on what the base itself writes.

    Ctrl-C stops after the step at hand and writes what there is; the same command goes on.
    """
    frozen = BaseModel(base, torch_device(device))
    heads_kind: Kind = "mlp" if kind == "draft" else kind
    shape = HeadShape(
        heads_kind,
        num_heads,
        frozen.hidden_size,
        inner_size or frozen.hidden_size,
        frozen.vocab_size,
    )
    if candidates is None:
        candidates = CPU_CANDIDATES if frozen.device.type == "cpu" else 0
    where = run or out.with_name(out.name + ".run")
    plan = RunPlan(data, where, shape, Budget(tokens, minutes), candidates)
    with stop_signals() as stopped:
        doing = SpeculatorRun(plan, frozen, console, stopped)
        if kind == "draft":
            finish_draft(doing, train_draft(doing, compiled=not eager), out)
            return
        doing.train()
        heads = doing.trained()
    if heads is None:
        raise DataMissing("stopped before the first step; there is nothing to write yet")
    finish(doing, heads, out)


def finish(doing: SpeculatorRun, heads: Heads, out: Path) -> None:
    """Write the heads, measure them on held-out answers and say what they are worth."""
    base, plan = doing.base, doing.plan
    publish(heads, base.folder, out)
    if plan.shape.kind == "mlp":
        count = base.vocab_size // DRAFT_VOCABULARY_SHARE
        write_draft_vocabulary(out, doing.frequent_tokens(count))
    found = measured(heads, doing.held_out_texts())
    write_report(out, found)
    draw_head_losses(plan.run, out / "losses.svg")
    (out / "MODEL_CARD.md").write_text(card(_story(doing, heads), found))
    _say(found, out)


def finish_draft(doing: SpeculatorRun, model: CareModel, out: Path) -> None:
    """Write the draft model and what its chains gain."""
    gains = publish_draft(model, doing, out)
    found = {group: {"chain": report(gain)} for group, gain in gains.items()}
    write_report(out, found)
    draw_losses(doing.plan.run, tuple(plan.stage for plan, _ in PHASES), out / "losses.svg")
    _say(found, out)


def torch_device(name: str) -> torch.device:
    """Raises TrainingError when the device is not to be had here."""
    if name not in ("cpu", "cuda"):
        raise TrainingError(f"--device {name!r} is none of cpu, cuda")
    if name == "cuda" and not torch.cuda.is_available():
        raise TrainingError("--device cuda was asked for, but torch sees no GPU")
    return torch.device(name)


def _story(doing: SpeculatorRun, heads: Heads) -> Story:
    own = doing.store("own")
    return Story(
        base=doing.base.folder.name,
        shape=doing.plan.shape,
        num_parameters=heads.num_parameters(),
        truth_tokens=doing.num_tokens("truth"),
        own_tokens=doing.num_tokens("own"),
        own_texts=own.num_texts,
        own_windows=own.num_windows,
    )


def _say(found: Report, out: Path) -> None:
    for group, drafts in found.items():
        for name, gain in drafts.items():
            console.print(
                f"{group}, {name}: {gain['tokens_per_step']} tokens per step, acceptance by depth "
                f"{gain['acceptance_by_depth']}",
                highlight=False,
            )
    console.print(f"wrote {out}")
