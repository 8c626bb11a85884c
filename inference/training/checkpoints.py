"""Checkpoints: written whole or not at all, the last two of each stage kept."""

import os
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Final

import torch

from inference.training.errors import CheckpointMismatch, DataMissing
from inference.training.model import ModelShape

NUM_KEPT: Final = 2


@dataclass(frozen=True)
class Checkpoint:
    """A stage after `num_steps` steps; the data order follows from the step alone."""

    shape: ModelShape
    num_steps: int
    num_tokens: int
    model: dict[str, torch.Tensor]
    optimizer: list[dict[str, Any]]
    begun_from: int = 0
    """Steps of the stage before when this one took its weights; 0 of a first stage."""


def save_checkpoint(folder: Path, stage: str, checkpoint: Checkpoint) -> Path:
    content = {**vars(checkpoint), "shape": asdict(checkpoint.shape)}
    return save_whole(folder, stage, checkpoint.num_steps, content)


def save_whole(folder: Path, stage: str, num_steps: int, content: dict[str, object]) -> Path:
    """Write a stage's checkpoint beside the old ones, then drop all but the newest."""
    path = folder / f"{stage}-{num_steps:07d}.pt"
    unfinished = path.with_suffix(".part")
    torch.save(content, unfinished)
    os.replace(unfinished, path)
    for old in checkpoint_paths(folder, stage)[:-NUM_KEPT]:
        old.unlink()
    return path


def save_best(folder: Path, stage: str, checkpoint: Checkpoint) -> None:
    """Beside the others, which may go on and off without it."""
    path = best_path(folder, stage)
    unfinished = path.with_suffix(".part")
    torch.save({**vars(checkpoint), "shape": asdict(checkpoint.shape)}, unfinished)
    os.replace(unfinished, path)


def best_path(folder: Path, stage: str) -> Path:
    return folder / f"{stage}-best.pt"


def checkpoint_paths(folder: Path, stage: str) -> list[Path]:
    """Oldest first."""
    return sorted(folder.glob(f"{stage}-{'[0-9]' * 7}.pt"))


def load_checkpoint(path: Path) -> Checkpoint:
    content = torch.load(path, map_location="cpu", weights_only=True)
    return Checkpoint(**{**content, "shape": ModelShape(**content["shape"])})


def last_checkpoint(folder: Path, stage: str) -> Checkpoint | None:
    paths = checkpoint_paths(folder, stage)
    return load_checkpoint(paths[-1]) if paths else None


def trained_model(folder: Path, stages: tuple[str, ...]) -> Checkpoint:
    """The last checkpoint of the first stage that has one; raises DataMissing if none has."""
    for stage in stages:
        checkpoint = last_checkpoint(folder, stage)
        if checkpoint is not None:
            return checkpoint
    raise DataMissing(f"no checkpoint of {' or '.join(stages)} in {folder}; train first")


def require_shape(checkpoint: Checkpoint, shape: ModelShape) -> None:
    """Raises CheckpointMismatch when the checkpoint is of another size."""
    if checkpoint.shape != shape:
        raise CheckpointMismatch(
            f"the checkpoint holds {checkpoint.shape}, asked for {shape}; use another --out"
        )


def require_beginning(checkpoint: Checkpoint, stage: str, begun_from: int) -> None:
    """Raises CheckpointMismatch when the stage before has gone on since this one began."""
    if checkpoint.begun_from != begun_from:
        raise CheckpointMismatch(
            f"the {stage} stage began after step {checkpoint.begun_from} of the stage before it, "
            f"which is at step {begun_from} now; remove its {stage}-* files to begin it anew"
        )
