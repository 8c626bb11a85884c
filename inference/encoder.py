"""Vectors of sentences that mean alike: a BERT encoder in numpy, at unit length.

Numpy and not torch: every web process searches, and torch would cost each two seconds and 200 MB
(`docs/decisions/0013-a-sentence-encoder-in-the-web-process.md`). Devlin et al. 2019, "BERT";
Reimers & Gurevych 2019, "Sentence-BERT", whose folders are read as they are published.
"""

import hashlib
import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import groupby
from pathlib import Path
from typing import Any, Final

import numpy as np
import numpy.typing as npt
from safetensors import SafetensorError, deserialize
from tokenizers import Tokenizer

from inference.errors import ModelLoadError
from inference.model.weight_files import weight_files

SHIPPED: Final = Path(__file__).parent / "weights" / "all-minilm-l6-v2"
CONFIG_FILE: Final = "config.json"
TOKENIZER_FILE: Final = "tokenizer.json"
POOLING_FILE: Final = "1_Pooling/config.json"
LENGTH_FILE: Final = "sentence_bert_config.json"
SCALE: Final = ".scale"
"""Behind the name of a matrix of int8: what each of its rows is multiplied by."""

# A batch's activations stay in the cache of a core.
_TOKENS_AT_ONCE: Final = 512
_LONGEST: Final = 256
_ROOTS: Final = ("bert.", "roberta.", "model.")
# By kind of model, how many positions stand before the first token's.
_FIRST_POSITION: Final = {"bert": 0, "roberta": 2, "xlm-roberta": 2, "camembert": 2}
_NUMBERS: Final = {"F32": np.float32, "F16": np.float16, "F64": np.float64, "I8": np.int8}
# erf(x) for x >= 0 to 1.5e-7: Abramowitz & Stegun 1964, 7.1.26.
_ERF_P: Final = 0.3275911
_ERF: Final = (1.061405429, -1.453152027, 1.421413741, -0.284496736, 0.254829592)

Array = npt.NDArray[np.float32]


@dataclass(frozen=True)
class _Linear:
    weight: Array  # [out, in]
    bias: Array  # [out]

    def __call__(self, x: Array) -> Array:
        y: Array = x @ self.weight.T
        y += self.bias
        return y


@dataclass(frozen=True)
class _Norm:
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
class _Layer:
    qkv: _Linear  # D to 3 D
    attended: _Linear
    attended_norm: _Norm
    wide: _Linear
    narrow: _Linear
    norm: _Norm
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
class _Rows:
    """A table of vectors, as small in memory as in its file."""

    rows: npt.NDArray[Any]  # [rows, D]
    scales: Array | None  # [rows]

    def __getitem__(self, at: npt.NDArray[np.int64]) -> Array:
        found: Array = self.rows[at].astype(np.float32)
        return found if self.scales is None else found * self.scales[at][..., None]


class Encoder:
    """Texts to vectors; never changes, so threads may share it."""

    def __init__(self, folder: Path = SHIPPED) -> None:
        """Reads a folder as sentence-transformers writes it: BERT or RoBERTa, mean or first token.

        Raises:
            ModelLoadError: a file is missing or broken, or the model is of another kind.
        """
        config = _read_json(folder, CONFIG_FILE)
        kind = config.get("model_type")
        if kind not in _FIRST_POSITION:
            known = ", ".join(_FIRST_POSITION)
            raise ModelLoadError(str(folder), f"an encoder of kind {kind!r}, known are {known}")
        if config.get("hidden_act", "gelu") != "gelu":
            raise ModelLoadError(str(folder), f"activation {config['hidden_act']!r}, not 'gelu'")
        pooling = _read_json(folder, POOLING_FILE) if (folder / POOLING_FILE).exists() else {}
        self._by_first_token = bool(pooling.get("pooling_mode_cls_token"))
        if not self._by_first_token and not pooling.get("pooling_mode_mean_tokens", True):
            raise ModelLoadError(str(folder), f"{POOLING_FILE} asks for neither mean nor cls")
        weights = _Weights(folder, config)
        first = _FIRST_POSITION[kind]
        self._words = weights.table("embeddings.word_embeddings")
        positions = weights.array("embeddings.position_embeddings.weight")[first:]
        self._places = positions + weights.array("embeddings.token_type_embeddings.weight")[0]
        self._norm = weights.norm("embeddings.LayerNorm")
        self._layers = [weights.layer(i) for i in range(int(config["num_hidden_layers"]))]
        self._tokenizer = _read_tokenizer(folder, len(self._places))
        self.width: int = self._places.shape[1]
        self.fingerprint = weights.fingerprint

    def rank_of(self, word: str) -> int | None:
        """The place of a whole word in the vocabulary, common words before rare ones; else None."""
        found: int | None = self._tokenizer.token_to_id(word)
        return found

    def count_tokens(self, texts: Sequence[str]) -> list[int]:
        """Of each text, as many as are read of it."""
        return [len(found.ids) for found in self._tokenizer.encode_batch(list(texts))]

    def encode(self, texts: Sequence[str]) -> Array:
        """[texts, D] at unit length; what is longer than the model reads counts by its beginning.

        Texts of one length are computed together, so nothing is padded and a text's vector does
        not depend on the others (but for rounding).
        """
        ids = [found.ids for found in self._tokenizer.encode_batch(list(texts))]
        vectors = np.zeros((len(ids), self.width), dtype=np.float32)
        for chosen in _batches([len(one) for one in ids]):
            vectors[chosen] = self._pooled(np.array([ids[i] for i in chosen], dtype=np.int64))
        return vectors

    def _pooled(self, ids: npt.NDArray[np.int64]) -> Array:
        """[B, T] to [B, D]."""
        x = self._norm(self._words[ids] + self._places[: ids.shape[1]])
        for layer in self._layers:
            x = layer(x)
        pooled = x[:, 0] if self._by_first_token else x.mean(axis=1)
        lengths = np.linalg.norm(pooled, axis=-1, keepdims=True)
        unit: Array = pooled / np.maximum(lengths, np.float32(1e-12))
        return unit


class _Weights:
    """The tensors of a folder by their names, without the name of the whole."""

    def __init__(self, folder: Path, config: Mapping[str, Any]) -> None:
        self._folder, self._config = folder, config
        told = hashlib.sha256(_read(folder, CONFIG_FILE) + _read(folder, TOKENIZER_FILE))
        self._tensors: dict[str, npt.NDArray[Any]] = {}
        for path in weight_files(folder):
            data = _read(folder, path.name)
            told.update(data)
            try:
                tensors = deserialize(data)  # type: ignore[no-untyped-call]  # the library's
                found = {_without_root(name): _to_array(tensor) for name, tensor in tensors}
            except (SafetensorError, ValueError) as error:
                raise ModelLoadError(str(folder), f"{path.name}: {error}") from error
            self._tensors |= found
        self.fingerprint = told.hexdigest()

    def _tensor(self, name: str) -> npt.NDArray[Any]:
        if name not in self._tensors:
            raise ModelLoadError(str(self._folder), f"its weights have no {name}")
        return self._tensors[name]

    def array(self, name: str) -> Array:
        """Of float32, whatever the file holds."""
        values = self._tensor(name).astype(np.float32)
        scales = self._tensors.get(name + SCALE)
        return values if scales is None else values * scales.astype(np.float32)[:, None]

    def table(self, name: str) -> _Rows:
        rows = self._tensor(f"{name}.weight")
        scales = self._tensors.get(f"{name}.weight{SCALE}")
        return _Rows(rows, None if scales is None else scales.astype(np.float32))

    def norm(self, name: str) -> _Norm:
        epsilon = float(self._config.get("layer_norm_eps", 1e-12))
        return _Norm(self.array(f"{name}.weight"), self.array(f"{name}.bias"), epsilon)

    def layer(self, i: int) -> _Layer:
        at = f"encoder.layer.{i}"
        parts = [self.linear(f"{at}.attention.self.{name}") for name in ("query", "key", "value")]
        qkv = _Linear(
            np.concatenate([part.weight for part in parts]),
            np.concatenate([part.bias for part in parts]),
        )
        return _Layer(
            qkv,
            self.linear(f"{at}.attention.output.dense"),
            self.norm(f"{at}.attention.output.LayerNorm"),
            self.linear(f"{at}.intermediate.dense"),
            self.linear(f"{at}.output.dense"),
            self.norm(f"{at}.output.LayerNorm"),
            int(self._config["num_attention_heads"]),
        )

    def linear(self, name: str) -> _Linear:
        return _Linear(self.array(f"{name}.weight"), self.array(f"{name}.bias"))


def _batches(lengths: Sequence[int]) -> Iterator[list[int]]:
    """Places of texts of one length, of few enough tokens together."""
    in_order = sorted(range(len(lengths)), key=lengths.__getitem__)
    for length, found in groupby(in_order, key=lengths.__getitem__):
        same, num = list(found), max(1, _TOKENS_AT_ONCE // max(1, length))
        yield from (same[start : start + num] for start in range(0, len(same), num))


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


def _read(folder: Path, name: str) -> bytes:
    try:
        return (folder / name).read_bytes()
    except OSError as error:
        raise ModelLoadError(str(folder), f"no sentence encoder: {error}") from error


def _read_json(folder: Path, name: str) -> dict[str, Any]:
    try:
        found: dict[str, Any] = json.loads(_read(folder, name))
    except ValueError as error:
        raise ModelLoadError(str(folder), f"{name} is no JSON: {error}") from error
    return found


def _read_tokenizer(folder: Path, num_places: int) -> Tokenizer:
    longest = _LONGEST
    if (folder / LENGTH_FILE).exists():
        longest = int(_read_json(folder, LENGTH_FILE).get("max_seq_length") or _LONGEST)
    try:
        tokenizer = Tokenizer.from_str(_read(folder, TOKENIZER_FILE).decode())
    except Exception as error:  # the library raises nothing narrower
        raise ModelLoadError(str(folder), f"{TOKENIZER_FILE}: {error}") from error
    tokenizer.enable_truncation(min(longest, num_places))
    tokenizer.no_padding()
    return tokenizer
