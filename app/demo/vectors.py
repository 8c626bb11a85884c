"""What the demo's articles and customers mean to the shipped encoder, computed before.

The demo starts at once because of it. `python -m app.demo.computing` writes the file anew after a
change of the articles, the conversations or the encoder.
"""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
from safetensors import safe_open
from safetensors.numpy import save_file

from app.demo.articles import read_sources
from app.knowledge.meaning import Meaning, Vectors, open_meaning
from app.knowledge.search import SearchIndex

FILE = Path(__file__).parent / "vectors.safetensors"
_ENCODER, _DIGESTS, _VECTORS = "encoder", "digests", "vectors"
_ASKED = "asked_"

Asked = Mapping[bytes, npt.NDArray[np.float32]]
"""Vectors of what the demo's customers say, by digest."""


def read_vectors(path: Path = FILE) -> tuple[str, Vectors]:
    """The fingerprint of the encoder, and the vectors of the articles' sentences by digest."""
    with safe_open(path, framework="np") as file:
        encoder = str(file.metadata()[_ENCODER])
        digests, vectors = file.get_tensor(_DIGESTS), file.get_tensor(_VECTORS)
    return encoder, {key.tobytes(): one for key, one in zip(digests, vectors, strict=True)}


def read_asked(path: Path = FILE) -> Asked:
    """The vectors of what the demo's customers say, by digest."""
    with safe_open(path, framework="np") as file:
        digests = file.get_tensor(_ASKED + _DIGESTS)
        vectors = file.get_tensor(_ASKED + _VECTORS)
    return {key.tobytes(): one for key, one in zip(digests, vectors, strict=True)}


def write_vectors(encoder: str, told: Vectors, asked: Asked, path: Path = FILE) -> None:
    """Keep them beside the fingerprint of the encoder that made them."""
    tensors: dict[str, npt.NDArray[Any]] = {}
    kept: dict[str, Mapping[bytes, npt.NDArray[Any]]] = {"": told, _ASKED: asked}
    for prefix, vectors in kept.items():
        ordered = dict(sorted(vectors.items()))
        digests = np.frombuffer(b"".join(ordered), dtype=np.uint8).reshape(len(ordered), -1)
        tensors[prefix + _DIGESTS] = digests
        tensors[prefix + _VECTORS] = np.stack(list(ordered.values()))
    save_file(tensors, path, metadata={_ENCODER: encoder})


def demo_meaning() -> Meaning:
    """The shipped encoder, with what the demo's customers say known to it."""
    return open_meaning().knowing(read_asked())


def demo_index() -> SearchIndex:
    """Over the demo's articles, with the shipped encoder."""
    return SearchIndex(read_sources(), open_meaning(), read_vectors()[1])
