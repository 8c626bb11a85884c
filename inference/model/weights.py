"""Checkpoint files to tensors: a folder in Hugging Face layout, or a hub id where the network
allows.
"""

import json
from pathlib import Path

import torch
from huggingface_hub import snapshot_download
from huggingface_hub.errors import HfHubHTTPError, LocalEntryNotFoundError
from safetensors import SafetensorError, safe_open

from inference.errors import ModelLoadError

HUB_FILES = ["*.json", "*.safetensors", "*.txt", "tokenizer.model"]


def find_checkpoint(model: str) -> Path:
    """The folder of a model given by path or hub id; a hub id may be downloaded.

    Raises:
        ModelLoadError: neither a folder nor a model that the hub or its cache gives.
    """
    folder = Path(model).expanduser()
    if folder.is_dir():
        return folder
    if model.count("/") != 1 or model.startswith((".", "/", "~")):
        raise ModelLoadError(model, "is neither a folder nor a hub id of the form owner/name")
    try:
        return Path(snapshot_download(model, allow_patterns=HUB_FILES))
    except (HfHubHTTPError, LocalEntryNotFoundError, OSError) as error:
        raise ModelLoadError(model, f"cannot be had from the hub: {error}") from error


def read_tensors(folder: Path) -> dict[str, torch.Tensor]:
    """Every tensor of a checkpoint by name, from one file or from shards with an index.

    Raises:
        ModelLoadError: no weights, a shard missing, or a file that is cut short or garbled.
    """
    tensors: dict[str, torch.Tensor] = {}
    for path in _weight_files(folder):
        try:
            with safe_open(path, framework="pt") as file:
                names = list(file.keys())
                tensors.update({name: file.get_tensor(name) for name in names})
        except (SafetensorError, OSError) as error:
            raise ModelLoadError(str(path), f"is not a whole safetensors file: {error}") from error
    return tensors


def _weight_files(folder: Path) -> list[Path]:
    index = folder / "model.safetensors.index.json"
    if index.is_file():
        try:
            names = sorted(
                set(json.loads(index.read_text(encoding="utf-8"))["weight_map"].values())
            )
        except (ValueError, KeyError, AttributeError) as error:
            raise ModelLoadError(str(index), f"is not an index of shards: {error!r}") from error
        return [folder / name for name in names]
    whole = folder / "model.safetensors"
    if not whole.is_file():
        raise ModelLoadError(str(folder), "holds no model.safetensors")
    return [whole]


class Tensors:
    """Named tensors of a checkpoint, handed out once each with their shapes checked."""

    def __init__(self, folder: Path, dtype: torch.dtype, device: torch.device) -> None:
        self._folder, self._dtype, self._device = folder, dtype, device
        self._tensors = read_tensors(folder)

    def take(self, name: str, *shape: int) -> torch.Tensor:
        """The tensor `name`, converted and moved.

        Raises:
            ModelLoadError: it is missing, or its shape is not `shape`.
        """
        tensor = self._tensors.pop(name, None)
        if tensor is None:
            raise ModelLoadError(str(self._folder), f"lacks the tensor {name}")
        if tuple(tensor.shape) != shape:
            found = list(tensor.shape)
            raise ModelLoadError(
                str(self._folder), f"{name} has shape {found}, config.json says {list(shape)}"
            )
        return tensor.to(self._device, self._dtype)
