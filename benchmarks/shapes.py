"""Checkpoints with the shapes of known models and random weights, for timing.

What they say means nothing; how long it takes does not depend on what they say. Weights are written
shard by shard, so memory holds one tensor at a time.
"""

import argparse
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import torch
from safetensors.torch import save_file
from transformers import AutoModelForCausalLM, GPTBigCodeConfig, LlamaConfig, PreTrainedConfig

SHARD_BYTES = 4 << 30
STD = 0.02


def _llama_3_8b() -> PreTrainedConfig:
    return LlamaConfig(
        vocab_size=128_256,
        hidden_size=4096,
        num_hidden_layers=32,
        num_attention_heads=32,
        num_key_value_heads=8,
        intermediate_size=14_336,
        max_position_embeddings=8192,
        rope_parameters={"rope_type": "default", "rope_theta": 500_000.0},
    )


def _granite_20b() -> PreTrainedConfig:
    return GPTBigCodeConfig(
        vocab_size=49_152,
        n_embd=6144,
        n_layer=52,
        n_head=48,
        n_inner=24_576,
        n_positions=8192,
        multi_query=True,
    )


def _tiny() -> PreTrainedConfig:
    return LlamaConfig(
        vocab_size=512,
        hidden_size=64,
        num_hidden_layers=2,
        num_attention_heads=4,
        num_key_value_heads=2,
        intermediate_size=128,
        max_position_embeddings=1024,
    )


SHAPES: dict[str, Callable[[], PreTrainedConfig]] = {
    "llama-3-8b": _llama_3_8b,
    "granite-20b": _granite_20b,
    "tiny": _tiny,
}


def save_shape(name: str, folder: Path, device: str = "cpu") -> int:
    """Write a bfloat16 checkpoint of this shape in Hugging Face layout; its size in bytes.

    The random numbers come from `device`.
    """
    shapes = tensor_shapes(name)
    save_config(name, folder)
    return _write(shapes, folder, torch.Generator(device).manual_seed(0))


def save_config(name: str, folder: Path) -> None:
    """Write the `config.json` of this shape: bfloat16, without tokens that end an answer."""
    config = _config(name)
    folder.mkdir(parents=True, exist_ok=True)
    config.architectures = [type(_on_paper(config)).__name__]
    config.dtype = torch.bfloat16
    config.save_pretrained(folder)


def tensor_shapes(name: str) -> dict[str, tuple[int, ...]]:
    """The tensors of a checkpoint of this shape."""
    config = _config(name)
    model = _on_paper(config)
    tied = set(getattr(model, "_tied_weights_keys", None) or ())
    return {
        key: tuple(one.shape)
        for key, one in model.state_dict().items()
        if not (config.tie_word_embeddings and key in tied)
    }


def _config(name: str) -> PreTrainedConfig:
    config = SHAPES[name]()
    config.eos_token_id, config.bos_token_id, config.pad_token_id = None, None, None
    return config


def _on_paper(config: PreTrainedConfig) -> Any:
    with torch.device("meta"):
        return AutoModelForCausalLM.from_config(config, dtype=torch.bfloat16)  # type: ignore[no-untyped-call]


def _write(shapes: dict[str, tuple[int, ...]], folder: Path, generator: torch.Generator) -> int:
    places: dict[str, str] = {}
    shard: dict[str, torch.Tensor] = {}
    total = num_bytes = 0
    for number, (key, shape) in enumerate(shapes.items(), start=1):
        shard[key] = _random(shape, generator)
        num_bytes += shard[key].nbytes
        if num_bytes >= SHARD_BYTES or number == len(shapes):
            file = f"model-{number:05}.safetensors"
            save_file(shard, folder / file, metadata={"format": "pt"})
            places |= dict.fromkeys(shard, file)
            total, num_bytes, shard = total + num_bytes, 0, {}
    index = {"metadata": {"total_size": total}, "weight_map": places}
    (folder / "model.safetensors.index.json").write_text(json.dumps(index), encoding="utf-8")
    return total


def _random(shape: tuple[int, ...], generator: torch.Generator) -> torch.Tensor:
    """Norms and biases are one and zero in turn of a real model; drawn, they time the same."""
    device = generator.device
    return (STD * torch.randn(shape, generator=generator, device=device)).bfloat16().cpu()


def main() -> None:
    """Write one shape."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("shape", choices=sorted(SHAPES))
    parser.add_argument("out", type=Path)
    parser.add_argument("--device", default="cpu", choices=["cpu", "cuda"])
    options = parser.parse_args()
    size = save_shape(options.shape, options.out, options.device)
    print(f"{options.out}: {size / 1e9:.1f} GB", flush=True)


if __name__ == "__main__":
    main()
