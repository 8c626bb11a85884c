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
from torch.nn import functional

from inference.training.checkpoints import Checkpoint, last_checkpoint, require_shape
from inference.training.checkpoints import save_checkpoint as write_checkpoint
from inference.training.copying import copied
from inference.training.layout import END_QUOTE_ID, QUOTE_ID
from inference.training.model import CareModel
from inference.training.muon import fast_type
from inference.training.optimizer import Optimizer, Schedule
from inference.training.rows import Batch, Feed, Rows

logger = logging.getLogger(__name__)

CHECKPOINT_EVERY_S: Final = 180.0
HELD_OUT_EVERY_STEPS: Final = 100
MARKER_TOKENS: Final = 3  # the closing marker, " [" and the digit
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
Loss = Callable[[torch.Tensor, torch.Tensor], torch.Tensor]


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

    def run(self, rows: Feed, held_out: Rows, num_tokens: int, watch: Watch) -> None:
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

    def measured_step(self, rows: Feed, held_out: Rows, schedule: Schedule) -> Progress:
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
            copied=self._copied() if is_due and self._probes else None,
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
            self._loss = _loss_function(self.model, self.plan, ids, learned)
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
        picked = np.linspace(0, len(held_out) - 1, self.plan.batch_rows).astype(int).tolist()
        return float(self.loss(*self._tensors(held_out.at(picked))))

    def _copied(self) -> dict[str, float]:
        shares: dict[str, float] = {}
        for kind, batch in self._probes.items():
            found = copied(self.model, batch, self.device)
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


def token_loss(
    model: CareModel, hidden: torch.Tensor, ids: torch.Tensor, weights: torch.Tensor
) -> torch.Tensor:
    """Weighted mean cross-entropy, hidden [P, hidden] against ids [P], weights [P]; 0 of none."""
    logits = functional.linear(hidden, model.embedding.weight)
    losses = functional.cross_entropy(logits.float(), ids, reduction="none")
    return (losses * weights).sum() / weights.sum().clamp(min=1.0)


def quote_weights(ids: torch.Tensor, weight: float) -> torch.Tensor:
    """[B, T] ids to [B, T]: `weight` for quotes and the marker behind them, else 1."""
    opened, closed = (ids == QUOTE_ID).cumsum(1), (ids == END_QUOTE_ID).cumsum(1)
    marked = functional.pad(closed, (MARKER_TOKENS, 0))[:, : ids.shape[1]]
    is_inside = (opened > marked) & (ids != QUOTE_ID)
    return torch.where(is_inside, weight, 1.0)


def _loss_function(model: CareModel, plan: Plan, ids: torch.Tensor, learned: torch.Tensor) -> Loss:
    """The loss, compiled if that works here; compiling is tried on the first batch."""
    quote_weight = plan.quote_weight
    if not plan.compiled:
        return _build_loss(model, model, token_loss, quote_weight)
    try:
        loss = _build_loss(
            model,
            torch.compile(model, dynamic=False),
            torch.compile(token_loss, dynamic=True),
            quote_weight,
        )
        loss(ids, learned).backward()  # type: ignore[no-untyped-call]
        model.zero_grad()
    except Exception as error:  # whatever a missing or old compiler raises: eager still trains
        logger.warning("compiling failed, training eagerly", extra={"reason": str(error)[:500]})
        return _build_loss(model, model, token_loss, quote_weight)
    return loss


def _build_loss(
    model: CareModel,
    trunk: Callable[[torch.Tensor], torch.Tensor],
    head: Callable[[CareModel, torch.Tensor, torch.Tensor, torch.Tensor], torch.Tensor],
    quote_weight: float,
) -> Loss:
    has_bfloat16 = fast_type(model.embedding.weight.device) is torch.bfloat16

    def loss(ids: torch.Tensor, learned: torch.Tensor) -> torch.Tensor:
        with torch.autocast(ids.device.type, torch.bfloat16, enabled=has_bfloat16):
            hidden = trunk(ids)
            chosen = learned[:, 1:]
            weights = quote_weights(ids, quote_weight)[:, 1:][chosen]
            return head(model, hidden[:, :-1][chosen], ids[:, 1:][chosen], weights)

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
