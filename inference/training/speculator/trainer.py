"""The loop of one phase: resumable at any checkpoint, ended by tokens or by the clock."""

import json
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Final

import torch

from inference.training.optimizer import ADAM_BETAS, MATRIX_DECAY, MAX_GRAD_NORM
from inference.training.speculator.checkpoints import HeadCheckpoint, last_heads, save_heads
from inference.training.speculator.heads import Heads
from inference.training.speculator.loss import Sampler, head_losses
from inference.training.speculator.recipe import Budget, Phase
from inference.training.speculator.windows import Windows, WindowSource
from inference.training.trainer import Progress, Watch

CHECKPOINT_EVERY_S: Final = 120.0
HELD_OUT_EVERY_STEPS: Final = 50


class HeadTrainer:
    """Heads, their optimizer and where they stand in a phase."""

    def __init__(
        self, heads: Heads, phase: Phase, budget: Budget, run: Path, sampler: Sampler | None
    ) -> None:
        """With a `sampler` the loss is over a sample of the vocabulary."""
        self.heads, self.phase, self.budget, self.run = heads, phase, budget, run
        self._sampler = sampler
        self.num_steps = self.num_tokens = 0
        self.elapsed_s = 0.0
        self._optimizer = torch.optim.AdamW(
            heads.parameters(), lr=0.0, betas=ADAM_BETAS, weight_decay=MATRIX_DECAY, fused=True
        )

    @property
    def is_done(self) -> bool:
        return self.budget.done(self.num_tokens, self.elapsed_s) >= 1

    def resume(self) -> bool:
        """Take up the phase's last checkpoint; False if there is none.

        Raises:
            CheckpointMismatch: it holds heads of another shape.
        """
        found = last_heads(self.run, self.phase.name, self.heads.shape)
        if found is None:
            return False
        self.heads.load_state_dict(found.heads)
        self._optimizer.load_state_dict(found.optimizer)
        self.num_steps, self.num_tokens = found.num_steps, found.num_tokens
        self.elapsed_s = found.elapsed_s
        return True

    def train(
        self, source: WindowSource, held_out: Windows, watch: Watch, stopped: Callable[[], bool]
    ) -> None:
        """Until the budget is used up or somebody asks to stop; then save."""
        saved_at = time.monotonic()
        while not self.is_done and not stopped():
            watch(self.measured_step(source, held_out))
            if time.monotonic() - saved_at >= CHECKPOINT_EVERY_S:
                self.save()
                saved_at = time.monotonic()
        self.save()

    def measured_step(self, source: WindowSource, held_out: Windows) -> Progress:
        """The next step, its time counted and its losses written into the history."""
        started = time.perf_counter()
        windows = source.batch(self.num_steps)
        rate = self.phase.rate(self.budget.done(self.num_tokens, self.elapsed_s))
        losses = self.step(windows, rate)
        took_s = time.perf_counter() - started
        self.elapsed_s += took_s
        progress = Progress(
            num_steps=self.num_steps,
            num_tokens=self.num_tokens,
            total_tokens=self._expected_tokens(),
            loss=sum(losses) / len(losses),
            learning_rate=rate,
            tokens_per_s=max(1, len(windows)) / took_s,
            held_out_loss=None,
            head_losses=tuple(losses),
        )
        if self.num_steps % HELD_OUT_EVERY_STEPS == 0:
            progress = replace(progress, held_out_loss=self._mean_loss(held_out))
        with (self.run / f"{self.phase.name}-history.jsonl").open("a") as history:
            history.write(json.dumps(vars(progress)) + "\n")
        return progress

    def step(self, windows: Windows, rate: float) -> list[float]:
        """One update; the loss of each head before it, in nats."""
        sampler = self._sampler
        targets = windows.token_ids[:, 1:][windows.is_target]
        candidates = None if sampler is None else sampler.candidates(targets, self.num_steps)
        losses = head_losses(self.heads, windows, candidates)
        torch.stack(losses).sum().backward()  # type: ignore[no-untyped-call]
        torch.nn.utils.clip_grad_norm_(self.heads.parameters(), MAX_GRAD_NORM)
        for group in self._optimizer.param_groups:
            group["lr"] = rate
        self._optimizer.step()
        self._optimizer.zero_grad()
        self.num_steps += 1
        self.num_tokens += len(windows)
        return [loss.item() for loss in losses]

    def save(self) -> None:
        checkpoint = HeadCheckpoint(
            shape=self.heads.shape,
            num_steps=self.num_steps,
            num_tokens=self.num_tokens,
            elapsed_s=self.elapsed_s,
            heads=self.heads.state_dict(),
            optimizer=self._optimizer.state_dict(),
        )
        save_heads(self.run, self.phase.name, checkpoint)

    @torch.no_grad()
    def _mean_loss(self, windows: Windows) -> float:
        losses = head_losses(self.heads, windows, None)
        return sum(loss.item() for loss in losses) / len(losses)

    def _expected_tokens(self) -> int:
        done = self.budget.done(self.num_tokens, self.elapsed_s)
        return max(self.num_tokens, int(self.num_tokens / done))
