"""Trained heads as a folder in the published format, with what they are worth beside them."""

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Final

import torch

from inference.speculation.medusa_format import (
    MedusaBlock,
    MedusaConfig,
    MedusaHead,
    MedusaWeights,
    save_medusa,
)
from inference.speculation.mlp_format import MlpConfig, MlpWeights, save_mlp_speculator
from inference.training.speculator.heads import Heads, MedusaHeads, MlpHeads
from inference.training.speculator.measure import Gained, Tree, chain, gained
from inference.training.speculator.windows import Windows

TOP_K: Final = (4, 3, 2, 2, 2, 2, 2, 2)
NUM_CANDIDATES: Final = 5
DTYPE: Final = torch.bfloat16

Report = dict[str, dict[str, dict[str, Any]]]
"""Group of held-out texts, kind of draft, figure."""


def tree_of(num_heads: int) -> Tree:
    """What the folder's configuration asks for: widest where a guess is worth most."""
    return Tree(TOP_K[:num_heads], NUM_CANDIDATES)


def publish(heads: Heads, base: Path, folder: Path) -> None:
    """Write config.json and bfloat16 tensors as other engines read them."""
    folder.mkdir(parents=True, exist_ok=True)
    if isinstance(heads, MlpHeads):
        save_mlp_speculator(folder, _mlp_weights(heads), _mlp_config(heads))
    else:
        assert isinstance(heads, MedusaHeads), type(heads)
        save_medusa(folder, _medusa_weights(heads), _medusa_config(heads, base))
    for weights in folder.glob("*.safetensors"):
        weights.chmod(0o644)  # save_file leaves it readable by its owner alone


def measured(heads: Heads, texts: Mapping[str, Sequence[Windows]]) -> Report:
    """By group of held-out texts: what a chain and what the tree gains."""
    trees = {"chain": chain(heads.shape.num_heads), "tree": tree_of(heads.shape.num_heads)}
    return {
        group: {name: report(gained(heads, own, tree)) for name, tree in trees.items()}
        for group, own in texts.items()
        if own
    }


def write_report(folder: Path, content: Mapping[str, object]) -> None:
    (folder / "evaluation.json").write_text(json.dumps(content, indent=2) + "\n")


def report(gain: Gained) -> dict[str, Any]:
    """What a kind of draft gained, as evaluation.json has it."""
    return {
        "tokens_per_step": round(gain.tokens_per_step, 3),
        "acceptance_by_depth": [round(share, 3) for share in gain.acceptance],
        "tokens": gain.num_tokens,
        "steps": gain.num_steps,
    }


def _mlp_config(heads: MlpHeads) -> MlpConfig:
    shape = heads.shape
    return MlpConfig(
        vocab_size=shape.vocab_size,
        emb_dim=shape.base_size,
        inner_dim=shape.inner_size,
        n_predict=shape.num_heads,
        top_k_tokens_per_head=tree_of(shape.num_heads).top_k,
        n_candidates=NUM_CANDIDATES,
        tie_weights=True,
        scale_input=True,
    )


def _mlp_weights(heads: MlpHeads) -> MlpWeights:
    state = {name: value.to(DTYPE) for name, value in heads.state_dict().items()}
    count = heads.shape.num_heads
    later = (state["proj.1.weight"],) * (count - 1) if count > 1 else ()
    return MlpWeights(
        embeddings=(state["emb.0.weight"],) * count,
        projections=(state["proj.0.weight"], *later),
        heads=(state["head.0.weight"],) * count,
        scales=(state["ln.0.weight"],) * count,
        shifts=(state["ln.0.bias"],) * count,
    )


def _medusa_config(heads: MedusaHeads, base: Path) -> MedusaConfig:
    shape = heads.shape
    return MedusaConfig(
        vocab_size=shape.vocab_size,
        hidden_size=shape.base_size,
        num_heads=shape.num_heads,
        num_layers=1,
        base_model=base.name,
    )


def _medusa_weights(heads: MedusaHeads) -> MedusaWeights:
    state = {name: value.to(DTYPE) for name, value in heads.state_dict().items()}
    return MedusaWeights(
        tuple(
            MedusaHead(
                (MedusaBlock(state[f"linear.{head}.weight"], state[f"linear.{head}.bias"]),),
                state[f"head.{head}.weight"],
            )
            for head in range(heads.shape.num_heads)
        )
    )
