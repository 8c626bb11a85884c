"""Our decoder against transformers' classes, one tiny random checkpoint for every switch."""

from pathlib import Path

import pytest
import torch
from transformers import (
    GPTBigCodeConfig,
    GPTBigCodeForCausalLM,
    GraniteConfig,
    GraniteForCausalLM,
    LlamaConfig,
    LlamaForCausalLM,
    MistralConfig,
    MistralForCausalLM,
    PretrainedConfig,
    PreTrainedModel,
    Qwen2Config,
    Qwen2ForCausalLM,
    Qwen3Config,
    Qwen3ForCausalLM,
)

from inference.model.decoder import Decoder
from inference.model.loading import load_model
from tests.inference.model.parity import VOCAB, check_parity, save_random
from tests.inference.model.shapes import DYNAMIC, LINEAR, LLAMA3, LONG, SHAPE, YARN

CASES: dict[str, tuple[type[PreTrainedModel], PretrainedConfig]] = {
    "llama": (LlamaForCausalLM, LlamaConfig(**SHAPE)),
    "llama-biases": (
        LlamaForCausalLM,
        LlamaConfig(**SHAPE, attention_bias=True, mlp_bias=True, tie_word_embeddings=True),
    ),
    "llama-wide-heads": (LlamaForCausalLM, LlamaConfig(**SHAPE, head_dim=32)),
    "llama-llama3": (LlamaForCausalLM, LlamaConfig(**SHAPE, rope_parameters=LLAMA3)),
    "llama-yarn": (LlamaForCausalLM, LlamaConfig(**SHAPE, rope_parameters=YARN)),
    "llama-linear": (LlamaForCausalLM, LlamaConfig(**SHAPE, rope_parameters=LINEAR)),
    "llama-dynamic": (LlamaForCausalLM, LlamaConfig(**SHAPE, rope_parameters=DYNAMIC)),
    "llama-longrope": (LlamaForCausalLM, LlamaConfig(**SHAPE, rope_parameters=LONG)),
    "mistral": (MistralForCausalLM, MistralConfig(**SHAPE, sliding_window=None)),
    "mistral-window": (MistralForCausalLM, MistralConfig(**SHAPE, sliding_window=11)),
    "qwen2": (Qwen2ForCausalLM, Qwen2Config(**SHAPE, tie_word_embeddings=True)),
    "qwen2-half-windowed": (
        Qwen2ForCausalLM,
        Qwen2Config(**SHAPE, use_sliding_window=True, sliding_window=7, max_window_layers=1),
    ),
    "qwen3": (Qwen3ForCausalLM, Qwen3Config(**SHAPE, head_dim=32)),
    "granite": (
        GraniteForCausalLM,
        GraniteConfig(
            **SHAPE,
            embedding_multiplier=3.0,
            attention_multiplier=0.2,
            residual_multiplier=0.5,
            logits_scaling=2.5,
        ),
    ),
    "gpt-bigcode": (
        GPTBigCodeForCausalLM,
        GPTBigCodeConfig(
            vocab_size=VOCAB, n_embd=64, n_layer=2, n_head=4, n_positions=256, eos_token_id=96
        ),
    ),
}


@pytest.mark.parametrize("is_native", [False, True], ids=["torch", "native"])
@pytest.mark.parametrize("name", CASES)
def test_answers_are_those_of_transformers(name: str, is_native: bool, tmp_path: Path) -> None:
    theirs = save_random(*CASES[name], tmp_path)
    assert isinstance(load_model(tmp_path, torch.float32, torch.device("cpu")), Decoder)

    check_parity(theirs, tmp_path, is_native)
