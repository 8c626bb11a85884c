"""The kinds of a guide's segments as automata over token ids: fixed text, and service words."""

from collections.abc import Sequence
from typing import Any, Protocol

import numpy as np
import torch

from inference.constraints.base import NOTHING_AHEAD, Ahead, Bias
from inference.request import SpanChoice
from inference.tokenizer import Tokenizer

WORD_CHARS = frozenset("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ '-,;.!?")
SENTENCE_END = (".", "!", "?")

Place = Any
"""Where in a segment the next token falls: an automaton's own, only handed back to it."""


class SegmentAutomaton(Protocol):
    """One segment; without state of its own."""

    @property
    def start(self) -> Place:
        """Before its first token."""
        ...

    @property
    def max_tokens(self) -> int:
        """The longest it can become."""
        ...

    def is_over(self, place: Place) -> bool:
        """Whether it is complete."""
        ...

    def forced(self, place: Place) -> Sequence[int]:
        """The ids that must come next; empty where the model chooses."""
        ...

    def ends_forced(self, place: Place) -> bool:
        """Whether the segment is complete behind what is forced here."""
        ...

    def allowed(self, place: Place) -> torch.Tensor:  # [V] bool
        """The tokens that may come next where the model chooses."""
        ...

    def ahead(self, place: Place) -> Ahead:
        """The same for the places behind as well, where it is known."""
        ...

    def bias(self, place: Place) -> Bias | None:
        """What speaks for some of them."""
        ...

    def advance(self, place: Place, token_id: int) -> Place:
        """The place behind a token that was permitted."""
        ...

    def choice(self, place: Place) -> SpanChoice | None:
        """What was chosen, where it is over."""
        ...


class Fixed:
    """One text and no other; a place is the number of ids said."""

    start = 0

    def __init__(self, ids: Sequence[int]) -> None:
        self._ids = tuple(ids)
        self.max_tokens = len(self._ids)

    def is_over(self, place: int) -> bool:
        """Whether all of it is said."""
        return place >= len(self._ids)

    def forced(self, place: int) -> Sequence[int]:
        """The rest."""
        return self._ids[place:]

    def ends_forced(self, place: int) -> bool:
        """Always."""
        return True

    def allowed(self, place: int) -> torch.Tensor:
        """Never asked: nothing is open."""
        raise AssertionError(f"place {place} is forced, it has no mask")

    def ahead(self, place: int) -> Ahead:
        """No masks."""
        return NOTHING_AHEAD

    def bias(self, place: int) -> None:
        """None: nothing is open."""
        return

    def advance(self, place: int, token_id: int) -> int:
        """One further."""
        return place + 1

    def choice(self, place: int) -> None:
        """None: there was none."""
        return


class Vocabulary:
    """Which tokens service words are made of; one per tokenizer."""

    def __init__(self, tokenizer: Tokenizer) -> None:
        texts = [tokenizer.token_text(token_id) for token_id in range(tokenizer.vocab_size)]
        is_word = [bool(text) and all(char in WORD_CHARS for char in text) for text in texts]
        ends = [ok and text.endswith(SENTENCE_END) for ok, text in zip(is_word, texts, strict=True)]
        inside = [
            ok and (end or not any(char in text for char in SENTENCE_END))
            for ok, end, text in zip(is_word, ends, texts, strict=True)
        ]
        self.words = torch.tensor(np.asarray(inside))  # [V] bool
        self.ends = torch.tensor(np.asarray(ends))  # [V] bool
        self.end_ids = frozenset(self.ends.nonzero().flatten().tolist())
        # A sentence does not begin by ending.
        self.starts = self.words & ~self.ends
        self.capitals = torch.tensor([text != text.lower() for text in texts])  # [V] bool
        self.later_capitals = torch.tensor(
            [text.lstrip()[1:] != text.lstrip()[1:].lower() for text in texts]
        )
        self.letters = torch.tensor([text[:1].isalpha() for text in texts])  # [V] bool
        """Tokens that go on with a word where one stands before them."""
        self.pronouns = torch.tensor([text == " I" for text in texts])  # [V] bool


class Sentence:
    """A sentence of service words; a place is the number of tokens said."""

    start = 0

    def __init__(self, max_tokens: int, vocabulary: Vocabulary) -> None:
        self.max_tokens = max_tokens
        self._end_ids = vocabulary.end_ids
        self._masks = [vocabulary.starts, *[vocabulary.words] * max_tokens][: max_tokens - 1]
        self._masks.append(vocabulary.ends)

    def is_over(self, place: int) -> bool:
        """Whether it has ended."""
        return place >= self.max_tokens

    def forced(self, place: int) -> Sequence[int]:
        """Nothing, anywhere."""
        return ()

    def ends_forced(self, place: int) -> bool:
        """Never."""
        return False

    def allowed(self, place: int) -> torch.Tensor:  # [V] bool
        """Words, at last one that ends the sentence."""
        return self._masks[place]

    def ahead(self, place: int) -> Ahead:
        """To its last token, or one that ends it before."""
        return Ahead(self._masks[place:], self._end_ids)

    def bias(self, place: int) -> None:
        """None: the model's own words are its own."""
        return

    def advance(self, place: int, token_id: int) -> int:
        """One further, or to the end."""
        return self.max_tokens if token_id in self._end_ids else place + 1

    def choice(self, place: int) -> None:
        """None: there was none."""
        return
