"""The training loop: the same for both stages, resumable at any checkpoint.

Step n of a stage reads rows that follow from n and the seed alone, so a run that was cut off goes
on with the very rows it would have seen.
"""

import json
import logging
import signal
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import numpy as np
import torch
from torch.nn import functional

from inference.training.checkpoints import Checkpoint, last_checkpoint, require_shape
from inference.training.checkpoints import save_checkpoint as write_checkpoint
from inference.training.model import CareModel
from inference.training.optimizer import Optimizer, Schedule
from inference.training.rows import Rows

logger = logging.getLogger(__name__)

CHECKPOINT_EVERY_S: Final = 180.0
HELD_OUT_EVERY_STEPS: Final = 100
ORDER_SEED: Final = 11
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


Watch = Callable[[Progress], None]
Loss = Callable[[torch.Tensor, torch.Tensor], torch.Tensor]


class Trainer:
    """A model, its optimizer and where they stand in a stage."""

    def __init__(self, model: CareModel, plan: Plan, out: Path, device: torch.device) -> None:
        self.model = model.to(device)
        self.plan, self.out, self.device = plan, out, device
        self.optimizer = Optimizer(model)
        self.num_steps = self.num_tokens = 0
        self._loss: Loss | None = None

    def resume(self) -> bool:
        """Take up the stage's last checkpoint; False if there is none.

        Raises:
            CheckpointMismatch: it belongs to a model of another size.
        """
        checkpoint = last_checkpoint(self.out, self.plan.stage)
        if checkpoint is None:
            return False
        require_shape(checkpoint, self.model.shape)
        self.model.load_state_dict(checkpoint.model)
        self.optimizer.load_state(checkpoint.optimizer)
        self.num_steps, self.num_tokens = checkpoint.num_steps, checkpoint.num_tokens
        return True

    def run(self, rows: Rows, held_out: Rows, num_tokens: int, watch: Watch) -> None:
        """Train until so many tokens are seen, or until a signal asks to stop; then save.

        A stage that is taken up again with another number goes on along that number's cosine.
        """
        saved_at = time.monotonic()
        schedule = self.plan.schedule(num_tokens)
        with stop_signals() as stopped:
            while self.num_tokens < num_tokens and not stopped():
                watch(self.measured_step(rows, held_out, schedule))
                if time.monotonic() - saved_at >= self.plan.checkpoint_every_s:
                    self.save()
                    saved_at = time.monotonic()
        self.save()

    def measured_step(self, rows: Rows, held_out: Rows, schedule: Schedule) -> Progress:
        """The next step of the stage, written into its history."""
        started = time.perf_counter()
        order = _order(len(rows), self.num_steps * self.plan.batch_rows, self.plan.batch_rows)
        loss = self.step(*batch_of(rows, order, self.device), schedule)
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
        )
        with (self.out / f"{self.plan.stage}-history.jsonl").open("a") as history:
            history.write(json.dumps(vars(progress)) + "\n")
        return progress

    def step(self, ids: torch.Tensor, learned: torch.Tensor, schedule: Schedule) -> float:
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
            self._loss = _loss_function(self.model, self.plan.compiled, ids, learned)
        return self._loss(ids, learned)

    def speed(self, rows: Rows) -> float:
        """Tokens per second forward and backward, over a few batches that teach nothing."""
        batch = batch_of(rows, np.arange(self.plan.batch_rows) % len(rows), self.device)
        self.loss(*batch).backward()  # type: ignore[no-untyped-call]
        started = time.perf_counter()
        for _ in range(SPEED_BATCHES):
            self.loss(*batch).backward()  # type: ignore[no-untyped-call]
        took_s = time.perf_counter() - started
        self.model.zero_grad()
        return SPEED_BATCHES * batch[0].numel() / took_s

    def save(self) -> None:
        checkpoint = Checkpoint(
            shape=self.model.shape,
            num_steps=self.num_steps,
            num_tokens=self.num_tokens,
            model=self.model.state_dict(),
            optimizer=self.optimizer.state(),
        )
        write_checkpoint(self.out, self.plan.stage, checkpoint)

    @torch.no_grad()
    def _held_out_loss(self, held_out: Rows) -> float:
        """Over one batch spread evenly across the sources: a trend, not a result."""
        picked = np.linspace(0, len(held_out) - 1, self.plan.batch_rows).astype(np.int64)
        return float(self.loss(*batch_of(held_out, picked, self.device)))


def batch_of(
    rows: Rows, picked: np.typing.NDArray[np.int64], device: torch.device
) -> tuple[torch.Tensor, torch.Tensor]:
    """Ids [B, T] and which of them are learned [B, T], on the device."""
    ids = torch.from_numpy(rows.ids[picked].astype(np.int64))
    learned = torch.from_numpy(rows.learned[picked].astype(np.bool_))
    return ids.to(device), learned.to(device)


def token_loss(model: CareModel, hidden: torch.Tensor, ids: torch.Tensor) -> torch.Tensor:
    """Mean cross-entropy of the chosen positions, hidden [P, hidden] against ids [P]; 0 of none."""
    logits = functional.linear(hidden, model.embedding.weight)
    return functional.cross_entropy(logits.float(), ids, reduction="sum") / max(1, len(ids))


def _order(num_rows: int, start: int, count: int) -> np.typing.NDArray[np.int64]:
    """Rows at positions start.. of an endless series of shuffled epochs."""
    positions = range(start, start + count)
    shuffles = {
        epoch: np.random.default_rng((ORDER_SEED, epoch)).permutation(num_rows)
        for epoch in {position // num_rows for position in positions}
    }
    return np.asarray([shuffles[at // num_rows][at % num_rows] for at in positions])


def _loss_function(
    model: CareModel, compiled: bool, ids: torch.Tensor, learned: torch.Tensor
) -> Loss:
    """The loss, compiled if that works here; compiling is tried on the first batch."""
    if not compiled:
        return _build_loss(model, model, token_loss)
    try:
        loss = _build_loss(
            model, torch.compile(model, dynamic=False), torch.compile(token_loss, dynamic=True)
        )
        loss(ids, learned).backward()  # type: ignore[no-untyped-call]
        model.zero_grad()
    except Exception as error:  # whatever a missing or old compiler raises: eager still trains
        logger.warning("compiling failed, training eagerly", extra={"reason": str(error)[:500]})
        return _build_loss(model, model, token_loss)
    return loss


def _build_loss(
    model: CareModel,
    trunk: Callable[[torch.Tensor], torch.Tensor],
    head: Callable[[CareModel, torch.Tensor, torch.Tensor], torch.Tensor],
) -> Loss:
    # where it is not multiplied in hardware, bfloat16 is several times slower than float32
    has_bfloat16 = model.embedding.weight.is_cuda or torch.ops.mkldnn._is_mkldnn_bf16_supported()

    def loss(ids: torch.Tensor, learned: torch.Tensor) -> torch.Tensor:
        with torch.autocast(ids.device.type, torch.bfloat16, enabled=has_bfloat16):
            hidden = trunk(ids)
            chosen = learned[:, 1:]
            return head(model, hidden[:, :-1][chosen], ids[:, 1:][chosen])

    return loss


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
