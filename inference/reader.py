"""Reads a question together with a paragraph: does it answer, and which of its sentences does?

A cross-encoder (Nogueira & Cho 2019, "Passage re-ranking with BERT") of the sentence encoder's
shape, which begins as it and shares its table of words: a vector of each text alone cannot tell a
neighboring matter from the right one, both texts together can. In numpy, as the encoder is.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import numpy as np

from inference.bert import KINDS, NORM, PLACES, Array, Weights
from inference.encoder import Encoder
from inference.errors import ModelLoadError
from inference.pairs import MAX_TOKENS, Pair, PairTokenizer

SHIPPED: Final = Path(__file__).parent / "weights" / "careline-reader"
ANSWERS: Final = "answers"
SENTENCE: Final = "sentence"
ENCODER_KEY: Final = "encoder_fingerprint"
"""In the config: of the encoder whose words it shares."""


@dataclass(frozen=True)
class Reading:
    """What the reader says of a paragraph."""

    answers: float
    """Log-odds that it answers the question."""
    sentences: tuple[float, ...]
    """Of each sentence that was read, the log of its share in the answer; they sum to 1 as shares.
    A sentence that no longer fitted has none."""


class Reader:
    """Never changes, so threads may share it."""

    def __init__(self, encoder: Encoder, folder: Path = SHIPPED) -> None:
        """Reads a folder that `python -m inference.training reader` wrote.

        Raises:
            ModelLoadError: a file is missing or broken, or it belongs to another encoder.
        """
        weights = Weights(folder)
        belongs = weights.config.get(ENCODER_KEY)
        if belongs != encoder.fingerprint:
            problem = f"it shares the words of encoder {belongs}, not of {encoder.fingerprint}"
            raise ModelLoadError(str(folder), problem)
        self._words = encoder.words
        self._places, self._kinds = weights.array(PLACES), weights.array(KINDS)
        self._norm, self._layers = weights.norm(NORM), weights.layers()
        self._answers, self._sentence = weights.linear(ANSWERS), weights.linear(SENTENCE)
        longest = min(MAX_TOKENS, len(self._places))
        self._pairs = PairTokenizer(encoder.plain_tokenizer(), longest)
        self.fingerprint = weights.fingerprint

    def read(self, question: str, heading: str, sentences: Sequence[str]) -> Reading:
        """One paragraph below its heading; some 20 ms a hundred words."""
        pair = self._pairs.pair(question, heading, sentences)
        states = self._states(pair)  # [T, D]
        answers = float(self._answers(states[0])[0])
        if not pair.sentences:
            return Reading(answers, ())
        parts = np.stack([states[start:end].mean(axis=0) for start, end in pair.sentences])
        scores = self._sentence(parts)[:, 0]
        shares = scores - np.logaddexp.reduce(scores)
        return Reading(answers, tuple(float(one) for one in shares))

    def _states(self, pair: Pair) -> Array:
        ids = np.array(pair.ids, dtype=np.int64)
        kinds = (np.arange(len(ids)) >= pair.num_first).astype(np.int64)
        x = self._norm(self._words[ids] + self._places[: len(ids)] + self._kinds[kinds])[None]
        for layer in self._layers:
            x = layer(x)
        states: Array = x[0]
        return states
