"""Vectors of texts that mean alike, from a table of words: no engine, no tensors, microseconds.

A text's vector is the sum of its words' and word pairs' vectors, at unit length, as in fastText's
sentence vectors (Joulin et al. 2016); how much a word counts is part of its length. The table is
made by `inference/training/meaning.py` from questions and the sentences that answer them.
"""

import re
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from typing import Final

import numpy as np
import numpy.typing as npt
import snowballstemmer
from safetensors import SafetensorError
from safetensors.numpy import load_file

from inference.errors import ModelLoadError

VECTORS_FILE: Final = "vectors.safetensors"
WORDS_FILE: Final = "words.txt"
SHIPPED: Final = Path(__file__).parent / "weights" / "careline-meaning"

_TOKEN: Final = re.compile(
    r"(?P<link>https?://\S+)|(?P<email>[\w.]+@[\w.]+\w)|(?P<money>[$€£]\s?\d[\d.,]*)"
    r"|(?P<percent>\d+(?:[.,]\d+)*\s?%)|(?P<phone>\d{3}[ -]\d{3}[ -]\d{4})"
    r"|(?P<time>\d+\s?[ap]\.?m\b)|(?P<number>\d+(?:[.,:]\d+)*)"
    r"|(?P<word>[^\W\d_]+(?:['’][^\W\d_]+)?)|(?P<mark>[?!])"
)


class Stems:
    """English stems with their memory; the stemmer has state, so it stays in one thread."""

    def __init__(self) -> None:
        self._stemmer = snowballstemmer.stemmer("english")
        self._known: dict[str, str] = {}

    def features(self, text: str) -> list[str]:
        """Stems in order, facts by their kind (`<money>`), then all neighbors as pairs."""
        words = [self._word(found) for found in _TOKEN.finditer(text.lower().replace("’", "'"))]
        return words + [f"{first} {second}" for first, second in pairwise(words)]

    def _word(self, found: re.Match[str]) -> str:
        kind, text = found.lastgroup, found[0]
        if kind == "mark":
            return text
        if kind != "word":
            return f"<{kind}>"
        if text not in self._known:
            self._known[text] = str(self._stemmer.stemWord(text))
        return self._known[text]


@dataclass(frozen=True)
class MeaningTable:
    """Words and word pairs with their vectors; never changes, so threads may share it."""

    rows: dict[str, int]
    vectors: npt.NDArray[np.float32]  # [words, D]

    @classmethod
    def load(cls, folder: Path = SHIPPED) -> "MeaningTable":
        """Raises ModelLoadError when the folder lacks a file or its files do not fit."""
        try:
            words = (folder / WORDS_FILE).read_text(encoding="utf-8").splitlines()
            vectors = load_file(folder / VECTORS_FILE)["vectors"]
        except (OSError, KeyError, ValueError, SafetensorError) as error:
            raise ModelLoadError(str(folder), f"no table of meanings: {error}") from error
        if vectors.ndim != 2 or len(vectors) != len(words):
            raise ModelLoadError(str(folder), f"{len(words)} words, vectors of {vectors.shape}")
        return cls({word: row for row, word in enumerate(words)}, vectors.astype(np.float32))


class Meaning:
    """Texts to vectors by a table; used from one thread at a time."""

    def __init__(self, table: MeaningTable) -> None:
        self._table = table
        self._stems = Stems()

    def vector(self, *texts: str) -> npt.NDArray[np.float32]:
        """[D] of the texts together, at unit length; zeros where no word is known."""
        words = [word for text in texts for word in self._stems.features(text)]
        rows = [self._table.rows[word] for word in words if word in self._table.rows]
        whole: npt.NDArray[np.float32] = self._table.vectors[rows].sum(axis=0)
        length = float(np.linalg.norm(whole))
        return whole / length if length else whole
