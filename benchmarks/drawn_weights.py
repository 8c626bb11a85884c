"""Random weights that are drawn where they are used: 40 GB need neither be written nor read.

A checkpoint is written whose weights are a hole in a file: it has the names, shapes and size of a
real one and takes no room. The engine opens it as any other, and what it takes is drawn instead of
read. So that a drafted token can be right, the model must be sure of what it says: embedding and
head are loud and of the same numbers where they have one shape, all else is quiet, and a model that
shares them says its last token over and over.
"""

import json
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from unittest import mock

import torch
from transformers import AutoModelForCausalLM

from benchmarks.shapes import SHAPES, save_config, tensor_shapes
from inference.model import building
from inference.model.weights import Tensors

LOUD, QUIET = 1.0, 0.002
LOUD_NAMES = ("embed_tokens.weight", "wte.weight", "lm_head.weight")


def save_hollow(name: str, folder: Path) -> int:
    """Write a checkpoint of this shape without its numbers; the size it claims, in bytes."""
    save_config(name, folder)
    header: dict[str, object] = {"__metadata__": {"format": "pt"}}
    total = 0
    for key, shape in tensor_shapes(name).items():
        size = 2 * torch.Size(shape).numel()
        offsets = [total, total + size]
        header[key] = {"dtype": "BF16", "shape": list(shape), "data_offsets": offsets}
        total += size
    text = json.dumps(header).encode()
    text += b" " * (-len(text) % 8)
    with (folder / "model.safetensors").open("wb") as file:
        file.write(len(text).to_bytes(8, "little") + text)
        file.truncate(8 + len(text) + total)
    return total


@contextmanager
def drawn() -> Iterator[None]:
    """Inside, what models take of a checkpoint is drawn; its names and shapes are still checked."""
    with mock.patch.object(building, "Tensors", DrawnTensors):
        yield


def drawn_transformers(name: str, dtype: torch.dtype, device: str) -> Any:
    """transformers' model of this shape, drawn on the device."""
    with torch.device(device):
        model = AutoModelForCausalLM.from_config(SHAPES[name](), dtype=dtype)  # type: ignore[no-untyped-call]
    return model.eval()


class DrawnTensors(Tensors):
    """A checkpoint whose tensors are drawn; equal shapes are equal numbers."""

    def take(self, name: str, *shape: int) -> torch.Tensor:
        """A tensor of this shape: ones for norms, zeros for biases, else normal."""
        file = self._files.pop(name)
        assert tuple(file.get_slice(name).get_shape()) == shape, f"{name}: {shape}"
        if len(shape) == 1:
            fill = float(name.endswith(".weight"))
            return torch.full(shape, fill, dtype=self._dtype, device=self._device)
        generator = torch.Generator(self._device).manual_seed(hash(shape) & 0xFFFF)
        std = LOUD if name.endswith(LOUD_NAMES) else QUIET
        empty = torch.empty(shape, dtype=self._dtype, device=self._device)
        return empty.normal_(0, std, generator=generator)
