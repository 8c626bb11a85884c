"""Vectors of sentences that mean alike: a BERT encoder in numpy, at unit length.

Numpy and not torch: every web process searches, and torch would cost each two seconds and 200 MB
(`docs/decisions/0013-a-sentence-encoder-in-the-web-process.md`). Devlin et al. 2019, "BERT";
Reimers & Gurevych 2019, "Sentence-BERT", whose folders are read as they are published.
"""

from collections.abc import Iterator, Sequence
from itertools import groupby
from pathlib import Path
from typing import Final

import numpy as np
import numpy.typing as npt
from tokenizers import Tokenizer

from inference.bert import (
    CONFIG_FILE,
    KINDS,
    NORM,
    PLACES,
    TOKENIZER_FILE,
    WORDS,
    Array,
    Weights,
    read_file,
    read_json,
)
from inference.errors import ModelLoadError

SHIPPED: Final = Path(__file__).parent / "weights" / "all-minilm-l6-v2"
POOLING_FILE: Final = "1_Pooling/config.json"
LENGTH_FILE: Final = "sentence_bert_config.json"

# A batch's activations stay in the cache of a core.
_TOKENS_AT_ONCE: Final = 512
_LONGEST: Final = 256
# By kind of model, how many positions stand before the first token's.
_FIRST_POSITION: Final = {"bert": 0, "roberta": 2, "xlm-roberta": 2, "camembert": 2}


class Encoder:
    """Texts to vectors; never changes, so threads may share it."""

    def __init__(self, folder: Path = SHIPPED) -> None:
        """Reads a folder as sentence-transformers writes it: BERT or RoBERTa, mean or first token.

        Raises:
            ModelLoadError: a file is missing or broken, or the model is of another kind.
        """
        config = read_json(folder, CONFIG_FILE)
        kind = config.get("model_type")
        if kind not in _FIRST_POSITION:
            known = ", ".join(_FIRST_POSITION)
            raise ModelLoadError(str(folder), f"an encoder of kind {kind!r}, known are {known}")
        if config.get("hidden_act", "gelu") != "gelu":
            raise ModelLoadError(str(folder), f"activation {config['hidden_act']!r}, not 'gelu'")
        pooling = read_json(folder, POOLING_FILE) if (folder / POOLING_FILE).exists() else {}
        self._by_first_token = bool(pooling.get("pooling_mode_cls_token"))
        if not self._by_first_token and not pooling.get("pooling_mode_mean_tokens", True):
            raise ModelLoadError(str(folder), f"{POOLING_FILE} asks for neither mean nor cls")
        weights = Weights(folder, tells=(CONFIG_FILE, TOKENIZER_FILE))
        first = _FIRST_POSITION[kind]
        self.words = weights.table(WORDS)
        self._places = weights.array(PLACES)[first:] + weights.array(KINDS)[0]
        self._norm = weights.norm(NORM)
        self._layers = weights.layers()
        self._tokenizer = _read_tokenizer(folder, len(self._places))
        self.width: int = self._places.shape[1]
        self.fingerprint = weights.fingerprint

    def rank_of(self, word: str) -> int | None:
        """The place of a whole word in the vocabulary, common words before rare ones; else None."""
        found: int | None = self._tokenizer.token_to_id(word)
        return found

    def plain_tokenizer(self) -> Tokenizer:
        """A copy that neither cuts nor pads."""
        plain = Tokenizer.from_str(self._tokenizer.to_str())
        plain.no_truncation()
        return plain

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
        x = self._norm(self.words[ids] + self._places[: ids.shape[1]])
        for layer in self._layers:
            x = layer(x)
        pooled = x[:, 0] if self._by_first_token else x.mean(axis=1)
        lengths = np.linalg.norm(pooled, axis=-1, keepdims=True)
        unit: Array = pooled / np.maximum(lengths, np.float32(1e-12))
        return unit


def _batches(lengths: Sequence[int]) -> Iterator[list[int]]:
    """Places of texts of one length, of few enough tokens together."""
    in_order = sorted(range(len(lengths)), key=lengths.__getitem__)
    for length, found in groupby(in_order, key=lengths.__getitem__):
        same, num = list(found), max(1, _TOKENS_AT_ONCE // max(1, length))
        yield from (same[start : start + num] for start in range(0, len(same), num))


def _read_tokenizer(folder: Path, num_places: int) -> Tokenizer:
    longest = _LONGEST
    if (folder / LENGTH_FILE).exists():
        longest = int(read_json(folder, LENGTH_FILE).get("max_seq_length") or _LONGEST)
    try:
        tokenizer = Tokenizer.from_str(read_file(folder, TOKENIZER_FILE).decode())
    except Exception as error:  # the library raises nothing narrower
        raise ModelLoadError(str(folder), f"{TOKENIZER_FILE}: {error}") from error
    tokenizer.enable_truncation(min(longest, num_places))
    tokenizer.no_padding()
    return tokenizer
