"""Where a run stands: heads, optimizer and how far each phase has come."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any, cast

import torch

from inference.training.checkpoints import checkpoint_paths, save_whole
from inference.training.errors import CheckpointMismatch
from inference.training.speculator.heads import HeadShape


@dataclass(frozen=True)
class HeadCheckpoint:
    """A phase after `num_steps` steps."""

    shape: HeadShape
    num_steps: int
    num_tokens: int
    elapsed_s: float
    heads: dict[str, torch.Tensor]
    optimizer: dict[str, Any]


def save_heads(folder: Path, phase: str, checkpoint: HeadCheckpoint) -> Path:
    content = {**vars(checkpoint), "shape": checkpoint.shape.as_dict()}
    return save_whole(folder, phase, checkpoint.num_steps, content)


def last_heads(folder: Path, phase: str, shape: HeadShape) -> HeadCheckpoint | None:
    """The phase's last checkpoint.

    Raises:
        CheckpointMismatch: it holds heads of another shape.
    """
    paths = checkpoint_paths(folder, phase)
    if not paths:
        return None
    content = cast(dict[str, Any], torch.load(paths[-1], map_location="cpu", weights_only=True))
    found = HeadShape(**content["shape"])
    if found != shape:
        raise CheckpointMismatch(f"{paths[-1]} holds {found}, asked for {shape}; use another --run")
    return HeadCheckpoint(**{**content, "shape": found})
