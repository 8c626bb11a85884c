"""IBM's MLP speculator on disk: `MLPSpeculatorPreTrainedModel` folders, read and written.

Format: fms-extras, `models/speculator.py` and `models/hf/modeling_mlp_speculator.py`. Tied files
hold every alias of a tensor or one of them; names begin with `speculator.` or do not.
"""

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import torch
from safetensors.torch import save_file

from inference.errors import ModelLoadError
from inference.speculation.tensor_files import TensorFiles, read_config, read_tensor_files

MODEL_TYPE = "mlp_speculator"
ARCHITECTURE = "MLPSpeculatorPreTrainedModel"
PREFIX = "speculator."


@dataclass(frozen=True, kw_only=True)
class MlpConfig:
    """The shape of an MLP speculator, and the tree of candidates it was meant to draft."""

    vocab_size: int
    emb_dim: int
    """Width of the target's hidden states."""
    inner_dim: int
    n_predict: int
    """Stages it was trained with; constants of the forward pass depend on it."""
    top_k_tokens_per_head: tuple[int, ...]
    n_candidates: int = 5
    tie_weights: bool = False
    scale_input: bool = False

    @property
    def state_weight(self) -> float:
        """Of a stage's state; by the last stage half of the power is the target's."""
        return float(0.5 ** (0.5 / self.n_predict))

    @property
    def token_weight(self) -> float:
        """Of the embedding, with which both together keep their power."""
        return float(((1 - self.state_weight**2) * self.inner_dim / 2) ** 0.5)


@dataclass(frozen=True)
class MlpWeights:
    """One tensor a stage; tied stages hold the same tensor."""

    embeddings: tuple[torch.Tensor, ...]  # each [V, I]
    projections: tuple[torch.Tensor, ...]  # [I, W], then each [I, I]
    heads: tuple[torch.Tensor, ...]  # each [V, I]
    scales: tuple[torch.Tensor, ...]  # each [I]
    shifts: tuple[torch.Tensor, ...]  # each [I]

    def stages(self) -> Iterator[tuple[torch.Tensor, ...]]:
        """Embedding, projection, head, scale and shift of each stage."""
        tensors = (self.embeddings, self.projections, self.heads, self.scales, self.shifts)
        return zip(*tensors, strict=True)

    def among(self, token_ids: torch.Tensor) -> "MlpWeights":  # [K]
        """The same with heads [K, I] over these tokens only."""
        heads = {id(head): head[token_ids] for head in self.heads}
        return replace(self, heads=tuple(heads[id(head)] for head in self.heads))


def is_mlp_speculator(raw: Mapping[str, Any]) -> bool:
    """Whether a config.json is that of an MLP speculator."""
    return raw.get("model_type") == MODEL_TYPE or ARCHITECTURE in (raw.get("architectures") or ())


def load_mlp_speculator(folder: Path) -> tuple[MlpWeights, MlpConfig]:
    """Read a published folder; the tensors keep their dtype and lie on the CPU.

    Raises:
        ModelLoadError: config.json or the tensors are missing, broken or at odds.
    """
    config = _read_config(folder)
    files = read_tensor_files(folder)
    files.rename({PREFIX: ""})
    vocab, inner, stages = config.vocab_size, config.inner_dim, config.n_predict
    first = files.take("proj.0.weight", inner, config.emb_dim)
    weights = MlpWeights(
        embeddings=_take_stages(files, config, "emb.{}.weight", range(stages), vocab, inner),
        projections=(
            first,
            *_take_stages(files, config, "proj.{}.weight", range(1, stages), inner, inner),
        ),
        heads=_take_stages(files, config, "head.{}.weight", range(stages), vocab, inner),
        scales=_take_stages(files, config, "ln.{}.weight", range(stages), inner),
        shifts=_take_stages(files, config, "ln.{}.bias", range(stages), inner),
    )
    files.close()
    return weights, config


def save_mlp_speculator(folder: Path, weights: MlpWeights, config: MlpConfig) -> None:
    """Write a folder as transformers would: tied tensors once, names with the prefix."""
    folder.mkdir(parents=True, exist_ok=True)
    named = {
        f"{PREFIX}{name}.{stage}.{kind}": tensor.detach().cpu().contiguous()
        for name, kind, tensors in (
            ("emb", "weight", weights.embeddings),
            ("proj", "weight", weights.projections),
            ("head", "weight", weights.heads),
            ("ln", "weight", weights.scales),
            ("ln", "bias", weights.shifts),
        )
        for stage, tensor in enumerate(tensors)
        if not config.tie_weights or stage == 0 or (name == "proj" and stage == 1)
    }
    save_file(named, folder / "model.safetensors", metadata={"format": "pt"})
    raw = {
        "architectures": [ARCHITECTURE],
        "model_type": MODEL_TYPE,
        "vocab_size": config.vocab_size,
        "emb_dim": config.emb_dim,
        "inner_dim": config.inner_dim,
        "n_predict": config.n_predict,
        "top_k_tokens_per_head": list(config.top_k_tokens_per_head),
        "n_candidates": config.n_candidates,
        "tie_weights": config.tie_weights,
        "scale_input": config.scale_input,
        "torch_dtype": str(weights.heads[0].dtype).removeprefix("torch."),
    }
    (folder / "config.json").write_text(json.dumps(raw, indent=2) + "\n", encoding="utf-8")


def _read_config(folder: Path) -> MlpConfig:
    raw: Mapping[str, Any] = read_config(folder)
    try:
        emb_dim = int(raw["emb_dim"] if "emb_dim" in raw else raw["hidden_size"])
        stages = int(raw.get("n_predict", 3))
        config = MlpConfig(
            vocab_size=int(raw["vocab_size"]),
            emb_dim=emb_dim,
            inner_dim=int(raw.get("inner_dim") or emb_dim),
            n_predict=stages,
            top_k_tokens_per_head=tuple(
                int(one) for one in raw.get("top_k_tokens_per_head") or (5, 4, 3)
            ),
            n_candidates=int(raw.get("n_candidates", 5)),
            tie_weights=bool(raw.get("tie_weights", False)),
            scale_input=bool(raw.get("scale_input", False)),
        )
    except (KeyError, TypeError, ValueError) as error:
        raise ModelLoadError(
            folder / "config.json", f"lacks or garbles a field: {error!r}"
        ) from error
    _check(config, folder)
    return config


def _check(config: MlpConfig, folder: Path) -> None:
    widths = config.top_k_tokens_per_head
    if len(widths) != config.n_predict:
        raise ModelLoadError(
            folder,
            f"top_k_tokens_per_head names {len(widths)} stages, n_predict is {config.n_predict}",
        )
    least = min((config.vocab_size, config.emb_dim, config.inner_dim, config.n_candidates, *widths))
    if not widths or least < 1:
        raise ModelLoadError(folder, f"config.json has a size below 1: {config}")


def _take_stages(
    files: TensorFiles, config: MlpConfig, name: str, stages: range, *shape: int
) -> tuple[torch.Tensor, ...]:
    """A tensor for each stage; tied stages share one, whichever of the aliases the file has."""
    found = {
        stage: tensor
        for stage in stages
        if (tensor := files.take_if_present(name.format(stage), *shape)) is not None
    }
    if config.tie_weights and found:
        shared = next(iter(found.values()))
        differing = [stage for stage in found if not torch.equal(found[stage], shared)]
        if differing:
            raise ModelLoadError(
                files.folder,
                f"config.json ties the stages, but {name.format(differing[0])} differs from "
                f"{name.format(next(iter(found)))}",
            )
        return (shared,) * len(stages)
    missing = [stage for stage in stages if stage not in found]
    if missing:
        raise ModelLoadError(files.folder, f"lacks the tensor {name.format(missing[0])}")
    return tuple(found.values())
