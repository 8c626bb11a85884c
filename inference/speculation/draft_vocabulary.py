"""The tokens that a speculator's heads guess among, where its folder names them.

Zhao et al., "FR-Spec: Accelerating Large-Vocabulary Language Models via Frequency-Ranked
Speculative Sampling" (arXiv 2502.14856): a head's product with the whole vocabulary is most of what
a draft costs, and nearly all tokens that come are few. A token that is not among them is never
drafted, and still drawn by the target: only speed depends on the choice. The file lies beside the
published ones, which stay as they are; other engines do not read it.
"""

import json
from collections.abc import Sequence
from pathlib import Path

import torch

from inference.errors import ModelLoadError

FILE_NAME = "draft_vocabulary.json"


def read_draft_vocabulary(folder: Path, vocab_size: int) -> torch.Tensor | None:  # [K] int64
    """The token ids of a folder's draft vocabulary; None where it has none.

    Raises:
        ModelLoadError: they are no list of different ids below `vocab_size`.
    """
    path = folder / FILE_NAME
    if not path.is_file():
        return None
    try:
        ids = json.loads(path.read_text(encoding="utf-8"))["token_ids"]
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise ModelLoadError(path, f"cannot be read: {error!r}") from error
    if not isinstance(ids, list) or not ids or not all(type(one) is int for one in ids):
        raise ModelLoadError(path, "token_ids is not a list of token ids")
    if min(ids) < 0 or max(ids) >= vocab_size:
        wrong = next(one for one in ids if not 0 <= one < vocab_size)
        raise ModelLoadError(path, f"token {wrong} is none of the target's {vocab_size}")
    if len(set(ids)) < len(ids):
        raise ModelLoadError(path, f"{len(ids)} ids, but only {len(set(ids))} different ones")
    return torch.tensor(ids)


def write_draft_vocabulary(folder: Path, token_ids: Sequence[int]) -> None:
    """Name the tokens that this folder's heads are to guess among, the most frequent first."""
    content = json.dumps({"token_ids": list(token_ids)})
    (folder / FILE_NAME).write_text(content + "\n", encoding="utf-8")
