"""Test models for timing: Llama checkpoints of given sizes with random weights.

`python -m benchmarks.test_models OUT [--size S --size M]` writes OUT/S and OUT/M in Hugging Face
layout, bfloat16, with the shipped model's tokenizer. What they say means nothing; how long it takes
does not depend on what they say.
"""

import argparse
import shutil
from dataclasses import dataclass
from pathlib import Path

import torch
from transformers import LlamaConfig, LlamaForCausalLM

SHIPPED = Path(__file__).parent.parent / "inference/weights/careline-small"
TOKENIZER = ("tokenizer.json", "tokenizer_config.json")
VOCAB_SIZE = 8192
HEAD_DIM = 64
MAX_POSITIONS = 4096


@dataclass(frozen=True)
class Size:
    """The shape of a decoder; heads are 64 wide, embeddings are tied."""

    hidden: int
    num_layers: int
    num_heads: int
    num_kv_heads: int
    intermediate: int


SIZES = {
    "S": Size(hidden=384, num_layers=8, num_heads=6, num_kv_heads=2, intermediate=1024),
    "M": Size(hidden=512, num_layers=10, num_heads=8, num_kv_heads=2, intermediate=1408),
    "L": Size(hidden=768, num_layers=12, num_heads=12, num_kv_heads=4, intermediate=2048),
}


def main() -> None:
    """Write the sizes asked for."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("out", type=Path)
    parser.add_argument("--size", choices=sorted(SIZES), action="append", help="default: S and M")
    options = parser.parse_args()
    for name in options.size or ["S", "M"]:
        num_parameters = save(SIZES[name], options.out / name)
        print(f"{options.out / name}: {num_parameters / 1e6:.1f} M parameters", flush=True)


def save(size: Size, folder: Path) -> int:
    """Write one checkpoint; how many parameters it has."""
    torch.manual_seed(0)
    config = LlamaConfig(
        vocab_size=VOCAB_SIZE,
        hidden_size=size.hidden,
        num_hidden_layers=size.num_layers,
        num_attention_heads=size.num_heads,
        num_key_value_heads=size.num_kv_heads,
        intermediate_size=size.intermediate,
        head_dim=HEAD_DIM,
        max_position_embeddings=MAX_POSITIONS,
        tie_word_embeddings=True,
        bos_token_id=None,
        eos_token_id=0,
        pad_token_id=1,
    )
    model = LlamaForCausalLM(config).bfloat16()
    model.save_pretrained(folder)
    for name in TOKENIZER:
        shutil.copy(SHIPPED / name, folder / name)
    return sum(parameter.numel() for parameter in model.parameters())


if __name__ == "__main__":
    main()
