"""What the engine needs to know of a checkpoint, read from its config.json."""

import hashlib
import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from inference.errors import ModelLoadError

LLAMA_LIKE = {"LlamaForCausalLM", "MistralForCausalLM"}


@dataclass(frozen=True)
class ModelConfig:
    """A decoder of the Llama family; widths in elements, one field per switch."""

    vocab_size: int
    hidden_size: int
    intermediate_size: int
    num_layers: int
    num_heads: int
    num_kv_heads: int
    head_dim: int
    rms_norm_eps: float
    rope_theta: float
    max_model_len: int
    tie_word_embeddings: bool
    eos_token_ids: tuple[int, ...]
    fingerprint: str


def read_config(folder: Path) -> ModelConfig:
    """Read `config.json` of a checkpoint folder.

    Raises:
        ModelLoadError: the file is missing or broken, or names a model this engine cannot run.
    """
    path = folder / "config.json"
    try:
        text = path.read_text(encoding="utf-8")
        raw: dict[str, Any] = json.loads(text)
    except (OSError, ValueError) as error:
        raise ModelLoadError(str(path), f"cannot be read: {error}") from error
    architecture = (raw.get("architectures") or ["unnamed"])[0]
    if architecture not in LLAMA_LIKE:
        known = ", ".join(sorted(LLAMA_LIKE))
        raise ModelLoadError(str(path), f"{architecture} is not supported; supported: {known}")
    try:
        return _from_llama(raw, text, folder)
    except (KeyError, TypeError, ValueError) as error:
        raise ModelLoadError(str(path), f"lacks or garbles a field: {error!r}") from error


def _from_llama(raw: dict[str, Any], text: str, folder: Path) -> ModelConfig:
    rope = raw.get("rope_parameters") or raw.get("rope_scaling") or {}
    kind = rope.get("rope_type", rope.get("type", "default"))
    if kind != "default":
        raise ValueError(f"rotary scaling {kind!r}")
    if raw.get("attention_bias") or raw.get("mlp_bias"):
        raise ValueError("biases in attention or MLP")
    if raw.get("hidden_act", "silu") != "silu":
        raise ValueError(f"activation {raw['hidden_act']!r}")
    window = raw.get("sliding_window")
    longest = int(raw["max_position_embeddings"])
    num_heads = int(raw["num_attention_heads"])
    return ModelConfig(
        vocab_size=int(raw["vocab_size"]),
        hidden_size=int(raw["hidden_size"]),
        intermediate_size=int(raw["intermediate_size"]),
        num_layers=int(raw["num_hidden_layers"]),
        num_heads=num_heads,
        num_kv_heads=int(raw.get("num_key_value_heads") or num_heads),
        head_dim=int(raw.get("head_dim") or int(raw["hidden_size"]) // num_heads),
        rms_norm_eps=float(raw.get("rms_norm_eps", 1e-6)),
        rope_theta=float(rope.get("rope_theta", raw.get("rope_theta", 10_000.0))),
        # Full attention equals a sliding window as long as nothing is older than the window.
        max_model_len=min(longest, int(window)) if window else longest,
        tie_word_embeddings=bool(raw.get("tie_word_embeddings", False)),
        eos_token_ids=_eos(raw, folder),
        fingerprint=_fingerprint(text, folder),
    )


def _eos(raw: dict[str, Any], folder: Path) -> tuple[int, ...]:
    generation = folder / "generation_config.json"
    named = raw.get("eos_token_id")
    if generation.is_file():
        named = json.loads(generation.read_text(encoding="utf-8")).get("eos_token_id", named)
    if named is None:
        return ()
    return tuple(named) if isinstance(named, list) else (int(named),)


def _fingerprint(text: str, folder: Path) -> str:
    """A name for these weights: the configuration and every weight file's size and first 64 KiB."""
    digest = hashlib.sha256(text.encode())
    for path in sorted(folder.glob("*.safetensors")):
        with path.open("rb") as file:
            digest.update(f"{path.name} {path.stat().st_size} ".encode() + file.read(1 << 16))
    return digest.hexdigest()[:16]
