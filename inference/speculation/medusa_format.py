"""Medusa heads on disk: the original files and those in the manner of vLLM.

Original (Medusa, `medusa/model/medusa_model.py`): `medusa_lm_head.pt` or `.safetensors` with
`{head}.{block}.linear.weight` and `.bias`, and `{head}.{number of blocks}.weight`. vLLM
(`models/medusa.py`): `blocks.{head}.layers.{block}.weight`, `lm_heads.{head}.weight`, and a
`token_map` where the heads know only the most frequent tokens. Published configurations name wrong
numbers of heads, so the tensors are counted.
"""

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from safetensors.torch import save_file

from inference.errors import ModelLoadError
from inference.speculation.medusa_choices import DEFAULT_CHOICES
from inference.speculation.tensor_files import (
    LAYOUTS,
    TensorFiles,
    read_config,
    read_tensor_files,
)

FILES = ("medusa_lm_head.safetensors", "medusa_lm_head.pt")
PREFIXES = ("medusa_heads.", "medusa_head.")

Choices = tuple[tuple[int, ...], ...]


@dataclass(frozen=True, kw_only=True)
class MedusaConfig:
    """The shape of a set of Medusa heads, and the tree they draft."""

    vocab_size: int
    hidden_size: int
    num_heads: int
    num_layers: int
    """Residual blocks of each head."""
    choices: Choices = DEFAULT_CHOICES
    """The nodes of the tree: each a path of ranks, rank r at depth h being head h's token r."""
    base_model: str = ""


@dataclass(frozen=True)
class MedusaBlock:
    """x + SiLU(weight x + bias)."""

    weight: torch.Tensor  # [W, W]
    bias: torch.Tensor | None  # [W]


@dataclass(frozen=True)
class MedusaHead:
    """Residual blocks, then a head over the vocabulary."""

    blocks: tuple[MedusaBlock, ...]
    output: torch.Tensor  # [V, W], or a row for each token of the map


@dataclass(frozen=True)
class MedusaWeights:
    """Head h guesses the token h + 1 places behind the one that was drawn."""

    heads: tuple[MedusaHead, ...]
    token_map: torch.Tensor | None = None  # int64, the target's token of each row of the outputs


def is_medusa(folder: Path, raw: Mapping[str, Any]) -> bool:
    """Whether a folder holds Medusa heads."""
    is_named = raw.get("model_type") == "medusa" or "medusa_num_heads" in raw
    return is_named or any((folder / name).is_file() for name in FILES)


def load_medusa(folder: Path) -> tuple[MedusaWeights, MedusaConfig]:
    """Read a published folder; the tensors keep their dtype and lie on the CPU.

    Raises:
        ModelLoadError: config.json or the tensors are missing, broken or at odds.
    """
    raw: Mapping[str, Any] = read_config(folder)
    files = read_tensor_files(folder, (*FILES, *LAYOUTS))
    files.rename(dict.fromkeys(PREFIXES, ""))
    is_original = not any(name.startswith("blocks.") for name in files.names)
    weights = _take_original(files) if is_original else _take_vllm(files)
    files.close()
    first = weights.heads[0]
    rows, hidden = first.output.shape
    config = MedusaConfig(
        vocab_size=rows if weights.token_map is None else _vocab_size(raw, folder),
        hidden_size=hidden,
        num_heads=len(weights.heads),
        num_layers=len(first.blocks),
        choices=_read_choices(raw, folder),
        base_model=str(raw.get("base_model_name_or_path", "")),
    )
    return weights, config


def save_medusa(folder: Path, weights: MedusaWeights, config: MedusaConfig) -> None:
    """Write a folder in the original format."""
    assert weights.token_map is None, "the original format has no map of tokens"
    folder.mkdir(parents=True, exist_ok=True)
    named: dict[str, torch.Tensor] = {}
    for h, head in enumerate(weights.heads):
        for number, block in enumerate(head.blocks):
            named[f"{h}.{number}.linear.weight"] = block.weight
            if block.bias is not None:
                named[f"{h}.{number}.linear.bias"] = block.bias
        named[f"{h}.{len(head.blocks)}.weight"] = head.output
    # The original repeats one block, which safetensors would refuse to write twice.
    copies = {name: one.detach().cpu().clone().contiguous() for name, one in named.items()}
    save_file(copies, folder / FILES[0], metadata={"format": "pt"})
    raw = {
        "base_model_name_or_path": config.base_model,
        "medusa_num_heads": config.num_heads,
        "medusa_num_layers": config.num_layers,
        "medusa_choices": [list(one) for one in config.choices],
        "hidden_size": config.hidden_size,
        "vocab_size": config.vocab_size,
    }
    (folder / "config.json").write_text(json.dumps(raw, indent=2) + "\n", encoding="utf-8")


def _take_original(files: TensorFiles) -> MedusaWeights:
    outputs = _numbered(files, r"(\d+)\.(\d+)\.weight")
    if not outputs or sorted(outputs) != list(range(len(outputs))):
        raise ModelLoadError(files.folder, f"holds the Medusa heads {sorted(outputs)}, not 0, 1, …")
    rows, hidden = files.shape(f"0.{outputs[0]}.weight")
    heads = []
    for h in range(len(outputs)):
        blocks: list[MedusaBlock] = []
        for number in range(outputs[h]):
            name = f"{h}.{number}.linear"
            if blocks and f"{name}.weight" not in files.names:
                blocks.append(blocks[0])  # the original repeats one block; some files hold it once
            else:
                blocks.append(_take_block(files, name, hidden))
        heads.append(
            MedusaHead(tuple(blocks), files.take(f"{h}.{outputs[h]}.weight", rows, hidden))
        )
    return MedusaWeights(tuple(heads))


def _take_vllm(files: TensorFiles) -> MedusaWeights:
    num_layers = _numbered(files, r"blocks\.(\d+)\.layers\.(\d+)\.weight")
    if sorted(num_layers) != list(range(len(num_layers))):
        raise ModelLoadError(
            files.folder, f"holds the Medusa heads {sorted(num_layers)}, not 0, 1, …"
        )
    token_map = None
    if "token_map" in files.names:
        token_map = files.take("token_map", *files.shape("token_map")).long()
    shared = "lm_head.weight" if "lm_head.weight" in files.names else "lm_heads.0.weight"
    rows, hidden = files.shape(shared)
    first = files.take(shared, rows, hidden)
    heads = []
    for h in range(len(num_layers)):
        blocks = [
            _take_block(files, f"blocks.{h}.layers.{number}", hidden)
            for number in range(num_layers[h] + 1)
        ]
        output = files.take_if_present(f"lm_heads.{h}.weight", rows, hidden)
        output = first if output is None else output
        if token_map is not None and rows > len(token_map):
            output = output[token_map]
        heads.append(MedusaHead(tuple(blocks), output))
    return MedusaWeights(tuple(heads), token_map)


def _numbered(files: TensorFiles, pattern: str) -> dict[int, int]:
    """The largest second number of the names that fit, by their first."""
    found: dict[int, int] = {}
    for name in files.names:
        match = re.fullmatch(pattern, name)
        if match:
            first, second = int(match[1]), int(match[2])
            found[first] = max(found.get(first, 0), second)
    return found


def _take_block(files: TensorFiles, name: str, hidden: int) -> MedusaBlock:
    return MedusaBlock(
        files.take(f"{name}.weight", hidden, hidden), files.take_if_present(f"{name}.bias", hidden)
    )


def _vocab_size(raw: Mapping[str, Any], folder: Path) -> int:
    if not isinstance(raw.get("vocab_size"), int):
        raise ModelLoadError(folder, "has a token_map, but config.json names no vocab_size")
    return int(raw["vocab_size"])


def _read_choices(raw: Mapping[str, Any], folder: Path) -> Choices:
    """The folder's own tree, else the original's; parents before children.

    Raises:
        ModelLoadError: it is no list of paths, or a path's parent is not among them.
    """
    named = raw.get("medusa_choices")
    if named is None:
        return DEFAULT_CHOICES
    try:
        paths = {tuple(int(rank) for rank in path) for path in named}
    except (TypeError, ValueError) as error:
        raise ModelLoadError(folder, f"medusa_choices is no list of paths: {error}") from error
    if not paths:
        raise ModelLoadError(folder, "medusa_choices names no path")
    for path in paths:
        if not path or min(path) < 0 or (len(path) > 1 and path[:-1] not in paths):
            raise ModelLoadError(folder, f"medusa_choices: nothing leads to the path {list(path)}")
    return tuple(sorted(paths, key=lambda path: (len(path), path)))
