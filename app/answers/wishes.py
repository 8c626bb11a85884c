"""Wishes for a person, and topics that only people answer, in words that no pattern has; pure.

A sentence is as near to a wish as to the exemplar that is nearest in meaning. It has to be near
enough, and nearer than to anything that customers ordinarily ask. What patterns know they decide
(`policy.py`); this only adds, in English, the encoder's language. `python -m app.answers.wishes`
writes the exemplars' vectors anew after a change of them or of the shipped encoder.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

import numpy as np
import numpy.typing as npt
from safetensors import safe_open
from safetensors.numpy import save_file

from app.answers.exemplars import ORDINARY, PERSON, TALK, TOPICS
from app.answers.moves import Move
from app.answers.topics import Topic
from app.knowledge.meaning import Meaning, digest_of, open_meaning
from app.knowledge.sentences import split_sentences

MIN_CLOSENESS = 0.5
MIN_CLOSENESS_OF_LIFE = 0.42
"""Where somebody may be about to die, a needless person is the smaller mistake."""
MIN_SURE = 0.75
"""Of the closeness and twice the lead over the nearest ordinary sentence: what is near to both is
the bot's. Both were chosen so that ordinary questions stay with it (`docs/conversations.md`)."""
FILE = Path(__file__).parent / "exemplars.safetensors"
_VECTORS = "vectors"
_MAX_SENTENCES = 6
_MAX_WORDS = 30
"""Of a sentence; in a longer one a wish is one thing among several."""
MIN_TALK_CLOSENESS = 0.5
MIN_TALK_SURE = 0.72
MIN_CHAT_SURE = 1.0
"""Of small talk likewise; of what is no company's business more, for it may be this one's."""
_MAX_TALK_WORDS = 14
_ANNOUNCES = re.compile(
    r"\b(?:questions?|problems?|issues?|help|assistance|ask|information|inquiry|enquiry|advice)\b",
    re.IGNORECASE,
)
"""Without such a word nobody says that they have a question."""


@dataclass(frozen=True)
class Wish:
    """A person is wanted, or needed for a topic; and how near it is to our wording."""

    topic: Topic | None
    closeness: float
    lead: float

    @property
    def is_sure(self) -> bool:
        """Near enough to act on."""
        least = MIN_CLOSENESS_OF_LIFE if self.topic is Topic.SELF_HARM else MIN_CLOSENESS
        return self.closeness >= least and self.closeness + 2 * self.lead >= MIN_SURE


class Wishes:
    """The exemplars as one encoder reads them."""

    def __init__(self, meaning: Meaning) -> None:
        self._meaning = meaning
        told = [(None, PERSON), *TOPICS]
        self._topics = [topic for topic, lines in told for _ in _lines(lines)]
        vectors = _known(meaning)
        if vectors is None:
            vectors = meaning.encode(exemplars())
        self._moves = [move for move, lines in TALK for _ in _lines(lines)]
        num_wishes, num_talk = len(self._topics), len(self._moves)
        self._wanted, self._talk, self._ordinary = np.split(
            vectors, [num_wishes, num_wishes + num_talk]
        )  # [wishes, D], [talk, D], [ordinary, D]

    def find(self, text: str) -> Wish | None:
        """The gravest that a sentence of the text says; None where none is near."""
        found = [self.nearest(one) for one in split_sentences(text)[-_MAX_SENTENCES:]]
        sure = [one for one in found if one is not None and one.is_sure]
        order = [topic for topic, _ in TOPICS]
        return min(
            sure, key=lambda one: order.index(one.topic) if one.topic else len(order), default=None
        )

    def nearest(self, sentence: str) -> Wish | None:
        """The nearest wish, however far it is; None for what is too long to be one."""
        if not sentence.strip() or len(sentence.split()) > _MAX_WORDS:
            return None
        said: npt.NDArray[np.float32] = self._meaning.of(sentence)
        closeness = self._wanted @ said
        best = int(closeness.argmax())
        lead = float(closeness[best] - (self._ordinary @ said).max())
        return Wish(self._topics[best], float(closeness[best]), lead)

    def find_talk(self, text: str) -> Move | None:
        """Which small talk a short text is; None for what may be about the company's business."""
        if not text.strip() or len(text.split()) > _MAX_TALK_WORDS:
            return None
        said: npt.NDArray[np.float32] = self._meaning.of(text)
        closeness = self._talk @ said
        best = int(closeness.argmax())
        lead = float(closeness[best] - max((self._ordinary @ said).max(), 0.0))
        move = self._moves[best]
        least = MIN_CHAT_SURE if move is Move.CHAT else MIN_TALK_SURE
        if closeness[best] < MIN_TALK_CLOSENESS or float(closeness[best]) + 2 * lead < least:
            return None
        return None if move is Move.HOLD and not _ANNOUNCES.search(text) else move


@lru_cache(maxsize=4)
def wishes_of(meaning: Meaning) -> Wishes:
    """The one of a process; of another encoder than the shipped the first call takes a second."""
    return Wishes(meaning)


def exemplars() -> list[str]:
    """All sentences, the ordinary ones last."""
    told = [PERSON, *(lines for _, lines in TOPICS), *(lines for _, lines in TALK), ORDINARY]
    return [one for lines in told for one in _lines(lines)]


def write_vectors(meaning: Meaning, path: Path = FILE) -> None:
    """Keep the exemplars' vectors for the next start."""
    vectors = meaning.encode(exemplars()).astype(np.float16)
    save_file({_VECTORS: vectors}, path, metadata=_made_of(meaning))


def _known(meaning: Meaning) -> npt.NDArray[np.float32] | None:
    """As they were written; None where the encoder or a sentence is another one."""
    with safe_open(FILE, framework="np") as file:
        if file.metadata() != _made_of(meaning):
            return None
        return np.asarray(file.get_tensor(_VECTORS), dtype=np.float32)


def _made_of(meaning: Meaning) -> dict[str, str]:
    return {
        "encoder": meaning.fingerprint,
        "sentences": digest_of("\n".join(exemplars())).hex(),
    }


def _lines(text: str) -> Sequence[str]:
    return [line.strip() for line in text.splitlines() if line.strip()]


if __name__ == "__main__":
    write_vectors(open_meaning())
