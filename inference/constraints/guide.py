"""A guide: what may come next, token by token, for answers whose facts must be copies.

Its segments are compiled to an automaton over token ids. Where that leaves one choice the engine
drafts it, and verification always agrees.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch

from inference.request import Exactly, Segment, Words
from inference.tokenizer import Tokenizer

WORD_CHARS = frozenset("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ '-,;.!?")
SENTENCE_END = (".", "!", "?")


@dataclass(frozen=True)
class GuideState:
    """Where in the guide the next token falls: the segment, and the tokens spent inside it."""

    segment: int = 0
    offset: int = 0


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


class Guide:
    """The automaton of one request; without state of its own."""

    def __init__(
        self, segments: Sequence[Segment], tokenizer: Tokenizer, vocabulary: Vocabulary
    ) -> None:
        self._segments = tuple(segments)
        self._vocabulary = vocabulary
        self._forced = [
            tokenizer.encode_exactly(segment) if isinstance(segment, Exactly) else ()
            for segment in self._segments
        ]

    @property
    def start(self) -> GuideState:
        """The first token of the first segment."""
        return GuideState()

    @property
    def max_tokens(self) -> int:
        """The longest answer this guide allows."""
        return sum(
            segment.max_tokens if isinstance(segment, Words) else len(forced)
            for segment, forced in zip(self._segments, self._forced, strict=True)
        )

    def is_done(self, state: GuideState) -> bool:
        """Whether the answer is complete."""
        return state.segment == len(self._segments)

    def forced(self, state: GuideState) -> Sequence[int]:
        """The ids that must come next, as far as they are known; empty where the model chooses."""
        if self.is_done(state):
            return ()
        ids = list(self._forced[state.segment][state.offset :])
        following = state.segment + 1
        while ids and following < len(self._segments) and self._forced[following]:
            ids.extend(self._forced[following])
            following += 1
        return ids

    def allowed(self, state: GuideState) -> torch.Tensor:  # [V] bool
        """The tokens that may come next where the model chooses."""
        segment = self._segments[state.segment]
        assert isinstance(segment, Words), f"{state} is forced, it has no mask"
        if state.offset == segment.max_tokens - 1:
            return self._vocabulary.ends
        return self._vocabulary.words if state.offset else self._vocabulary.starts

    def permits(self, state: GuideState, token_id: int) -> bool:
        """Whether this token may come next."""
        forced = self.forced(state)
        return token_id == forced[0] if forced else bool(self.allowed(state)[token_id])

    def advance(self, state: GuideState, token_id: int) -> GuideState:
        """The state after a token that was allowed."""
        segment = self._segments[state.segment]
        if isinstance(segment, Words):
            is_over = token_id in self._vocabulary.end_ids or state.offset + 1 >= segment.max_tokens
        else:
            is_over = state.offset + 1 == len(self._forced[state.segment])
        if is_over:
            return GuideState(state.segment + 1, 0)
        return GuideState(state.segment, state.offset + 1)

    def segment(self, state: GuideState) -> int:
        """The index of the segment that the next token belongs to."""
        return state.segment
