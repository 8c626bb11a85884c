"""A question and a paragraph as the reader sees them: ids, kinds, and where each sentence stands.

[CLS] question [SEP] heading. sentence sentence ... [SEP], as BERT takes two texts (Devlin et al.
2019); the question is of kind 0, what may answer it of kind 1.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from tokenizers import Tokenizer

CLS: Final = "[CLS]"
SEP: Final = "[SEP]"
MAX_TOKENS: Final = 256
"""A quarter of them for the question at most."""


@dataclass(frozen=True)
class Pair:
    """Both texts in one row."""

    ids: tuple[int, ...]
    num_first: int
    """Tokens of kind 0; the others are of kind 1."""
    sentences: tuple[tuple[int, int], ...]
    """From where to where (behind its last token) each sentence stands; of those that fit."""


class PairTokenizer:
    """Builds pairs; never changes, so threads may share it."""

    def __init__(self, tokenizer: Tokenizer, max_tokens: int = MAX_TOKENS) -> None:
        """`tokenizer` is a BERT's, without truncation or padding.

        Raises:
            ValueError: it lacks a marker.
        """
        self._tokenizer = tokenizer
        self._max_tokens = max_tokens
        self._cls, self._sep = _marker(tokenizer, CLS), _marker(tokenizer, SEP)

    def pair(self, question: str, heading: str, sentences: Sequence[str]) -> Pair:
        """What is longer than the reader reads is cut: the question's beginning, the end."""
        asked = self._ids([question])[0][-(self._max_tokens // 4) :]
        above, *read = self._ids([f"{heading}." if heading else "", *sentences])
        ids = [self._cls, *asked, self._sep]
        num_first = len(ids)
        ids += above
        places: list[tuple[int, int]] = []
        for one in (found or [self._sep] for found in read):  # some signs are no token at all
            left = self._max_tokens - 1 - len(ids)
            if left <= 0:
                break
            places.append((len(ids), len(ids) + min(left, len(one))))
            ids += one[:left]
        return Pair((*ids[: self._max_tokens - 1], self._sep), num_first, tuple(places))

    def _ids(self, texts: Sequence[str]) -> list[list[int]]:
        found = self._tokenizer.encode_batch(list(texts), add_special_tokens=False)
        return [one.ids for one in found]


def _marker(tokenizer: Tokenizer, name: str) -> int:
    found: int | None = tokenizer.token_to_id(name)
    if found is None:
        raise ValueError(f"the tokenizer has no {name}")
    return found
