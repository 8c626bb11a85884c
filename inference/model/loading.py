"""Which code runs a checkpoint."""

from pathlib import Path
from typing import Protocol

import torch

from inference.errors import ModelLoadError
from inference.model.config import ModelConfig, describe
from inference.model.decoder import Decoder, DecoderInputs
from inference.model.families import FAMILIES, read_native


class LanguageModel(Protocol):
    """Rows of any mix of requests in, hidden states out; the caller holds their keys and values."""

    @property
    def config(self) -> ModelConfig:
        """What the engine must know of it; the cache is laid out by it."""
        ...

    def forward(
        self,
        inputs: DecoderInputs,
        cache: torch.Tensor,  # [L, 2, N, S, G, D], written in place at the slot mapping
    ) -> torch.Tensor:  # [T, W]
        """Run all rows through all layers; hidden states after the final norm."""
        ...

    def logits(self, hidden: torch.Tensor) -> torch.Tensor:  # [R, W] -> [R, V]
        """Logits of the rows asked for; float32 unless the model runs in float64."""
        ...


def load_model(folder: Path, dtype: torch.dtype, device: torch.device) -> LanguageModel:
    """Load the checkpoint of a folder.

    Raises:
        ModelLoadError: it is missing, broken or of a kind that cannot be served.
    """
    description = describe(folder)
    native = read_native(description)
    if native is not None:
        config, names = native
        return Decoder(folder, config, names, dtype, device)
    reason = f"{description.architecture} is not supported; supported: {', '.join(FAMILIES)}"
    raise ModelLoadError(folder / "config.json", reason)
