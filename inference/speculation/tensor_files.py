"""The tensors of a speculator's folder, in the file layouts that such folders are published in."""

import json
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError, safe_open

from inference.errors import ModelLoadError

LAYOUTS = (
    "model.safetensors",
    "model.safetensors.index.json",
    "pytorch_model.bin",
    "pytorch_model.bin.index.json",
)


class TensorFiles:
    """Named tensors on the CPU as the files hold them; taken one by one, their shapes checked."""

    def __init__(self, folder: Path, tensors: Mapping[str, torch.Tensor]) -> None:
        self.folder = folder
        self._tensors = dict(tensors)

    @property
    def names(self) -> frozenset[str]:
        """What was not taken yet."""
        return frozenset(self._tensors)

    def rename(self, prefixes: Mapping[str, str]) -> None:
        """Exchange the beginnings of names; of several that fit, the first."""
        renamed: dict[str, torch.Tensor] = {}
        for name, tensor in self._tensors.items():
            old = next((one for one in prefixes if name.startswith(one)), None)
            renamed[name if old is None else prefixes[old] + name.removeprefix(old)] = tensor
        self._tensors = renamed

    def shape(self, name: str) -> tuple[int, ...]:
        """The shape of a tensor that must be there.

        Raises:
            ModelLoadError: it is missing.
        """
        return tuple(self._find(name).shape)

    def take(self, name: str, *shape: int) -> torch.Tensor:
        """The tensor `name`.

        Raises:
            ModelLoadError: it is missing, or its shape is not `shape`.
        """
        tensor = self._find(name)
        if tuple(tensor.shape) != shape:
            found = list(tensor.shape)
            raise ModelLoadError(
                self.folder, f"{name} has shape {found}, {list(shape)} was expected"
            )
        del self._tensors[name]
        return tensor

    def take_if_present(self, name: str, *shape: int) -> torch.Tensor | None:
        """As `take`, None for a tensor that is not there."""
        return self.take(name, *shape) if name in self._tensors else None

    def close(self, ignored: tuple[str, ...] = ()) -> None:
        """Say that all was taken, names with an `ignored` ending apart.

        Raises:
            ModelLoadError: tensors are left over, so the folder holds something else.
        """
        left = sorted(name for name in self._tensors if not name.endswith(ignored))
        self._tensors.clear()
        if left:
            raise ModelLoadError(
                self.folder, f"holds {len(left)} tensors that have no place: {left[0]}, …"
            )

    def _find(self, name: str) -> torch.Tensor:
        if name not in self._tensors:
            raise ModelLoadError(self.folder, f"lacks the tensor {name}")
        return self._tensors[name]


def read_tensor_files(folder: Path, layouts: Sequence[str] = LAYOUTS) -> TensorFiles:
    """All tensors of the first of these files that the folder has, or of the shards it lists.

    Raises:
        ModelLoadError: there is none of them, a shard is missing, or a file is cut short, garbled
            or holds anything but tensors.
    """
    paths = _find(folder, layouts)
    if not paths:
        raise ModelLoadError(folder, f"holds none of {', '.join(layouts)}")
    tensors: dict[str, torch.Tensor] = {}
    for path in paths:
        tensors |= _read(path)
    return TensorFiles(folder, tensors)


def tensor_names(folder: Path) -> frozenset[str]:
    """The names of all tensors of a folder; none where it has no such files.

    Raises:
        ModelLoadError: a file is cut short, garbled or holds anything but tensors.
    """
    names: set[str] = set()
    for path in _find(folder, LAYOUTS):
        if path.suffix == ".safetensors":
            with _opened(path) as file:
                names.update(file.keys())
        else:
            names.update(_read(path))
    return frozenset(names)


def read_config(folder: Path) -> dict[str, object]:
    """The folder's config.json; empty without one.

    Raises:
        ModelLoadError: it is not a JSON object.
    """
    path = folder / "config.json"
    if not path.is_file():
        return {}
    try:
        raw = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise ModelLoadError(path, f"cannot be read: {error}") from error
    if not isinstance(raw, dict):
        raise ModelLoadError(path, "is not a JSON object")
    return raw


def _find(folder: Path, layouts: Sequence[str]) -> list[Path]:
    path = next((folder / name for name in layouts if (folder / name).is_file()), None)
    if path is None:
        return []
    return _shards(path) if path.suffix == ".json" else [path]


def _shards(index: Path) -> list[Path]:
    try:
        names = set(json.loads(index.read_text(encoding="utf-8"))["weight_map"].values())
        return [index.parent / name for name in sorted(names)]
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise ModelLoadError(index, f"is not an index of shards: {error!r}") from error


@contextmanager
def _opened(path: Path) -> Iterator[Any]:
    try:
        with safe_open(path, framework="pt") as file:
            yield file
    except (SafetensorError, OSError) as error:
        raise ModelLoadError(path, f"is not a whole safetensors file: {error}") from error


def _read(path: Path) -> dict[str, torch.Tensor]:
    if path.suffix == ".safetensors":
        with _opened(path) as file:
            return {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118
    try:
        loaded = torch.load(path, map_location="cpu", weights_only=True)
    except Exception as error:  # a garbled archive can raise anything
        reason = str(error).splitlines()[0] if str(error) else repr(error)
        raise ModelLoadError(path, f"is not a whole file of tensors: {reason}") from error
    is_tensors = isinstance(loaded, dict) and all(
        isinstance(one, torch.Tensor) for one in loaded.values()
    )
    if not is_tensors:
        raise ModelLoadError(path, "holds something else than named tensors")
    return dict(loaded)
