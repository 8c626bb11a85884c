"""A sentence of service words that names nobody but the names it was given.

Capital letters give names away. The first word of a sentence has one anyhow, so an invented name
can still stand there, and only there.
"""

from collections.abc import Iterable, Sequence
from typing import NamedTuple

import torch

from inference.constraints.base import NOTHING_AHEAD, Ahead
from inference.constraints.segments import SENTENCE_END, WORD_CHARS, Vocabulary
from inference.tokenizer import Tokenizer


class Place(NamedTuple):
    """The number of tokens said, and those of the name that the last of them are in."""

    num_tokens: int
    name: tuple[int, ...] = ()


class NamingSentence:
    """A sentence of service words and given names."""

    start = Place(0)

    def __init__(
        self, max_tokens: int, names: Sequence[str], tokenizer: Tokenizer, vocabulary: Vocabulary
    ) -> None:
        self.max_tokens = max_tokens
        self._vocabulary = vocabulary
        self._small = vocabulary.words & ~vocabulary.capitals | vocabulary.pronouns
        self._first = vocabulary.starts & ~vocabulary.later_capitals
        self._names = {
            tuple(tokenizer.encode_continuing(" " + name)) for name in names if _is_words(name)
        }

    def is_over(self, place: Place) -> bool:
        """Whether it has ended."""
        return place.num_tokens >= self.max_tokens

    def forced(self, place: Place) -> Sequence[int]:
        """Nothing, anywhere."""
        return ()

    def ends_forced(self, place: Place) -> bool:
        """Never."""
        return False

    def allowed(self, place: Place) -> torch.Tensor:  # [V] bool
        """The rest of the name; where it is whole or none is open, small words and other names."""
        mask = torch.zeros_like(self._small)
        if not self._is_named(place.name) or place.name in self._names:
            mask |= self._words(place)
        if place.num_tokens:
            mask[list(self._further(place.name, place.num_tokens))] = True
        if place.name in self._names:
            mask[list(self._further((), place.num_tokens))] = True
        return mask

    def ahead(self, place: Place) -> Ahead:
        """Unknown: it depends on the names that are begun."""
        return NOTHING_AHEAD

    def bias(self, place: Place) -> None:
        """None: the model's own words are its own."""
        return

    def advance(self, place: Place, token_id: int) -> Place:
        """One further, or to the end."""
        num_tokens = place.num_tokens + 1
        for name in ((*place.name, token_id), (token_id,)):
            if place.num_tokens and any(one[: len(name)] == name for one in self._names):
                return Place(num_tokens, name)
        ends = token_id in self._vocabulary.end_ids
        return Place(self.max_tokens if ends else num_tokens)

    def choice(self, place: Place) -> None:
        """None: there was none."""
        return

    def _words(self, place: Place) -> torch.Tensor:  # [V] bool
        if place.num_tokens == self.max_tokens - 1:
            mask = self._vocabulary.ends & self._small
        else:
            mask = self._small if place.num_tokens else self._first
        # A name that is whole ends there: `Ann` does not become `Annette`.
        return mask & ~self._vocabulary.letters if place.name in self._names else mask

    def _is_named(self, said: tuple[int, ...]) -> bool:
        """Whether a name has really begun; before its first capital letter it may be any word."""
        return any(self._vocabulary.capitals[token_id] for token_id in said)

    def _further(self, said: tuple[int, ...], num_tokens: int) -> Iterable[int]:
        """What goes on with a name that leaves room for the sentence's end."""
        room = self.max_tokens - num_tokens + len(said) - 1
        return {
            name[len(said)]
            for name in self._names
            if len(said) < len(name) <= room and name[: len(said)] == said
        }


def _is_words(name: str) -> bool:
    return bool(name) and all(one in WORD_CHARS and one not in SENTENCE_END for one in name)
