"""A guide: what may come next, token by token, for answers whose facts must be copies.

Its segments are compiled to automata over token ids, one behind the other. Where they leave one
choice the engine drafts it, and verification always agrees.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import assert_never

import torch

from inference.constraints.base import Ahead, Bias
from inference.constraints.names import NamingSentence
from inference.constraints.segments import Fixed, Place, SegmentAutomaton, Sentence, Vocabulary
from inference.constraints.spans import SpanTrie
from inference.errors import InvalidRequest
from inference.request import Exactly, Segment, SpanChoice, Spans, Words
from inference.tokenizer import Tokenizer


@dataclass(frozen=True)
class GuideState:
    """Where in the guide the next token falls; `choice` is of the segment that has just ended."""

    segment: int
    place: Place
    choice: SpanChoice | None = None


class Guide:
    """The automaton of one request; without state of its own."""

    def __init__(
        self,
        segments: Sequence[Segment],
        tokenizer: Tokenizer,
        vocabulary: Vocabulary,
        eos_token_ids: Sequence[int] = (),
    ) -> None:
        """Compile the segments.

        Raises:
            InvalidRequest: one of them cannot be followed; the message names it.
        """
        self._automata: list[SegmentAutomaton] = []
        for index, segment in enumerate(segments):
            # Only behind the last segment may the model's own end of an answer tell where it ends.
            end_ids = tuple(eos_token_ids[:1]) if index == len(segments) - 1 else ()
            try:
                self._automata.append(_automaton(segment, tokenizer, vocabulary, end_ids))
            except InvalidRequest as refusal:
                raise InvalidRequest(f"guide[{index}]: {refusal.message}") from None

    @property
    def start(self) -> GuideState:
        """The first token of the first segment."""
        return self._begin(0)

    @property
    def max_tokens(self) -> int:
        """The longest answer this guide allows."""
        return sum(automaton.max_tokens for automaton in self._automata)

    def is_done(self, state: GuideState) -> bool:
        """Whether the answer is complete."""
        return state.segment == len(self._automata)

    def forced(self, state: GuideState) -> Sequence[int]:
        """The ids that must come next, as far as they are known; empty where the model chooses."""
        ids: list[int] = []
        while not self.is_done(state):
            automaton = self._automata[state.segment]
            ids.extend(automaton.forced(state.place))
            if not automaton.ends_forced(state.place):
                break
            state = self._begin(state.segment + 1)
        return ids

    def allowed(self, state: GuideState) -> torch.Tensor:  # [V] bool
        """The tokens that may come next where the model chooses."""
        return self._automata[state.segment].allowed(state.place)

    def ahead(self, state: GuideState) -> Ahead:
        """To the end of the segment at most."""
        return self._automata[state.segment].ahead(state.place)

    def bias(self, state: GuideState) -> Bias | None:
        """What speaks for some of them beside the model."""
        return self._automata[state.segment].bias(state.place)

    def permits(self, state: GuideState, token_id: int) -> bool:
        """Whether this token may come next."""
        own = self._automata[state.segment].forced(state.place)
        forced = own or self.forced(state)  # whose list may be long
        return token_id == forced[0] if forced else bool(self.allowed(state)[token_id])

    def advance(self, state: GuideState, token_id: int) -> GuideState:
        """The state after a token that was allowed."""
        automaton = self._automata[state.segment]
        place = automaton.advance(state.place, token_id)
        if automaton.is_over(place):
            return self._begin(state.segment + 1, automaton.choice(place))
        return GuideState(state.segment, place)

    def segment(self, state: GuideState) -> int:
        """The index of the segment that the next token belongs to."""
        return state.segment

    def choice(self, state: GuideState) -> SpanChoice | None:
        """What was chosen in the segment that the last token completed."""
        return state.choice

    def _begin(self, segment: int, choice: SpanChoice | None = None) -> GuideState:
        is_end = segment == len(self._automata)
        return GuideState(segment, None if is_end else self._automata[segment].start, choice)


def _automaton(
    segment: Segment, tokenizer: Tokenizer, vocabulary: Vocabulary, end_ids: tuple[int, ...]
) -> SegmentAutomaton:
    match segment:
        case Words():
            if segment.names is None:
                return Sentence(segment.max_tokens, vocabulary)
            return NamingSentence(segment.max_tokens, segment.names, tokenizer, vocabulary)
        case Exactly():
            return Fixed(tokenizer.encode_exactly(segment))
        case Spans():
            return SpanTrie(segment, tokenizer, end_ids)
        case _:
            assert_never(segment)
