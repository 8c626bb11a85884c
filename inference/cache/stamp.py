"""What the content of saved blocks depends on, from the checkpoint and the engine's settings."""

import dataclasses
import hashlib
from pathlib import Path
from typing import Final

import torch

from inference.cache.preamble_file import Stamp
from inference.cache.storage import LAYOUT
from inference.config import EngineConfig

OPERATIONAL: Final = frozenset(
    {
        "model", "speculator", "device", "num_blocks", "max_batch", "max_step_tokens",
        "max_waiting", "max_corpus_tokens", "max_draft_tokens", "compile", "seed", "pin_share",
        "cache_dir", "tensor_parallel", "peer_timeout_s", "max_rounds", "max_rounds_s",
    }
)  # fmt: skip
"""Settings that change no key and no value. One that is not named here is held to change them."""

_NUM_SAMPLES: Final = 256
_SAMPLE_BYTES: Final = 4096


def stamp_for(
    config: EngineConfig,
    folder: Path,
    dtype: torch.dtype,
    content: torch.Tensor,  # [L, 2, N, S, G, D]
) -> Stamp:
    """The stamp of blocks that this engine computes from this checkpoint."""
    settings = {
        field.name: str(getattr(config, field.name))
        for field in dataclasses.fields(config)
        if field.name not in OPERATIONAL
    }
    layers, two, _, *slot = content.shape
    return Stamp(
        weights=weights_digest(folder),
        settings=settings,
        dtype=str(dtype),
        cache_dtype=str(content.dtype),
        layout=LAYOUT,
        block_size=config.block_size,
        block_shape=(layers, two, *slot),
    )


def weights_digest(folder: Path) -> str:
    """A name for a checkpoint: its configuration, and samples from all over its weight files.

    Reading all of a large one would cost more than a preamble does; a fine-tuned copy differs in
    nearly every sample.
    """
    digest = hashlib.sha256((folder / "config.json").read_bytes())
    for path in sorted(folder.glob("*.safetensors")):
        size = path.stat().st_size
        digest.update(f"{path.name} {size} ".encode())
        with path.open("rb") as file:
            for index in range(_NUM_SAMPLES):
                file.seek(size * index // _NUM_SAMPLES)
                digest.update(file.read(_SAMPLE_BYTES))
    return digest.hexdigest()
