"""The architectures our own decoder runs: one function each, from config.json to its switches.

Where a file is silent, the defaults are those of transformers. A checkpoint with
a switch that the decoder does not have goes through the adapter.
"""

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import Any, Final

from inference.errors import ModelLoadError
from inference.model.config import DecoderConfig, Description
from inference.model.rope import read_rope


@dataclass(frozen=True)
class WeightNames:
    """Where a family keeps its tensors; `{}` is the layer's index, biases are found beside."""

    embedding: str = "model.embed_tokens"
    positions: str = ""
    norm: str = "model.norm"
    head: str = "lm_head"
    norm_in: str = "model.layers.{}.input_layernorm"
    qkv: tuple[str, ...] = tuple(f"model.layers.{{}}.self_attn.{one}_proj" for one in "qkv")
    q_norm: str = "model.layers.{}.self_attn.q_norm"
    k_norm: str = "model.layers.{}.self_attn.k_norm"
    out: str = "model.layers.{}.self_attn.o_proj"
    norm_mid: str = "model.layers.{}.post_attention_layernorm"
    up: tuple[str, ...] = ("model.layers.{}.mlp.gate_proj", "model.layers.{}.mlp.up_proj")
    down: str = "model.layers.{}.mlp.down_proj"


BIGCODE_NAMES: Final = WeightNames(
    embedding="transformer.wte",
    positions="transformer.wpe",
    norm="transformer.ln_f",
    norm_in="transformer.h.{}.ln_1",
    qkv=("transformer.h.{}.attn.c_attn",),
    out="transformer.h.{}.attn.c_proj",
    norm_mid="transformer.h.{}.ln_2",
    up=("transformer.h.{}.mlp.c_fc",),
    down="transformer.h.{}.mlp.c_proj",
)


@dataclass(frozen=True)
class Family:
    """How a family's config.json is read and what its tensors are called."""

    read: Callable[[Description], DecoderConfig]
    names: WeightNames


def read_native(description: Description) -> tuple[DecoderConfig, WeightNames] | None:
    """The switches of a checkpoint; None if it is not for our decoder.

    Raises:
        ModelLoadError: config.json lacks or garbles a field.
    """
    family = FAMILIES.get(description.architecture)
    if family is None:
        return None
    try:
        return family.read(description), family.names
    except _NotOurs:
        return None
    except (KeyError, TypeError, ValueError) as error:
        path = description.folder / "config.json"
        raise ModelLoadError(path, f"lacks or garbles a field: {error!r}") from error


class _NotOurs(Exception):
    """The checkpoint uses something that our decoder does not have."""


def _llama(description: Description) -> DecoderConfig:
    raw = description.raw
    if raw.get("hidden_act", "silu") not in ("silu", "swish"):
        raise _NotOurs
    hidden, heads = int(raw["hidden_size"]), int(raw["num_attention_heads"])
    head_dim = int(raw.get("head_dim") or hidden // heads)
    rope = read_rope(raw, head_dim)
    if rope is None:
        raise _NotOurs
    num_layers = int(raw["num_hidden_layers"])
    has_bias = bool(raw.get("attention_bias", False))
    return DecoderConfig(
        architecture=description.architecture,
        vocab_size=int(raw["vocab_size"]),
        hidden_size=hidden,
        num_layers=num_layers,
        num_kv_heads=int(raw.get("num_key_value_heads") or heads),
        head_dim=head_dim,
        max_model_len=rope.max_len,
        eos_token_ids=description.eos_token_ids,
        fingerprint=description.fingerprint,
        num_heads=heads,
        intermediate_size=int(raw["intermediate_size"]),
        norm="rms",
        norm_eps=float(raw.get("rms_norm_eps", 1e-6)),
        rope=rope,
        windows=(None,) * num_layers,
        mlp="swiglu",
        has_qkv_bias=has_bias,
        has_out_bias=has_bias,
        has_mlp_bias=bool(raw.get("mlp_bias", False)),
        has_qk_norm=False,
        attention_scale=1.0 / math.sqrt(head_dim),
        embedding_multiplier=1.0,
        residual_multiplier=1.0,
        logits_divisor=1.0,
        tie_word_embeddings=bool(raw.get("tie_word_embeddings", False)),
    )


def _mistral(description: Description) -> DecoderConfig:
    config = _llama(description)
    window = description.raw.get("sliding_window", 4096)
    return replace(
        config,
        windows=(None if window is None else int(window),) * config.num_layers,
        has_qkv_bias=False,
        has_out_bias=False,
        has_mlp_bias=False,
    )


def _qwen2(description: Description) -> DecoderConfig:
    config = _llama(description)
    return replace(
        config,
        windows=_qwen_windows(description.raw, config.num_layers),
        has_qkv_bias=True,
        has_out_bias=False,
        has_mlp_bias=False,
    )


def _qwen3(description: Description) -> DecoderConfig:
    raw = {"head_dim": 128, **description.raw}
    config = _llama(replace(description, raw=raw))
    return replace(
        config,
        windows=_qwen_windows(raw, config.num_layers),
        has_mlp_bias=False,
        has_qk_norm=True,
    )


def _qwen_windows(raw: Mapping[str, Any], num_layers: int) -> tuple[int | None, ...]:
    if not raw.get("use_sliding_window", False) or raw.get("sliding_window", 4096) is None:
        return (None,) * num_layers
    window, first = int(raw.get("sliding_window", 4096)), int(raw.get("max_window_layers", 28))
    kinds = raw.get("layer_types")
    if kinds is None:
        return tuple(window if index >= first else None for index in range(num_layers))
    if len(kinds) != num_layers or not set(kinds) <= {"sliding_attention", "full_attention"}:
        raise _NotOurs
    return tuple(window if kind == "sliding_attention" else None for kind in kinds)


def _granite(description: Description) -> DecoderConfig:
    raw = description.raw
    return replace(
        _llama(description),
        attention_scale=float(raw.get("attention_multiplier", 1.0)),
        embedding_multiplier=float(raw.get("embedding_multiplier", 1.0)),
        residual_multiplier=float(raw.get("residual_multiplier", 1.0)),
        logits_divisor=float(raw.get("logits_scaling", 1.0)),
    )


def _gpt_bigcode(description: Description) -> DecoderConfig:
    raw = description.raw
    # gelu_new is the older name of the same formula; without multi_query the fused rows of c_attn
    # lie in another order.
    has_gelu = raw.get("activation_function") in (None, "gelu_pytorch_tanh", "gelu_new")
    if not has_gelu or not raw.get("multi_query", True) or raw.get("add_cross_attention", False):
        raise _NotOurs
    hidden, heads, num_layers = int(raw["n_embd"]), int(raw["n_head"]), int(raw["n_layer"])
    head_dim = hidden // heads
    is_scaled = raw.get("scale_attn_weights", True)
    return DecoderConfig(
        architecture=description.architecture,
        vocab_size=int(raw["vocab_size"]),
        hidden_size=hidden,
        num_layers=num_layers,
        num_kv_heads=1,
        head_dim=head_dim,
        max_model_len=int(raw["n_positions"]),
        eos_token_ids=description.eos_token_ids,
        fingerprint=description.fingerprint,
        num_heads=heads,
        intermediate_size=int(raw.get("n_inner") or 4 * hidden),
        norm="layer",
        norm_eps=float(raw.get("layer_norm_epsilon", 1e-5)),
        rope=None,
        windows=(None,) * num_layers,
        mlp="gelu",
        has_qkv_bias=True,
        has_out_bias=True,
        has_mlp_bias=True,
        has_qk_norm=False,
        attention_scale=1.0 / math.sqrt(head_dim) if is_scaled else 1.0,
        embedding_multiplier=1.0,
        residual_multiplier=1.0,
        logits_divisor=1.0,
        tie_word_embeddings=bool(raw.get("tie_word_embeddings", True)),
    )


FAMILIES: Final = {
    "LlamaForCausalLM": Family(_llama, WeightNames()),
    "MistralForCausalLM": Family(_mistral, WeightNames()),
    "Qwen2ForCausalLM": Family(_qwen2, WeightNames()),
    "Qwen3ForCausalLM": Family(_qwen3, WeightNames()),
    "GraniteForCausalLM": Family(_granite, WeightNames()),
    "GPTBigCodeForCausalLM": Family(_gpt_bigcode, BIGCODE_NAMES),
}
