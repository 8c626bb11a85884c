"""How the held-out loss falls with size and tokens: small runs that say what large ones would give.

Each size has a trunk at a constant rate; at each token count a branch of it cools down over the
last fifth. So every count has a run that was meant to end there, at little more than the price of
the longest, and more counts can be added later (Hägele et al., arXiv:2405.18392). All sizes start
from one seed and see the same rows.
"""

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Final

import torch
from rich.console import Console

from inference.training.checkpoints import trained_model
from inference.training.evaluation import HeldOutLoss, held_out_losses
from inference.training.model import SIZES, CareModel
from inference.training.optimizer import Cooldown, Rates, Schedule
from inference.training.recipe import STAGES
from inference.training.rows import Batch, Feed, Rows
from inference.training.screen import watching
from inference.training.trainer import Plan, Trainer

SEED: Final = 5
COOLDOWN_SHARE: Final = 0.2
WARMUP_TOKENS: Final = 10_240
BATCH_ROWS: Final = 4
"""Half of the base stage's: with few tokens, more steps are worth more than fuller ones."""
HELD_OUT_STRIDE: Final = 12
"""Every so many held-out rows are measured."""


@dataclass(frozen=True)
class Point:
    """A finished run of a size."""

    size: str
    num_parameters: int
    num_embedded: int  # of the parameters: the embedding, which is also the head
    planned_tokens: int
    num_tokens: int
    num_measured: int  # held-out tokens behind the loss
    loss: float  # nats a held-out token
    copied: dict[str, float]  # as in the copying curve


@dataclass(frozen=True)
class Ladder:
    """What all sizes share: what they read, and where they keep their state."""

    out: Path
    feed: Feed
    held_out: Rows
    probes: Mapping[str, Batch]
    device: torch.device
    compiled: bool

    def trainer(self, size: str, stage: str) -> Trainer:
        folder = self.out / size
        folder.mkdir(parents=True, exist_ok=True)
        torch.manual_seed(SEED)
        plan = Plan(
            stage=stage,
            batch_rows=BATCH_ROWS,
            peak_rate=STAGES["base"].peak_rate,
            quote_weight=STAGES["base"].quote_weight,
            compiled=self.compiled,
        )
        return Trainer(CareModel(SIZES[size]), plan, folder, self.device, self.probes)


def climb(
    ladder: Ladder, sizes: Sequence[str], counts: Sequence[int], console: Console
) -> Iterator[Point]:
    """The points, those of earlier runs included; it ends early when somebody asks to stop.

    All sizes come to a count before any goes on, so that a run cut short compares them too.
    """
    for count in sorted(counts):
        for size in sizes:
            point = _read(ladder, size, count) or _measure(ladder, size, count, console)
            if point is None:
                return
            yield point


def _measure(ladder: Ladder, size: str, count: int, console: Console) -> Point | None:
    """Lead the trunk to where the count's branch begins, then the branch to its end."""
    start = int((1 - COOLDOWN_SHARE) * count)
    branch = ladder.trainer(size, f"branch-{count}")
    if not branch.resume():
        trunk = ladder.trainer(size, "trunk")
        trunk.resume()
        constant = Schedule(trunk.plan.peak_rate, 1.0, WARMUP_TOKENS, start)
        if not _lead(ladder, trunk, constant, f"{size} to {start:,}", console):
            return None
        branch.take_up(trained_model(trunk.out, ("trunk",)))
    cooling = Cooldown(branch.plan.peak_rate, start, count)
    if not _lead(ladder, branch, cooling, f"{size} to {count:,}", console):
        return None
    point = _point(ladder, branch, size, count)
    console.print(f"{size}: {point.loss:.3f} nats after {point.num_tokens:,} tokens")
    _path(ladder, size, count).write_text(json.dumps(asdict(point)) + "\n")
    return point


def _lead(ladder: Ladder, trainer: Trainer, rates: Rates, name: str, console: Console) -> bool:
    with watching(console, name) as watch:
        return trainer.run(ladder.feed, ladder.held_out, rates, watch)


def _point(ladder: Ladder, trained: Trainer, size: str, count: int) -> Point:
    model = trained.model
    losses = held_out_losses(model.logits_of, ladder.held_out, ladder.device, HELD_OUT_STRIDE)
    return Point(
        size=size,
        num_parameters=model.num_parameters(),
        num_embedded=model.embedding.weight.numel(),
        planned_tokens=count,
        num_tokens=trained.num_tokens,
        num_measured=sum(one.tokens for one in losses.values()),
        loss=mean_loss(losses),
        copied=trained.copied(),
    )


def mean_loss(losses: Mapping[str, HeldOutLoss]) -> float:
    """Over the tokens of all sources, in nats."""
    num_tokens = sum(one.tokens for one in losses.values())
    return sum(one.loss * one.tokens for one in losses.values()) / num_tokens


def _path(ladder: Ladder, size: str, count: int) -> Path:
    return ladder.out / size / f"{count}.json"


def _read(ladder: Ladder, size: str, count: int) -> Point | None:
    path = _path(ladder, size, count)
    return Point(**json.loads(path.read_text())) if path.exists() else None
