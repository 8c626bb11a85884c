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

    def forward_with_aux(
        self,
        inputs: DecoderInputs,
        cache: torch.Tensor,  # as `forward`
        layers: tuple[int, ...],
    ) -> tuple[torch.Tensor, torch.Tensor]:  # [T, W], [T, len(layers) * W]
        """As `forward`, and beside it the residual stream behind these layers, in this order."""
        ...

    def embed(self, token_ids: torch.Tensor) -> torch.Tensor:  # [T] int64 -> [T, W]
        """Rows of the embedding as the checkpoint has them, unscaled."""
        ...

    def logits(self, hidden: torch.Tensor) -> torch.Tensor:  # [R, W] -> [R, V]
        """Logits of the rows asked for, of any dtype; float32 unless the model runs in float64."""
        ...
