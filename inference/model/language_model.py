"""What the engine runs: our decoder, or a model of transformers behind the same few calls."""

from typing import Protocol

import torch

from inference.model.config import ModelConfig
from inference.model.decoder import DecoderInputs


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
