"""What a person sees while a stage runs: a bar at a terminal, plain lines in a log."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final

from rich.console import Console
from rich.progress import BarColumn, TextColumn, TimeElapsedColumn, TimeRemainingColumn
from rich.progress import Progress as Bar

from inference.training.trainer import Progress, Watch

LINE_EVERY_STEPS: Final = 20


@contextmanager
def watching(console: Console, stage: str) -> Iterator[Watch]:
    """A function to call after each step; loss and speed are smoothed over about 20 steps."""
    columns = (
        TextColumn("{task.description}"),
        BarColumn(),
        TextColumn("{task.percentage:>5.1f} %  loss {task.fields[loss]:.3f}{task.fields[heads]}"),
        TextColumn("{task.fields[speed]:,.0f} tokens/s"),
        TimeElapsedColumn(),
        TimeRemainingColumn(),
    )
    smooth = _Smooth()
    with Bar(*columns, console=console, disable=not console.is_terminal) as bar:
        task = bar.add_task(stage, total=None, loss=0.0, speed=0.0, heads="")

        def watch(step: Progress) -> None:
            smooth.add(step)
            bar.update(
                task,
                completed=step.num_tokens,
                total=step.total_tokens,
                loss=smooth.loss,
                speed=smooth.speed,
                heads=_heads(step),
            )
            if not console.is_terminal and step.num_steps % LINE_EVERY_STEPS == 0:
                console.print(_line(stage, step, smooth), soft_wrap=True, highlight=False)

        yield watch


class _Smooth:
    """Running means, so that the eye sees a trend."""

    def __init__(self) -> None:
        self.loss = 0.0
        self.step_s_per_token = 0.0
        self._is_empty = True

    def add(self, step: Progress) -> None:
        weight = 1.0 if self._is_empty else 0.05
        self._is_empty = False
        self.loss += weight * (step.loss - self.loss)
        self.step_s_per_token += weight * (1 / step.tokens_per_s - self.step_s_per_token)

    @property
    def speed(self) -> float:
        return 1 / self.step_s_per_token if self.step_s_per_token else 0.0


def _line(stage: str, step: Progress, smooth: _Smooth) -> str:
    left_s = (step.total_tokens - step.num_tokens) * smooth.step_s_per_token
    held_out = "" if step.held_out_loss is None else f" held-out {step.held_out_loss:.3f}"
    if step.copied:
        held_out += " copied " + ", ".join(f"{kind} {one:.2f}" for kind, one in step.copied.items())
    return (
        f"{stage} step {step.num_steps} tokens {step.num_tokens:,}/{step.total_tokens:,} "
        f"loss {smooth.loss:.3f}{_heads(step)}{held_out} rate {step.learning_rate:.2e} "
        f"{smooth.speed:,.0f} tokens/s, {left_s / 60:.0f} min left"
    )


def _heads(step: Progress) -> str:
    """A speculator's loss head by head, of this step alone."""
    losses = " ".join(f"{loss:.2f}" for loss in step.head_losses)
    return f" ({losses})" if losses else ""
