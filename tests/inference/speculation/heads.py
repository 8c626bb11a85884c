"""Random speculators of any shape, in the containers that the formats read and write."""

from typing import Any

import torch

from inference.speculation.base import Draft, DraftRequest, Outcome, TargetFacts
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


def facts(**changes: Any) -> TargetFacts:
    """A target whose embedding and head are random too."""
    random = torch.Generator().manual_seed(5)
    shape: dict[str, Any] = {"vocab_size": VOCAB, "hidden_size": WIDTH} | changes
    table = torch.randn(shape["vocab_size"], shape["hidden_size"], generator=random).double() / 3
    known: dict[str, Any] = {
        "num_layers": 6,
        "max_model_len": 128,
        "num_blocks": 16,
        "block_size": 4,
        "dtype": torch.float64,
        "device": torch.device("cpu"),
        "embed": lambda ids: table[ids],
        "logits": lambda hidden: hidden @ table.T,
    }
    return TargetFacts(**(known | shape))


def request(request_id: str, token_ids: list[int], room: int) -> DraftRequest:
    """For speculators without keys and values of their own."""
    return DraftRequest(request_id, b"", token_ids, room, block_ids=())


def drawn(request_id: str, token_ids: list[int], row: int) -> Outcome:
    """The last of these tokens was drawn from this row of the step."""
    return Outcome(request_id, b"", token_ids, (), len(token_ids) - 2, (row,), Draft(), 0)


def paths_of(draft: Draft) -> dict[tuple[int, ...], float]:
    """Every node as the tokens that lead to it, with its score."""
    paths: list[tuple[int, ...]] = []
    for token_id, parent in zip(draft.token_ids, draft.parents, strict=True):
        paths.append((*(paths[parent] if parent >= 0 else ()), token_id))
    assert len(set(paths)) == len(paths), "a node stands twice"
    return dict(zip(paths, draft.scores, strict=True))
