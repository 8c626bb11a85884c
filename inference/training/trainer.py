"""The training loop: the same for both stages, resumable at any checkpoint.

Step n of a stage reads rows that follow from n and the seed alone, so a run that was cut off goes
on with the very rows it would have seen.
"""

import json
import logging
import signal
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import numpy as np
import torch

from inference.training.checkpoints import (
    Checkpoint,
    best_path,
    last_checkpoint,
    load_checkpoint,
    require_beginning,
    require_shape,
    save_best,
)
from inference.training.checkpoints import save_checkpoint as write_checkpoint
from inference.training.copying import copied
from inference.training.history import history, since_best
from inference.training.loss import Loss, loss_function
from inference.training.model import CareModel
from inference.training.optimizer import Optimizer, Rates, Schedule
from inference.training.rows import Batch, Feed, Rows

logger = logging.getLogger(__name__)

CHECKPOINT_EVERY_S: Final = 180.0
HELD_OUT_EVERY_STEPS: Final = 100
HELD_OUT_BATCHES: Final = 4
SPEED_BATCHES: Final = 3


@dataclass(frozen=True)
class Plan:
    """What a stage does with its rows."""

    stage: str
    batch_rows: int
    peak_rate: float
    final_share: float = 0.1
    warmup_share: float = 0.04
    compiled: bool = True
    checkpoint_every_s: float = CHECKPOINT_EVERY_S
    quote_weight: float = 1.0
    """Of a quote's tokens and its marker in the loss; all others weigh 1."""
    begun_from: int = 0
    """Steps of the stage before, whose weights this one begins with."""
    patience: int | None = None
    """Held-out measurements without a new best after which a stage ends; None: never."""

    def schedule(self, num_tokens: int) -> Schedule:
        warmup_tokens = int(num_tokens * self.warmup_share)
        return Schedule(self.peak_rate, self.final_share, warmup_tokens, num_tokens)


@dataclass(frozen=True)
class Progress:
    """What a finished step tells whoever watches."""

    num_steps: int
    num_tokens: int
    total_tokens: int
    loss: float
    learning_rate: float
    tokens_per_s: float
    held_out_loss: float | None
    head_losses: tuple[float, ...] = ()
    """Of a speculator, from the token nearest to the state on."""
    copied: dict[str, float] | None = None
    """Shares of held-out quotes copied exactly, and of their tokens (`copying.py`), by kind."""


Watch = Callable[[Progress], None]


class Trainer:
    """A model, its optimizer and where they stand in a stage."""

    def __init__(
        self,
        model: CareModel,
        plan: Plan,
        out: Path,
        device: torch.device,
        probes: Mapping[str, Batch] | None = None,
    ) -> None:
        """`probes` are held-out quotes by kind, to see how well they are copied."""
        self._probes = probes or {}
        self.model = model.to(device)
        self.plan, self.out, self.device = plan, out, device
        self.optimizer = Optimizer(model)
        self.num_steps = self.num_tokens = 0
        self._held_out: list[float] = []
        self._loss: Loss | None = None

    def resume(self) -> bool:
        """Take up the stage's last checkpoint; False if there is none.

        Raises:
            CheckpointMismatch: it belongs to a model of another size, or began from weights that
                the stage before has left behind.
        """
        checkpoint = last_checkpoint(self.out, self.plan.stage)
        if checkpoint is None:
            return False
        require_beginning(checkpoint, self.plan.stage, self.plan.begun_from)
        self.take_up(checkpoint)
        steps = history(self.out / f"{self.plan.stage}-history.jsonl")
        self._held_out = [
            step["held_out_loss"]
            for step in steps
            if step["num_steps"] <= self.num_steps and step["held_out_loss"] is not None
        ]
        return True

    def take_up(self, checkpoint: Checkpoint) -> None:
        """Stand where the checkpoint's stage stood.

        Raises:
            CheckpointMismatch: it belongs to a model of another size.
        """
        require_shape(checkpoint, self.model.shape)
        self.model.load_state_dict(checkpoint.model)
        self.optimizer.load_state(checkpoint.optimizer)
        self.num_steps, self.num_tokens = checkpoint.num_steps, checkpoint.num_tokens

    def run(self, rows: Feed, held_out: Rows, schedule: Rates, watch: Watch) -> bool:
        """Train to the schedule's end or the end of patience, or until a signal asks to stop.

        Then save: what was best where patience ended. A stage that is taken up again with another
        schedule goes on along that one. Returns whether it came to an end.
        """
        saved_at = time.monotonic()
        with stop_signals() as stopped:
            while not self._is_finished(schedule) and not stopped():
                watch(self.measured_step(rows, held_out, schedule))
                if time.monotonic() - saved_at >= self.plan.checkpoint_every_s:
                    self.save()
                    saved_at = time.monotonic()
        if self._is_out_of_patience:
            logger.info("the held-out loss falls no more", extra={"steps": self.num_steps})
            best = load_checkpoint(best_path(self.out, self.plan.stage))
            self.model.load_state_dict(best.model)
        self.save()
        return self._is_finished(schedule)

    def _is_finished(self, schedule: Rates) -> bool:
        return self._is_out_of_patience or self.num_tokens >= schedule.total_tokens

    @property
    def _is_out_of_patience(self) -> bool:
        return self.plan.patience is not None and since_best(self._held_out) >= self.plan.patience

    def measured_step(self, rows: Feed, held_out: Rows, schedule: Rates) -> Progress:
        """The next step of the stage, written into its history."""
        started = time.perf_counter()
        batch = rows.take(self.num_steps * self.plan.batch_rows, self.plan.batch_rows)
        loss = self.step(*self._tensors(batch), schedule)
        took_s = time.perf_counter() - started
        is_due = self.num_steps % HELD_OUT_EVERY_STEPS == 0
        progress = Progress(
            num_steps=self.num_steps,
            num_tokens=self.num_tokens,
            total_tokens=schedule.total_tokens,
            loss=loss,
            learning_rate=schedule.rate(self.num_tokens),
            tokens_per_s=self.plan.batch_rows * rows.row_len / took_s,
            held_out_loss=self._held_out_loss(held_out) if is_due else None,
            copied=self.copied() if is_due and self._probes else None,
        )
        with (self.out / f"{self.plan.stage}-history.jsonl").open("a") as log:
            log.write(json.dumps(vars(progress)) + "\n")
        if progress.held_out_loss is not None:
            self._note(progress.held_out_loss)
        return progress

    def _note(self, held_out_loss: float) -> None:
        self._held_out.append(held_out_loss)
        if self.plan.patience is not None and since_best(self._held_out) == 0:
            save_best(self.out, self.plan.stage, self._checkpoint())

    def step(self, ids: torch.Tensor, learned: torch.Tensor, schedule: Rates) -> float:
        """One update on a batch of rows; returns its mean loss."""
        loss = self.loss(ids, learned)
        loss.backward()  # type: ignore[no-untyped-call]
        self.num_steps += 1
        self.num_tokens += ids.numel()
        self.optimizer.step(schedule.rate(self.num_tokens))
        return loss.item()

    def loss(self, ids: torch.Tensor, learned: torch.Tensor) -> torch.Tensor:
        """Mean cross-entropy, in nats, of the learned tokens."""
        if self._loss is None:
            self._loss = loss_function(
                self.model, ids, learned, self.plan.quote_weight, compiled=self.plan.compiled
            )
        return self._loss(ids, learned)

    def speed(self, rows: Feed) -> float:
        """Tokens per second forward and backward, over a few batches that teach nothing."""
        batch = self._tensors(rows.take(0, self.plan.batch_rows))
        self.loss(*batch).backward()  # type: ignore[no-untyped-call]
        started = time.perf_counter()
        for _ in range(SPEED_BATCHES):
            self.loss(*batch).backward()  # type: ignore[no-untyped-call]
        took_s = time.perf_counter() - started
        self.model.zero_grad()
        return SPEED_BATCHES * batch[0].numel() / took_s

    def save(self) -> None:
        write_checkpoint(self.out, self.plan.stage, self._checkpoint())

    def _checkpoint(self) -> Checkpoint:
        return Checkpoint(
            shape=self.model.shape,
            num_steps=self.num_steps,
            num_tokens=self.num_tokens,
            model=self.model.state_dict(),
            optimizer=self.optimizer.state(),
            begun_from=self.plan.begun_from,
        )

    @torch.no_grad()
    def _held_out_loss(self, held_out: Rows) -> float:
        """Over rows spread evenly across the sources, the same each time: a trend, not a result.

        In batches of a step's size, for which a compiled model exists.
        """
        num_rows = HELD_OUT_BATCHES * self.plan.batch_rows
        picked = np.linspace(0, len(held_out) - 1, num_rows).astype(int).tolist()
        batches = (picked[first::HELD_OUT_BATCHES] for first in range(HELD_OUT_BATCHES))
        losses = [float(self.loss(*self._tensors(held_out.at(batch)))) for batch in batches]
        return sum(losses) / len(losses)

    def copied(self) -> dict[str, float]:
        """How well the probes' quotes are copied now, as in `Progress.copied`."""
        shares: dict[str, float] = {}
        for kind, batch in self._probes.items():
            found = copied(self.model.logits_of, batch, self.device)
            shares |= {kind: round(found.quotes, 4), f"{kind} tokens": round(found.tokens, 4)}
        return shares

    def _tensors(self, batch: Batch) -> tuple[torch.Tensor, torch.Tensor]:
        ids, learned = torch.from_numpy(batch.ids), torch.from_numpy(batch.learned)
        return ids.to(self.device), learned.to(self.device)


def batch_of(
    rows: Rows, picked: np.typing.NDArray[np.int64], device: torch.device
) -> tuple[torch.Tensor, torch.Tensor]:
    """Ids [B, T] and which of them are learned [B, T], on the device."""
    ids = torch.from_numpy(rows.ids[picked].astype(np.int64))
    learned = torch.from_numpy(rows.learned[picked].astype(np.bool_))
    return ids.to(device), learned.to(device)


@contextmanager
def stop_signals() -> Iterator[Callable[[], bool]]:
    """Within, SIGINT and SIGTERM only ask to stop after the step at hand."""
    asked: list[int] = []
    handled = (signal.SIGINT, signal.SIGTERM)
    before = {number: signal.getsignal(number) for number in handled}
    for number in handled:
        signal.signal(number, lambda received, _frame: asked.append(received))
    try:
        yield lambda: bool(asked)
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
