"""Careline's own engine as one of the compared; it speculates where `--speculator` says how."""

import argparse
import importlib.metadata
import json
import os
from pathlib import Path

os.environ.setdefault("OMP_WAIT_POLICY", "passive")  # before torch loads, as the engine has it

import torch

from inference import Engine, EngineConfig, SamplingParams

MIB = 1 << 20


class Careline:
    """The engine as a library, no process in between."""

    def __init__(self, config: EngineConfig) -> None:
        self.name, self.version = "Careline", importlib.metadata.version("careline")
        self._config = config
        self._engine = Engine(config)

    def generate(
        self, prompts: list[list[int]], num_new: list[int], *, is_alone: bool
    ) -> list[int]:
        """Answer all prompts together."""
        params = [SamplingParams(max_tokens=one, ignore_eos=True) for one in num_new]
        return [len(one.token_ids) for one in self._engine.generate(prompts, params)]

    def settle(self) -> None:
        """Wait for the kernels."""
        self._engine.finish_compiling()

    def memory(self) -> dict[str, float]:
        """Weights in the precision they are served in, and the whole pool, used or not."""
        folder, width = Path(self._config.model), self._width()
        weights = sum(path.stat().st_size for path in folder.glob("*.safetensors"))
        stored = json.loads((folder / "config.json").read_text())
        stored_width = getattr(torch, stored["dtype"]).itemsize
        num_slots = self._config.num_blocks * self._config.block_size
        per_slot = 2 * stored["num_hidden_layers"] * stored["num_key_value_heads"]
        return {
            "weights": weights / stored_width * (1 if self._config.quantization else width) / MIB,
            "pool": num_slots * per_slot * stored["head_dim"] * width / MIB,
        }

    def _width(self) -> int:
        width = getattr(torch, self._engine.info().dtype).itemsize
        assert isinstance(width, int)
        return width


def build(arguments: list[str]) -> Careline:
    """The engine of these options."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--model", required=True)
    parser.add_argument("--dtype", default="auto")
    parser.add_argument("--quantization")
    parser.add_argument("--speculator", type=_names, default=(), help="several with commas between")
    parser.add_argument("--num-blocks", type=int, default=2048)
    return Careline(EngineConfig(**vars(parser.parse_args(arguments)), compile=True))


def _names(text: str) -> tuple[str, ...]:
    return tuple(text.split(","))
