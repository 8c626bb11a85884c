"""Which files of a folder in Hugging Face layout hold the weights."""

import json
from pathlib import Path
from typing import Final

from inference.errors import ModelLoadError

WHOLE: Final = "model.safetensors"
INDEX: Final = "model.safetensors.index.json"
"""Where weights are divided: which file holds which tensor."""


def weight_files(folder: Path) -> list[Path]:
    """One file, or all shards of its index.

    Raises:
        ModelLoadError: there is neither, or the index is none.
    """
    index = folder / INDEX
    if index.is_file():
        try:
            names = sorted(
                set(json.loads(index.read_text(encoding="utf-8"))["weight_map"].values())
            )
        except (ValueError, KeyError, AttributeError) as error:
            raise ModelLoadError(str(index), f"is not an index of shards: {error!r}") from error
        return [folder / name for name in names]
    whole = folder / WHOLE
    if not whole.is_file():
        raise ModelLoadError(str(folder), f"holds no {WHOLE}")
    return [whole]
