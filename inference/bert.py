"""BERT in numpy: the layers, and reading them from a folder as it is published.

Numpy and not torch: every web process searches, and torch would cost each two seconds and 200 MB
(`docs/decisions/0013-a-sentence-encoder-in-the-web-process.md`). Devlin et al. 2019, "BERT".
"""

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import numpy as np
import numpy.typing as npt
from safetensors import SafetensorError, deserialize

from inference.errors import ModelLoadError
from inference.model.weight_files import weight_files

CONFIG_FILE: Final = "config.json"
TOKENIZER_FILE: Final = "tokenizer.json"
SCALE: Final = ".scale"
"""Behind the name of a matrix of int8: what each of its rows is multiplied by."""
WORDS: Final = "embeddings.word_embeddings"
PLACES: Final = "embeddings.position_embeddings.weight"
NORM: Final = "embeddings.LayerNorm"
KINDS: Final = "embeddings.token_type_embeddings.weight"

_ROOTS: Final = ("bert.", "roberta.", "model.")
_NUMBERS: Final = {"F32": np.float32, "F16": np.float16, "F64": np.float64, "I8": np.int8}
# erf(x) for x >= 0 to 1.5e-7: Abramowitz & Stegun 1964, 7.1.26.
_ERF_P: Final = 0.3275911
_ERF: Final = (1.061405429, -1.453152027, 1.421413741, -0.284496736, 0.254829592)

Array = npt.NDArray[np.float32]


@dataclass(frozen=True)
class Linear:
    """x W^T + b."""

    weight: Array  # [out, in]
    bias: Array  # [out]

    def __call__(self, x: Array) -> Array:
        y: Array = x @ self.weight.T
        y += self.bias
        return y


@dataclass(frozen=True)
class Norm:
    """Layer normalization (Ba et al. 2016)."""

    weight: Array  # [D]
    bias: Array  # [D]
    epsilon: float

    def __call__(self, x: Array) -> Array:
        centered: Array = x - x.mean(axis=-1, keepdims=True)
        variance = np.mean(np.square(centered), axis=-1, keepdims=True)
        centered *= 1 / np.sqrt(variance + np.float32(self.epsilon))
        centered *= self.weight
        centered += self.bias
        return centered


@dataclass(frozen=True)
class Layer:
    """Attention over the whole row, then two linear maps with GELU between."""

    qkv: Linear  # D to 3 D
    attended: Linear
    attended_norm: Norm
    wide: Linear
    narrow: Linear
    norm: Norm
    num_heads: int

    def __call__(self, x: Array) -> Array:
        """[B, T, D] to the same; every token sees the whole text."""
        x = self.attended_norm(x + self.attended(self._attend(x)))
        return self.norm(x + self.narrow(_gelu(self.wide(x))))

    def _attend(self, x: Array) -> Array:
        num_texts, num_tokens, width = x.shape
        heads = (num_texts, num_tokens, 3, self.num_heads, width // self.num_heads)
        query, key, value = self.qkv(x).reshape(heads).transpose(2, 0, 3, 1, 4)
        scores = (query * np.float32(heads[-1] ** -0.5)) @ key.swapaxes(-1, -2)
        scores -= scores.max(axis=-1, keepdims=True)
        np.exp(scores, out=scores)
        scores /= scores.sum(axis=-1, keepdims=True)
        seen: Array = (scores @ value).transpose(0, 2, 1, 3).reshape(x.shape)
        return seen


@dataclass(frozen=True)
class Rows:
    """A table of vectors, as small in memory as in its file."""

    rows: npt.NDArray[Any]  # [rows, D]
    scales: Array | None  # [rows]

    def __getitem__(self, at: npt.NDArray[np.int64]) -> Array:
        found: Array = self.rows[at].astype(np.float32)
        return found if self.scales is None else found * self.scales[at][..., None]


class Weights:
    """The tensors of a folder by their names, without the name of the whole."""

    def __init__(self, folder: Path, *, tells: Sequence[str] = (CONFIG_FILE,)) -> None:
        """`tells` are the files that count in the fingerprint beside the weights.

        Raises:
            ModelLoadError: a file is missing or broken.
        """
        self.config = read_json(folder, CONFIG_FILE)
        self._folder = folder
        told = hashlib.sha256(b"".join(read_file(folder, name) for name in tells))
        self._tensors: dict[str, npt.NDArray[Any]] = {}
        for path in weight_files(folder):
            data = read_file(folder, path.name)
            told.update(data)
            try:
                tensors = deserialize(data)  # type: ignore[no-untyped-call]  # the library's
                found = {_without_root(name): _to_array(tensor) for name, tensor in tensors}
            except (SafetensorError, ValueError) as error:
                raise ModelLoadError(str(folder), f"{path.name}: {error}") from error
            self._tensors |= found
        self.fingerprint = told.hexdigest()

    @property
    def names(self) -> list[str]:
        """Of all tensors, scales left out."""
        return [name for name in self._tensors if not name.endswith(SCALE)]

    def _tensor(self, name: str) -> npt.NDArray[Any]:
        if name not in self._tensors:
            raise ModelLoadError(str(self._folder), f"its weights have no {name}")
        return self._tensors[name]

    def array(self, name: str) -> Array:
        """Of float32, whatever the file holds."""
        values = self._tensor(name).astype(np.float32)
        scales = self._tensors.get(name + SCALE)
        return values if scales is None else values * scales.astype(np.float32)[:, None]

    def table(self, name: str) -> Rows:
        """As it lies in the file."""
        rows = self._tensor(f"{name}.weight")
        scales = self._tensors.get(f"{name}.weight{SCALE}")
        return Rows(rows, None if scales is None else scales.astype(np.float32))

    def norm(self, name: str) -> Norm:
        """By the model's own epsilon."""
        epsilon = float(self.config.get("layer_norm_eps", 1e-12))
        return Norm(self.array(f"{name}.weight"), self.array(f"{name}.bias"), epsilon)

    def layers(self) -> list[Layer]:
        """All of the model, the first one first."""
        return [self._layer(i) for i in range(int(self.config["num_hidden_layers"]))]

    def linear(self, name: str) -> Linear:
        """Weight and bias of this name."""
        return Linear(self.array(f"{name}.weight"), self.array(f"{name}.bias"))

    def _layer(self, i: int) -> Layer:
        at = f"encoder.layer.{i}"
        parts = [self.linear(f"{at}.attention.self.{name}") for name in ("query", "key", "value")]
        qkv = Linear(
            np.concatenate([part.weight for part in parts]),
            np.concatenate([part.bias for part in parts]),
        )
        return Layer(
            qkv,
            self.linear(f"{at}.attention.output.dense"),
            self.norm(f"{at}.attention.output.LayerNorm"),
            self.linear(f"{at}.intermediate.dense"),
            self.linear(f"{at}.output.dense"),
            self.norm(f"{at}.output.LayerNorm"),
            int(self.config["num_attention_heads"]),
        )


def _gelu(x: Array) -> Array:
    """x times the share of a normal distribution below x, in place."""
    z = np.abs(x)
    z *= np.float32(0.5**0.5)
    t = 1 / (1 + np.float32(_ERF_P) * z)
    tail = np.full_like(t, _ERF[0])
    for factor in _ERF[1:]:
        tail *= t
        tail += np.float32(factor)
    tail *= t
    tail *= np.exp(-np.square(z, out=z), out=z)  # 1 - erf
    tail *= np.float32(0.5)
    return x * np.where(x < 0, tail, 1 - tail)


def _to_array(tensor: Mapping[str, Any]) -> npt.NDArray[Any]:
    shape, data, kind = tensor["shape"], tensor["data"], tensor["dtype"]
    if kind == "BF16":
        halves = np.frombuffer(data, dtype=np.uint16).astype(np.uint32)
        return (halves << 16).view(np.float32).reshape(shape)
    if kind in _NUMBERS:
        return np.frombuffer(data, dtype=_NUMBERS[kind]).reshape(shape)
    return np.zeros(0)  # places and the like, which are no weights


def _without_root(name: str) -> str:
    root = next((root for root in _ROOTS if name.startswith(root)), "")
    return name.removeprefix(root)


def read_file(folder: Path, name: str) -> bytes:
    """Raises ModelLoadError where it cannot be read."""
    try:
        return (folder / name).read_bytes()
    except OSError as error:
        raise ModelLoadError(str(folder), f"no sentence encoder: {error}") from error


def read_json(folder: Path, name: str) -> dict[str, Any]:
    """Raises ModelLoadError where there is none."""
    try:
        found: dict[str, Any] = json.loads(read_file(folder, name))
    except ValueError as error:
        raise ModelLoadError(str(folder), f"{name} is no JSON: {error}") from error
    return found
