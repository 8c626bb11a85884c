"""What the demo's articles mean to the shipped encoder, computed before: the demo starts at once.

`python -m app.demo.vectors` writes the file anew after a change of the articles or the encoder.
"""

from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
from safetensors import safe_open
from safetensors.numpy import save_file

from app.demo.articles import read_sources
from app.knowledge.meaning import Meaning, Vectors, open_meaning, told_in
from app.knowledge.search import SearchIndex

FILE = Path(__file__).parent / "vectors.safetensors"
_ENCODER, _DIGESTS, _VECTORS = "encoder", "digests", "vectors"


def read_vectors() -> tuple[str, Vectors]:
    """The fingerprint of the encoder, and the vectors by digest."""
    with safe_open(FILE, framework="np") as file:
        encoder = str(file.metadata()[_ENCODER])
        digests, vectors = file.get_tensor(_DIGESTS), file.get_tensor(_VECTORS)
    return encoder, {key.tobytes(): one for key, one in zip(digests, vectors, strict=True)}


def write_vectors(meaning: Meaning, path: Path = FILE) -> None:
    """Encode every sentence of the demo's articles; some seconds."""
    read = dict(sorted(meaning.read(told_in(read_sources()).values()).items()))
    digests = np.frombuffer(b"".join(read), dtype=np.uint8).reshape(len(read), -1)
    tensors: dict[str, npt.NDArray[Any]] = {_DIGESTS: digests}
    tensors[_VECTORS] = np.stack(list(read.values()))
    save_file(tensors, path, metadata={_ENCODER: meaning.fingerprint})


def demo_index() -> SearchIndex:
    """Over the demo's articles, with the shipped encoder."""
    return SearchIndex(read_sources(), open_meaning(), read_vectors()[1])


if __name__ == "__main__":
    write_vectors(open_meaning())
