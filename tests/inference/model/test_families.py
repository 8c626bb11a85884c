import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch
from transformers import LlamaConfig, Qwen2Config

from inference import ModelLoadError
from inference.model.config import DecoderConfig, describe
from inference.model.families import read_native
from inference.model.loading import load_model
from tests.inference.model.shapes import DYNAMIC, LONG, SHAPE, YARN


def read(folder: Path, raw: dict[str, Any]) -> DecoderConfig:
    """What the decoder makes of a config.json, its fingerprint apart."""
    (folder / "config.json").write_text(json.dumps(raw))
    native = read_native(describe(folder))
    assert native is not None
    return replace(native[0], fingerprint="")


def as_saved(config: LlamaConfig | Qwen2Config, architecture: str) -> dict[str, Any]:
    return {**config.to_dict(), "architectures": [architecture]}


def test_files_of_transformers_4_say_the_same(tmp_path: Path) -> None:
    llama = as_saved(LlamaConfig(**SHAPE, rope_parameters=YARN), "LlamaForCausalLM")
    scaling = llama["rope_parameters"]
    older = {
        key: value for key, value in llama.items() if key not in ("rope_parameters", "head_dim")
    }
    older |= {
        "rope_theta": scaling["rope_theta"],
        "rope_scaling": {"type": "yarn", "factor": 4.0, "original_max_position_embeddings": 16},
    }
    qwen = as_saved(
        Qwen2Config(**SHAPE, use_sliding_window=True, sliding_window=7, max_window_layers=1),
        "Qwen2ForCausalLM",
    )
    without_kinds = {key: value for key, value in qwen.items() if key != "layer_types"}

    assert read(tmp_path, older) == read(tmp_path, llama)
    assert read(tmp_path, without_kinds) == read(tmp_path, qwen)
    assert read(tmp_path, without_kinds).windows == (None, 7)


def test_angles_that_would_change_on_the_way_bound_the_length(tmp_path: Path) -> None:
    lengths = [
        read(
            tmp_path, as_saved(LlamaConfig(**SHAPE, rope_parameters=rope), "LlamaForCausalLM")
        ).max_model_len
        for rope in (YARN, DYNAMIC, LONG)
    ]

    assert lengths == [256, 256, 128]


def test_what_the_decoder_lacks_is_left_to_the_adapter(tmp_path: Path) -> None:
    llama = as_saved(LlamaConfig(**SHAPE), "LlamaForCausalLM")
    for odd in ({"hidden_act": "gelu"}, {"partial_rotary_factor": 0.5}):
        (tmp_path / "config.json").write_text(json.dumps(llama | odd))

        assert read_native(describe(tmp_path)) is None


def test_weights_without_a_place_are_an_error(tiny_target: Path, tmp_path: Path) -> None:
    raw = json.loads((tiny_target / "config.json").read_text())
    (tmp_path / "config.json").write_text(json.dumps(raw | {"num_hidden_layers": 1}))
    (tmp_path / "model.safetensors").symlink_to(tiny_target / "model.safetensors")

    with pytest.raises(ModelLoadError, match=r"holds 9 tensors .* no place for: model\.layers\.1"):
        load_model(tmp_path, torch.float32, torch.device("cpu"))


def test_quantized_weights_are_refused(tmp_path: Path) -> None:
    llama = as_saved(LlamaConfig(**SHAPE), "LlamaForCausalLM")
    llama["quantization_config"] = {"quant_method": "gptq"}
    (tmp_path / "config.json").write_text(json.dumps(llama))

    with pytest.raises(ModelLoadError, match="quantized by gptq; only plain ones are run"):
        describe(tmp_path)
