"""What the engine needs to know of a checkpoint, read from its config.json."""

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from inference.errors import ModelLoadError
from inference.model.rope import Rope


@dataclass(frozen=True, kw_only=True)
class ModelConfig:
    """What the engine asks of any model; widths in elements."""

    architecture: str
    vocab_size: int
    hidden_size: int
    num_layers: int
    """Layers that keep keys and values."""
    num_kv_heads: int
    head_dim: int
    max_model_len: int
    eos_token_ids: tuple[int, ...]
    fingerprint: str


@dataclass(frozen=True, kw_only=True)
class DecoderConfig(ModelConfig):
    """A model that our own decoder runs: one field per switch."""

    num_heads: int
    intermediate_size: int
    norm: Literal["rms", "layer"]
    norm_eps: float
    rope: Rope | None
    """None for a learned table of positions."""
    windows: tuple[int | None, ...]
    """How many positions each layer sees back, a row's own included; None for all."""
    mlp: Literal["swiglu", "gelu"]
    has_qkv_bias: bool
    has_out_bias: bool
    has_mlp_bias: bool
    has_qk_norm: bool
    attention_scale: float
    embedding_multiplier: float
    residual_multiplier: float
    logits_divisor: float
    tie_word_embeddings: bool


@dataclass(frozen=True)
class Description:
    """A checkpoint's config.json, and what every architecture has in common."""

    folder: Path
    raw: Mapping[str, Any]
    architecture: str
    eos_token_ids: tuple[int, ...]
    fingerprint: str


def describe(folder: Path) -> Description:
    """Read `config.json` of a checkpoint folder.

    Raises:
        ModelLoadError: the file is missing or broken, or the weights are quantized.
    """
    path = folder / "config.json"
    try:
        text = path.read_text(encoding="utf-8")
        raw = json.loads(text)
        eos = _eos(raw, folder)
    except (OSError, ValueError, AttributeError) as error:
        raise ModelLoadError(path, f"cannot be read: {error}") from error
    quantization = raw.get("quantization_config")
    if quantization:
        method = quantization.get("quant_method", "an unnamed method")
        raise ModelLoadError(
            path, f"the weights are quantized by {method}; only plain ones are run"
        )
    architectures = raw.get("architectures") or []
    if len(architectures) != 1:
        raise ModelLoadError(path, f"names {len(architectures)} architectures, one is needed")
    return Description(
        folder=folder,
        raw=raw,
        architecture=str(architectures[0]),
        eos_token_ids=eos,
        fingerprint=_fingerprint(text, folder),
    )


def _eos(raw: Mapping[str, Any], folder: Path) -> tuple[int, ...]:
    generation = folder / "generation_config.json"
    named = raw.get("eos_token_id")
    if generation.is_file():
        named = json.loads(generation.read_text(encoding="utf-8")).get("eos_token_id", named)
    if named is None:
        return ()
    return tuple(named) if isinstance(named, list) else (int(named),)


def _fingerprint(text: str, folder: Path) -> str:
    """A name for these weights and this vocabulary.

    Of the configuration, the tokenizer, and every weight file's size and first 64 KiB.
    """
    digest = hashlib.sha256(text.encode())
    vocabulary = folder / "tokenizer.json"
    if vocabulary.is_file():
        digest.update(hashlib.sha256(vocabulary.read_bytes()).digest())
    for path in sorted(folder.glob("*.safetensors")):
        with path.open("rb") as file:
            digest.update(f"{path.name} {path.stat().st_size} ".encode() + file.read(1 << 16))
    return digest.hexdigest()[:16]
