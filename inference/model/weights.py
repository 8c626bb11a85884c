"""Checkpoint files to tensors: a folder in Hugging Face layout, or a hub id where the network
allows.
"""

import importlib
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError, safe_open

from inference.errors import ModelLoadError
from inference.model.weight_files import weight_files

HUB_FILES = ("*.json", "*.safetensors", "*.txt", "tokenizer.model")


def find_checkpoint(model: str, hub_files: Sequence[str] = HUB_FILES) -> Path:
    """The folder of a model given by path or hub id; a hub id may be downloaded.

    Raises:
        ModelLoadError: neither a folder nor a model that the hub or its cache gives.
    """
    folder = Path(model).expanduser()
    if folder.is_dir():
        return folder
    if model.count("/") != 1 or model.startswith((".", "/", "~")):
        raise ModelLoadError(model, "is neither a folder nor a hub id of the form owner/name")
    hub = importlib.import_module("inference.model.hub")
    downloaded: Path = hub.download(model, hub_files)
    return downloaded


class Tensors:
    """Named tensors of a checkpoint, read when they are taken, their shapes checked.

    Raises:
        ModelLoadError: no weights, a shard missing, or a file that is cut short or garbled.
    """

    def __init__(self, folder: Path, dtype: torch.dtype, device: torch.device) -> None:
        self._folder, self._dtype, self._device = folder, dtype, device
        self._files: dict[str, Any] = {}
        for path in weight_files(folder):
            try:
                file: Any = safe_open(path, framework="pt")
                self._files.update(dict.fromkeys(file.keys(), file))
            except (SafetensorError, OSError) as error:
                raise ModelLoadError(path, f"is not a whole safetensors file: {error}") from error

    def take(self, name: str, *shape: int) -> torch.Tensor:
        """The tensor `name`, converted and moved.

        Raises:
            ModelLoadError: it is missing, or its shape is not `shape`.
        """
        file = self._files.pop(name, None)
        if file is None:
            raise ModelLoadError(self._folder, f"lacks the tensor {name}")
        tensor: torch.Tensor = file.get_tensor(name)
        if tuple(tensor.shape) != shape:
            found = list(tensor.shape)
            raise ModelLoadError(
                self._folder, f"{name} has shape {found}, config.json says {list(shape)}"
            )
        return tensor.to(self._device, self._dtype)

    def close(self, ignored: tuple[str, ...]) -> None:
        """Let go of the files, after everything was taken but names with an `ignored` ending.

        Raises:
            ModelLoadError: weights are left over, so the model is not the one config.json names.
        """
        left = sorted(name for name in self._files if not name.endswith(ignored))
        self._files.clear()
        if left:
            raise ModelLoadError(
                self._folder,
                f"holds {len(left)} tensors that its architecture has no place for: {left[0]}, …",
            )
