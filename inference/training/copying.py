"""How much a model copies: the curve to watch beside the loss.

Prompts whose answers are quotes, made of what training never sees. The true answer is fed and each
of its tokens guessed; where all guesses of a quote are right, the model would have written that
quote letter by letter itself.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final

import numpy as np
import torch
from tokenizers import Tokenizer

from inference.training.layout import (
    END_QUOTE_ID,
    QUOTE_ID,
    Conversation,
    Example,
    encode_turn,
)
from inference.training.model import Logits
from inference.training.rows import Batch

ROWS_AT_ONCE: Final = 4


@dataclass(frozen=True)
class Copied:
    """Shares of the quotes that are exact, and of their tokens that are right."""

    quotes: float
    tokens: float


def render_quotes(tokenizer: Tokenizer, conversation: Conversation) -> Example:
    """Only what stands within quotes is learned, the closing marker included."""
    ids = [token for turn in conversation for token in encode_turn(tokenizer, turn)]
    learned: list[bool] = []
    is_inside = False
    for token in ids:
        learned.append(is_inside)
        is_inside = token == QUOTE_ID or (is_inside and token != END_QUOTE_ID)
    return Example(ids, learned)


@torch.no_grad()
def copied(logits_of: Logits, batch: Batch, device: torch.device) -> Copied:
    """Over all learned runs of the rows."""
    num_tokens = right_tokens = num_quotes = right_quotes = 0
    for first in range(0, len(batch.ids), ROWS_AT_ONCE):
        ids = torch.from_numpy(batch.ids[first : first + ROWS_AT_ONCE]).to(device)
        guesses = logits_of(ids[:, :-1]).argmax(-1)
        hits = (guesses == ids[:, 1:]).cpu().numpy()
        for row_hits, learned in zip(hits, batch.learned[first:], strict=False):
            for start, end in _runs(learned[1:]):
                run = row_hits[start:end]
                num_tokens, right_tokens = num_tokens + len(run), right_tokens + int(run.sum())
                num_quotes, right_quotes = num_quotes + 1, right_quotes + bool(run.all())
    return Copied(right_quotes / max(1, num_quotes), right_tokens / max(1, num_tokens))


def _runs(learned: np.typing.NDArray[np.bool_]) -> Iterable[tuple[int, int]]:
    edges = np.flatnonzero(np.diff(learned.astype(np.int8), prepend=0, append=0))
    return [(int(start), int(end)) for start, end in zip(edges[::2], edges[1::2], strict=True)]
