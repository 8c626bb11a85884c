"""Random speculators of any shape, in the containers that the formats read and write."""

from typing import Any

import torch

from inference.speculation.medusa_format import (
    MedusaBlock,
    MedusaConfig,
    MedusaHead,
    MedusaWeights,
)
from inference.speculation.mlp_format import MlpConfig, MlpWeights

VOCAB, WIDTH = 31, 12


def mlp_config(**changes: Any) -> MlpConfig:
    shape: dict[str, Any] = {
        "vocab_size": VOCAB,
        "emb_dim": WIDTH,
        "inner_dim": 8,
        "n_predict": 3,
        "top_k_tokens_per_head": (4, 3, 2),
        "n_candidates": 5,
    }
    return MlpConfig(**(shape | changes))


def random_mlp(config: MlpConfig, dtype: torch.dtype = torch.float64) -> MlpWeights:
    """Every stage its own tensors, or all of them the first's where the config ties them."""
    random = torch.Generator().manual_seed(3)
    vocab, inner, stages = config.vocab_size, config.inner_dim, config.n_predict

    def stack(num: int, *shape: int, around: float = 0.0) -> tuple[torch.Tensor, ...]:
        drawn = [
            torch.randn(shape, generator=random, dtype=dtype) + around
            for _ in range(1 if config.tie_weights else num)
        ]
        return tuple(drawn * num if config.tie_weights else drawn)

    first = torch.randn(inner, config.emb_dim, generator=random, dtype=dtype)
    return MlpWeights(
        embeddings=stack(stages, vocab, inner),
        projections=(first, *stack(stages - 1, inner, inner)),
        heads=stack(stages, vocab, inner),
        scales=stack(stages, inner, around=1.0),
        shifts=stack(stages, inner),
    )


def random_medusa(config: MedusaConfig, dtype: torch.dtype = torch.float64) -> MedusaWeights:
    """Heads of their own, each with biases."""
    random = torch.Generator().manual_seed(4)
    width = config.hidden_size

    def draw(*shape: int) -> torch.Tensor:
        return torch.randn(shape, generator=random, dtype=dtype)

    return MedusaWeights(
        tuple(
            MedusaHead(
                tuple(
                    MedusaBlock(draw(width, width), draw(width)) for _ in range(config.num_layers)
                ),
                draw(config.vocab_size, width),
            )
            for _ in range(config.num_heads)
        )
    )
