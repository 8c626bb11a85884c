"""EAGLE heads on disk: EAGLE 1 (2 has the same weights) and EAGLE 3, as their authors and
vllm-project/speculators publish them.

Sources: EAGLE `eagle/model/cnets1.py` and `cnets.py`, vLLM `models/llama_eagle.py` and
`llama_eagle3.py`, speculators `models/eagle.py` and `models/eagle3/core.py`. What a file may or may
not have (norms, biases, an embedding, a head) is told by its tensors.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch

from inference.errors import ModelLoadError
from inference.model.rope import Rope, read_rope
from inference.speculation.tensor_files import (
    TensorFiles,
    read_config,
    read_tensor_files,
    tensor_names,
)

# Other names of the same tensors. EAGLE 1 of speculators norms before its head, EAGLE 3 always.
PREFIXES = {
    "midlayer.": "layer.",
    "layers.0.": "layer.",
    "transformer.": "layer.",
    "fusion_fc.": "fc.",
    "pre_lm_head_layernorm.": "norm.",
    "embedding_layernorm.": "embedding_norm.",
    "hidden_states_layernorm.": "state_norm.",
    "input_norm.": "aux_norm.",
}
# The target's own norm and head, or its buffers, which some files carry along.
IGNORED = ("t2d", "rotary_emb.inv_freq", "verifier_norm.weight", "verifier_lm_head.weight")


@dataclass(frozen=True, kw_only=True)
class EagleConfig:
    """The shape of an EAGLE head: one decoder layer and what stands around it."""

    is_third: bool
    """EAGLE 3: reads states of several layers of the target instead of the last."""
    vocab_size: int
    hidden_size: int
    target_hidden_size: int
    num_heads: int
    num_kv_heads: int
    head_dim: int
    intermediate_size: int
    norm_eps: float
    rope: Rope
    aux_layer_ids: tuple[int, ...] | None
    """Layers of the target whose input is read; None for EAGLE 3's own choice."""
    is_residual_normed: bool
    is_output_normed: bool
    """Whether the next guess reads the state behind the last norm."""


@dataclass(frozen=True)
class EagleNorms:
    """The root-mean-square norms of an EAGLE head; what a file lacks is not normed."""

    aux: torch.Tensor | None  # [number of aux layers * W], of the target's states together
    each_aux: tuple[torch.Tensor, ...]  # one [W] for each aux layer, or none at all
    embedding: torch.Tensor | None  # [d], of the token
    state: torch.Tensor | None  # [d], of the state that meets it
    layer: torch.Tensor | None  # [d], of both behind their fusion, before attention
    middle: torch.Tensor  # [d]
    out: torch.Tensor | None  # [d]
    query: torch.Tensor | None  # [D]
    key: torch.Tensor | None  # [D]


@dataclass(frozen=True)
class EagleWeights:
    """The tensors of an EAGLE head; d is its width, E what its attention reads: d or 2 d."""

    fusion: torch.Tensor  # [d, 2 d], in EAGLE 3 [d, number of aux layers * W]
    fusion_bias: torch.Tensor | None
    qkv: torch.Tensor  # [(H + 2 G) D, E]
    qkv_bias: torch.Tensor | None
    out: torch.Tensor  # [d, H D]
    out_bias: torch.Tensor | None
    gate_up: torch.Tensor  # [2 M, d]
    down: torch.Tensor  # [d, M]
    norms: EagleNorms
    embedding: torch.Tensor | None  # [V, d]; None for the target's
    head: torch.Tensor | None  # [draft vocabulary, d]; None for the target's
    token_map: torch.Tensor | None  # int64, the target's token of each row of the head


def is_eagle(folder: Path, raw: Mapping[str, Any]) -> bool:
    """Whether a folder holds an EAGLE head; its config.json may be that of any Llama."""
    if raw.get("speculators_model_type") in ("eagle", "eagle3"):
        return True
    return not tensor_names(folder).isdisjoint(("fc.weight", "model.fc.weight", "fusion_fc.weight"))


def load_eagle(folder: Path) -> tuple[EagleWeights, EagleConfig]:
    """Read a published folder; the tensors keep their dtype and lie on the CPU.

    Raises:
        ModelLoadError: config.json or the tensors are missing, broken, at odds, or need something
            that is not run here.
    """
    files = read_tensor_files(folder)
    files.rename({"model.": ""})
    files.rename(PREFIXES)
    config = _read_config(folder, is_third="layer.hidden_norm.weight" in files.names)
    weights = _take(files, config)
    files.close(IGNORED)
    return weights, config


def _read_config(folder: Path, is_third: bool) -> EagleConfig:
    raw: Mapping[str, Any] = read_config(folder)
    layer: Mapping[str, Any] = raw.get("transformer_layer_config") or raw.get("model") or raw
    own = {**raw, **(raw.get("eagle_config") or {})}
    try:
        config = _config(layer, own, is_third, folder)
        num_layers = int(layer.get("num_hidden_layers", 1))
    except (KeyError, TypeError, ValueError) as error:
        raise ModelLoadError(
            folder / "config.json", f"lacks or garbles a field: {error!r}"
        ) from error
    if num_layers != 1:
        raise ModelLoadError(folder, f"an EAGLE head of {num_layers} layers; only 1 is run")
    if layer.get("hidden_act", "silu") not in ("silu", "swish"):
        raise ModelLoadError(folder, f"hidden_act {layer['hidden_act']}; only silu is run")
    return config


def _config(
    layer: Mapping[str, Any], own: Mapping[str, Any], is_third: bool, folder: Path
) -> EagleConfig:
    hidden, heads = int(layer["hidden_size"]), int(layer["num_attention_heads"])
    head_dim = int(layer.get("head_dim") or hidden // heads)
    rope = read_rope({"max_position_embeddings": 2048, **layer}, head_dim)
    if rope is None:
        raise ModelLoadError(folder, "rotates parts of heads, which is not run here")
    aux = own.get("eagle_aux_hidden_state_layer_ids")
    return EagleConfig(
        is_third=is_third,
        vocab_size=int(layer["vocab_size"]),
        hidden_size=hidden,
        target_hidden_size=int(own.get("target_hidden_size") or hidden),
        num_heads=heads,
        num_kv_heads=int(layer.get("num_key_value_heads") or heads),
        head_dim=head_dim,
        intermediate_size=int(layer["intermediate_size"]),
        norm_eps=float(layer.get("rms_norm_eps", 1e-6)),
        rope=rope,
        aux_layer_ids=None if aux is None else tuple(int(one) for one in aux),
        is_residual_normed=bool(own.get("norm_before_residual", False)),
        is_output_normed=bool(own.get("norm_output", False)),
    )


def _take(files: TensorFiles, config: EagleConfig) -> EagleWeights:
    hidden, width = config.hidden_size, config.head_dim
    entering = 2 * hidden if config.is_third else hidden
    fused = files.shape("fc.weight")[-1] if config.is_third else 2 * hidden
    rows = [config.num_heads * width, *[config.num_kv_heads * width] * 2]
    names = [f"layer.self_attn.{one}_proj" for one in "qkv"]
    qkv = [files.take(f"{name}.weight", n, entering) for name, n in zip(names, rows, strict=True)]
    middle = [f"layer.mlp.{one}_proj.weight" for one in ("gate", "up")]
    head, token_map = _take_head(files, config)
    return EagleWeights(
        fusion=files.take("fc.weight", hidden, fused),
        fusion_bias=files.take_if_present("fc.bias", hidden),
        qkv=torch.cat(qkv),
        qkv_bias=_take_biases(files, names, rows),
        out=files.take("layer.self_attn.o_proj.weight", hidden, rows[0]),
        out_bias=files.take_if_present("layer.self_attn.o_proj.bias", hidden),
        gate_up=torch.cat([files.take(one, config.intermediate_size, hidden) for one in middle]),
        down=files.take("layer.mlp.down_proj.weight", hidden, config.intermediate_size),
        norms=_take_norms(files, config, fused),
        embedding=files.take_if_present("embed_tokens.weight", config.vocab_size, hidden),
        head=head,
        token_map=token_map,
    )


def _take_norms(files: TensorFiles, config: EagleConfig, fused: int) -> EagleNorms:
    hidden, width = config.hidden_size, config.head_dim
    each_aux = [f"fc_norm.{place}.weight" for place in range(fused // config.target_hidden_size)]
    # In EAGLE 3 the layer norms token and state apart; the files call the token's norm as Llama
    # calls that of a whole layer.
    embedding, state, layer = "embedding_norm", "state_norm", "layer.input_layernorm"
    if config.is_third:
        embedding, state, layer = "layer.input_layernorm", "layer.hidden_norm", "(none)"
    return EagleNorms(
        aux=files.take_if_present("aux_norm.weight", fused),
        each_aux=tuple(
            files.take(name, config.target_hidden_size)
            for name in each_aux
            if not files.names.isdisjoint(each_aux)
        ),
        embedding=files.take_if_present(f"{embedding}.weight", hidden),
        state=files.take_if_present(f"{state}.weight", hidden),
        layer=files.take_if_present(f"{layer}.weight", hidden),
        middle=files.take("layer.post_attention_layernorm.weight", hidden),
        out=files.take_if_present("norm.weight", hidden),
        query=files.take_if_present("layer.self_attn.q_norm.weight", width),
        key=files.take_if_present("layer.self_attn.k_norm.weight", width),
    )


def _take_biases(files: TensorFiles, names: list[str], rows: list[int]) -> torch.Tensor | None:
    found = [
        files.take_if_present(name + ".bias", count)
        for name, count in zip(names, rows, strict=True)
    ]
    biases = [one for one in found if one is not None]
    if biases and len(biases) < len(found):
        raise ModelLoadError(files.folder, "has biases for some of q_proj, k_proj, v_proj only")
    return torch.cat(biases) if biases else None


def _take_head(
    files: TensorFiles, config: EagleConfig
) -> tuple[torch.Tensor | None, torch.Tensor | None]:
    """The head and the target's token of each of its rows; d2t holds the distances to it."""
    if "lm_head.weight" not in files.names:
        return None, None
    rows = files.shape("lm_head.weight")[0]
    head = files.take("lm_head.weight", rows, config.hidden_size)
    offsets = files.take_if_present("d2t", rows)
    if offsets is None:
        if rows != config.vocab_size:
            raise ModelLoadError(
                files.folder,
                f"its head knows {rows} of {config.vocab_size} tokens, but d2t is not there",
            )
        return head, None
    token_map = torch.arange(rows) + offsets.long()
    if not 0 <= int(token_map.min()) <= int(token_map.max()) < config.vocab_size:
        raise ModelLoadError(
            files.folder,
            f"d2t leads to tokens {int(token_map.min())} to {int(token_map.max())} of a "
            f"vocabulary of {config.vocab_size}",
        )
    return head, token_map
