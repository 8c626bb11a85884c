"""Models of transformers over our cache, one tiny random checkpoint for every way to attend."""

from pathlib import Path
from typing import Any

import pytest
import torch
import transformers
from transformers import PreTrainedModel

from inference import ModelLoadError
from inference.model.adapter import AdaptedModel
from inference.model.attention_hook import Unadaptable
from inference.model.loading import load_model
from inference.model.self_check import SelfCheck
from tests.inference.model.parity import VOCAB, check_parity, save_random
from tests.inference.model.shapes import LONG, SHAPE

CPU = torch.device("cpu")
HALF_WINDOWED: dict[str, Any] = {
    "sliding_window": 11,
    "layer_types": ["sliding_attention", "full_attention"],
}
EXPERTS: dict[str, Any] = {"num_experts_per_tok": 2, "moe_intermediate_size": 48}
GPT2: dict[str, Any] = {
    "vocab_size": VOCAB, "n_embd": 64, "n_layer": 2, "n_head": 4, "n_positions": 256,
    "bos_token_id": 96, "eos_token_id": 96,
}  # fmt: skip
LATENT: dict[str, Any] = {
    "num_key_value_heads": 4, "kv_lora_rank": 16, "q_lora_rank": 24, "qk_nope_head_dim": 16,
    "qk_rope_head_dim": 8, "v_head_dim": 12, "n_routed_experts": 4, "n_shared_experts": 1,
    "n_group": 2, "topk_group": 1, "first_k_dense_replace": 1,
}  # fmt: skip

CASES: dict[str, tuple[str, dict[str, Any]]] = {
    "gemma": ("GemmaForCausalLM", {**SHAPE, "head_dim": 32}),
    "gemma2": (
        "Gemma2ForCausalLM",
        {**SHAPE, **HALF_WINDOWED, "head_dim": 16, "attn_logit_softcapping": 5.0},
    ),
    "gemma3": ("Gemma3ForCausalLM", {**SHAPE, **HALF_WINDOWED, "head_dim": 16}),
    "phi": ("PhiForCausalLM", SHAPE),
    "phi3-longrope": (
        "Phi3ForCausalLM",
        {
            **SHAPE,
            "pad_token_id": 0,
            "rope_parameters": LONG,
            "original_max_position_embeddings": 128,
        },
    ),
    "olmo2": ("Olmo2ForCausalLM", {**SHAPE, "pad_token_id": 0}),
    "stablelm": ("StableLmForCausalLM", SHAPE),
    "cohere2": ("Cohere2ForCausalLM", {**SHAPE, **HALF_WINDOWED, "pad_token_id": 0}),
    "gpt-neox": ("GPTNeoXForCausalLM", SHAPE),
    "gpt2": ("GPT2LMHeadModel", GPT2),
    "opt": (
        "OPTForCausalLM",
        {**SHAPE, "ffn_dim": 96, "word_embed_proj_dim": 32, "pad_token_id": 1},
    ),
    "starcoder2": ("Starcoder2ForCausalLM", {**SHAPE, "sliding_window": 9}),
    "mixtral": ("MixtralForCausalLM", {**SHAPE, "num_local_experts": 4}),
    "qwen3-moe": ("Qwen3MoeForCausalLM", {**SHAPE, **EXPERTS, "num_experts": 4}),
    "deepseek-v3": ("DeepseekV3ForCausalLM", {**SHAPE, **EXPERTS, **LATENT}),
    "granite-4-without-mamba": (
        "GraniteMoeHybridForCausalLM",
        {
            **SHAPE,
            "num_local_experts": 0,
            "shared_intermediate_size": 96,
            "layer_types": ["full_attention"] * 2,
        },
    ),
    "gpt-oss": (
        "GptOssForCausalLM",
        {
            **SHAPE,
            **HALF_WINDOWED,
            "num_local_experts": 4,
            "rope_parameters": {"rope_type": "default"},
        },
    ),
    "gpt-bigcode-many-heads": ("GPTBigCodeForCausalLM", {**GPT2, "multi_query": False}),
    "llama-gelu": ("LlamaForCausalLM", {**SHAPE, "hidden_act": "gelu"}),
}


def save(architecture: str, settings: dict[str, Any], folder: Path) -> PreTrainedModel:
    model_class: type[PreTrainedModel] = getattr(transformers, architecture)
    assert model_class.config_class is not None
    return save_random(model_class, model_class.config_class(**settings), folder)


@pytest.mark.parametrize("name", CASES)
def test_answers_are_those_of_transformers(name: str, tmp_path: Path) -> None:
    theirs = save(*CASES[name], tmp_path)
    assert isinstance(load_model(tmp_path, torch.float32, CPU), AdaptedModel)

    check_parity(theirs, tmp_path)


@pytest.mark.parametrize("dtype", [torch.bfloat16, torch.float64])
@pytest.mark.parametrize("name", ["gemma2", "mixtral"])
def test_other_types_pass_the_check_at_load(name: str, dtype: torch.dtype, tmp_path: Path) -> None:
    save(*CASES[name], tmp_path)

    assert load_model(tmp_path, dtype, CPU).config.num_layers == 2


def test_longrope_ends_where_its_angles_would_turn(tmp_path: Path) -> None:
    save(*CASES["phi3-longrope"], tmp_path)

    assert load_model(tmp_path, torch.float32, CPU).config.max_model_len == 128


def test_what_attends_otherwise_is_refused_at_load(tmp_path: Path) -> None:
    cases: dict[str, tuple[dict[str, Any], str]] = {
        "BloomForCausalLM": (
            {"vocab_size": VOCAB, "hidden_size": 64, "n_layer": 2, "n_head": 4},
            "0 of its 2 layers attend through transformers' attention interface",
        ),
        "DogeForCausalLM": (SHAPE, "its layers change their masks"),
        "DiffLlamaForCausalLM": (SHAPE, "its layer 0 attends more than once"),
        "Llama4ForCausalLM": (
            {**SHAPE, "attention_chunk_size": 16, "intermediate_size_mlp": 64},
            "its mask is neither causal nor a sliding window",
        ),
        "BertLMHeadModel": (
            {**SHAPE, "max_position_embeddings": 64},
            "its mask is neither causal nor a sliding window",
        ),
    }
    for architecture, (settings, sentence) in cases.items():
        folder = tmp_path / architecture
        save(architecture, settings, folder)

        with pytest.raises(ModelLoadError, match=f"{architecture} is not supported: {sentence}"):
            load_model(folder, torch.float32, CPU)


@torch.inference_mode()
def test_logits_unlike_those_of_transformers_fail_the_check(tmp_path: Path) -> None:
    theirs = save("LlamaForCausalLM", SHAPE, tmp_path)
    ours = load_model(tmp_path, torch.float32, CPU)
    check = SelfCheck(VOCAB, CPU)
    expected = [theirs(ids[None]).logits[0] for ids in check.ids]

    check.compare(ours, ours.config, torch.float32, expected)
    expected[0][:, 5] += 1.0  # one logit of a hundred, in the longer sequence
    with pytest.raises(Unadaptable, match=r"its logits differ by \d+\.\d% of their size"):
        check.compare(ours, ours.config, torch.float32, expected)


def test_missing_weights_are_not_made_up(tmp_path: Path) -> None:
    save("PhiForCausalLM", {**SHAPE, "num_hidden_layers": 1}, tmp_path)
    config = transformers.PhiConfig(**SHAPE)
    config.architectures = ["PhiForCausalLM"]
    config.save_pretrained(tmp_path)

    with pytest.raises(
        ModelLoadError, match=r"lacks \d+ tensors of a PhiForCausalLM: model.layers"
    ):
        load_model(tmp_path, torch.float32, CPU)
