"""A run that was cut off ends where an uninterrupted one does."""

import shutil
import signal
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

from inference.training.errors import CheckpointMismatch
from inference.training.layout import Example
from inference.training.model import SIZES, CareModel, ModelShape
from inference.training.optimizer import Schedule
from inference.training.rows import Rows, open_rows_at, write_rows
from inference.training.trainer import Plan, Progress, Trainer, batch_of

PLAN = Plan("base", batch_rows=2, peak_rate=3e-3, compiled=False)
NUM_STEPS = 6


@pytest.fixture
def rows(tmp_path: Path) -> Rows:
    generator = torch.Generator().manual_seed(3)
    ids = torch.randint(16, 300, (5, 32), generator=generator)
    examples = [Example(row.tolist(), [False] + [True] * 31) for row in ids]
    write_rows(tmp_path / "rows", [("all", examples)], row_len=32)
    return open_rows_at(tmp_path / "rows")


def train(out: Path, rows: Rows, num_steps: int) -> list[float]:
    """Losses of the steps up to `num_steps`, from wherever OUT's last checkpoint stands."""
    torch.manual_seed(1)
    trainer = Trainer(CareModel(SIZES["tiny"]), PLAN, out, torch.device("cpu"))
    trainer.resume()
    losses: list[float] = []

    def watch(progress: Progress) -> None:
        losses.append(progress.loss)

    schedule_tokens = NUM_STEPS * PLAN.batch_rows * rows.row_len
    if num_steps < NUM_STEPS:
        schedule = PLAN.schedule(schedule_tokens)
        losses += [trainer.measured_step(rows, rows, schedule).loss for _ in range(num_steps)]
        trainer.save()
    else:
        assert trainer.run(rows, rows, PLAN.schedule(schedule_tokens), watch)
    return losses


def test_a_resumed_run_repeats_the_losses_of_an_uninterrupted_one(
    tmp_path: Path, rows: Rows
) -> None:
    whole, parts = tmp_path / "whole", tmp_path / "parts"
    whole.mkdir()
    parts.mkdir()

    uninterrupted = train(whole, rows, NUM_STEPS)
    resumed = train(parts, rows, 2) + train(parts, rows, NUM_STEPS)

    assert resumed == uninterrupted
    assert len(uninterrupted) == NUM_STEPS


def test_a_run_that_is_asked_to_stop_says_that_it_has_not_ended(tmp_path: Path, rows: Rows) -> None:
    trainer = Trainer(CareModel(SIZES["tiny"]), PLAN, tmp_path, torch.device("cpu"))
    schedule = PLAN.schedule(NUM_STEPS * PLAN.batch_rows * rows.row_len)

    is_finished = trainer.run(rows, rows, schedule, lambda _: signal.raise_signal(signal.SIGTERM))

    assert not is_finished and trainer.num_steps == 1
    assert trainer.run(rows, rows, schedule, lambda _: None) and trainer.num_steps == NUM_STEPS


def test_patience_ends_a_run_with_the_weights_that_were_best(
    tmp_path: Path, rows: Rows, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("inference.training.trainer.HELD_OUT_EVERY_STEPS", 1)
    plan = replace(PLAN, patience=3)
    schedule = Schedule(peak=1e-2, final_share=1.0, warmup_tokens=1, total_tokens=10_000)
    ids = torch.randint(4000, 8000, (5, 32), generator=torch.Generator().manual_seed(4))
    others = Rows(ids.numpy().astype("uint16"), np.ones((5, 32), dtype=np.uint8), {})
    seen: list[float] = []  # what is learned never helps with these, so their loss soon rises

    def watch(step: Progress) -> None:
        assert step.held_out_loss is not None
        seen.append(step.held_out_loss)

    trainer = Trainer(CareModel(SIZES["tiny"]), plan, tmp_path, torch.device("cpu"))
    is_finished = trainer.run(rows, others, schedule, watch)
    again = Trainer(CareModel(SIZES["tiny"]), plan, tmp_path, torch.device("cpu"))
    again.resume()

    assert is_finished and trainer.num_tokens < schedule.total_tokens
    assert seen.index(min(seen)) == len(seen) - 1 - 3
    for trained in (trainer, again):
        batch = batch_of(others, np.arange(4), torch.device("cpu"))
        with torch.no_grad():
            assert trained.loss(*batch).item() == pytest.approx(min(seen), abs=0.02)
            assert trained.loss(*batch).item() < seen[-1]
    assert again.run(rows, others, schedule, watch) and again.num_steps == len(seen)


def test_training_learns(tmp_path: Path, rows: Rows) -> None:
    trainer = Trainer(CareModel(SIZES["tiny"]), PLAN, tmp_path, torch.device("cpu"))
    batch = batch_of(rows, np.arange(len(rows)), torch.device("cpu"))
    schedule = Schedule(peak=1e-2, final_share=1.0, warmup_tokens=1, total_tokens=10_000)

    losses = [trainer.step(*batch, schedule) for _ in range(20)]

    assert losses[-1] < losses[0] - 1.0


def test_positions_that_are_not_learned_do_not_count(tmp_path: Path) -> None:
    trainer = Trainer(CareModel(SIZES["tiny"]), PLAN, tmp_path, torch.device("cpu"))
    ids = torch.randint(16, 300, (2, 8), generator=torch.Generator().manual_seed(0))
    learned = torch.zeros(2, 8, dtype=torch.bool)
    learned[:, 3] = True

    loss = trainer.loss(ids, learned)
    changed = ids.clone()
    changed[:, 4:] = 17  # what comes after the learned position

    assert trainer.loss(changed, learned).item() == loss.item()


def test_only_the_last_two_checkpoints_are_kept(tmp_path: Path) -> None:
    trainer = Trainer(CareModel(SIZES["tiny"]), PLAN, tmp_path, torch.device("cpu"))
    for num_steps in (1, 2, 3):
        trainer.num_steps = num_steps
        trainer.save()

    assert sorted(path.name for path in tmp_path.iterdir()) == [
        "base-0000002.pt",
        "base-0000003.pt",
    ]


def test_a_checkpoint_of_another_size_is_refused(tmp_path: Path) -> None:
    Trainer(CareModel(SIZES["tiny"]), PLAN, tmp_path, torch.device("cpu")).save()
    wider = CareModel(ModelShape(128, 2, 2, 1, 128))

    with pytest.raises(CheckpointMismatch):
        Trainer(wider, PLAN, tmp_path, torch.device("cpu")).resume()


def test_a_stage_does_not_go_on_from_weights_that_are_left_behind(tmp_path: Path) -> None:
    def trainer(begun_from: int) -> Trainer:
        plan = replace(PLAN, stage="chat", begun_from=begun_from)
        return Trainer(CareModel(SIZES["tiny"]), plan, tmp_path, torch.device("cpu"))

    trainer(begun_from=39).save()

    assert trainer(begun_from=39).resume()
    with pytest.raises(CheckpointMismatch, match=r"after step 39 .* at step 900"):
        trainer(begun_from=900).resume()


def test_a_batch_without_anything_to_learn_costs_nothing(tmp_path: Path) -> None:
    trainer = Trainer(CareModel(SIZES["tiny"]), PLAN, tmp_path, torch.device("cpu"))
    ids = torch.full((2, 8), 20)

    assert trainer.loss(ids, torch.zeros(2, 8, dtype=torch.bool)).item() == 0.0


@pytest.mark.filterwarnings("ignore")  # torch warns about its own compiler
def test_compiled_and_eager_losses_agree(
    tmp_path: Path, rows: Rows, caplog: pytest.LogCaptureFixture
) -> None:
    assert shutil.which("g++"), "compiling needs a C++ compiler: install g++"
    torch.manual_seed(2)
    model = CareModel(SIZES["tiny"])
    ids, learned = batch_of(rows, np.arange(4), torch.device("cpu"))

    eager, compiled = (
        Trainer(model, replace(PLAN, compiled=on), tmp_path, torch.device("cpu"))
        for on in (False, True)
    )

    # bfloat16 rounds at other places once operations are fused
    assert compiled.loss(ids, learned).item() == pytest.approx(
        eager.loss(ids, learned).item(), rel=2e-3
    )
    assert "compiling failed" not in caplog.text
