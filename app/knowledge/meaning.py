"""What texts mean, as vectors: a sentence of an article is encoded once and then kept.

A vector belongs to an encoder's fingerprint and a text's digest. It is kept as float16 and used as
such, so that it makes no difference whether it was read or computed just now.
"""

import hashlib
import threading
from collections.abc import Iterable, Mapping, Sequence
from functools import cache, lru_cache
from pathlib import Path

import numpy as np
import numpy.typing as npt

from app.errors import BadSettings
from app.knowledge.passages import Passage, SourceArticle, read_passages
from inference import Encoder, ModelLoadError, Reader, Reading

Vector = npt.NDArray[np.float16]
Vectors = Mapping[bytes, Vector]
"""By the digest of the text."""

_NUM_REMEMBERED = 2_048


class Meaning:
    """The encoder, the reader, and what they last read; threads may share it."""

    def __init__(
        self,
        encoder: Encoder,
        reader: Reader,
        known: Mapping[bytes, npt.NDArray[np.float32]] | None = None,
    ) -> None:
        """`known` are questions' vectors by digest that were computed before."""
        self._encoder, self._reader = encoder, reader
        self._known = known or {}
        self._reading = threading.Lock()
        self._remembered = lru_cache(maxsize=_NUM_REMEMBERED)(self._read_one)
        self._judged = lru_cache(maxsize=_NUM_REMEMBERED)(reader.read)

    @property
    def fingerprint(self) -> str:
        """Of the encoder: vectors of another one cannot be compared with this one's."""
        return self._encoder.fingerprint

    @property
    def width(self) -> int:
        """Numbers in a vector."""
        return self._encoder.width

    def knowing(self, known: Mapping[bytes, npt.NDArray[np.float32]]) -> "Meaning":
        """The same encoder, which computes nothing for the texts with these digests."""
        return Meaning(self._encoder, self._reader, known)

    def of(self, text: str) -> npt.NDArray[np.float32]:
        """[D] at unit length, of what a customer says; a moment of computing."""
        return self._remembered(text)

    def judge(self, question: str, passage: Passage) -> Reading:
        """Whether and where the passage answers, both read together; some 20 ms."""
        return self._judged(question, _above(passage), passage.sentences)

    def read(self, texts: Iterable[str]) -> dict[bytes, Vector]:
        """The vectors of these texts; some milliseconds each.

        One after the other, whoever asks: questions wait for nobody's articles.
        """
        different = list(dict.fromkeys(texts))
        vectors = self.encode(different).astype(np.float16)
        return dict(zip(map(digest_of, different), vectors, strict=True))

    def encode(self, texts: Sequence[str]) -> npt.NDArray[np.float32]:
        """[texts, D] at unit length; many of them wait as in `read`."""
        with self._reading:
            return self._encoder.encode(texts)

    def rank_of(self, word: str) -> int | None:
        """How common a word is, 0 being most so; None for one that the encoder does not know."""
        return self._encoder.rank_of(word)

    def count_tokens(self, texts: Sequence[str]) -> list[int]:
        """How much of each text the encoder reads."""
        return self._encoder.count_tokens(texts)

    def _read_one(self, text: str) -> npt.NDArray[np.float32]:
        known = self._known.get(digest_of(text)) if self._known else None
        if known is not None:
            return known
        vector: npt.NDArray[np.float32] = self._encoder.encode([text])[0]
        vector.setflags(write=False)
        return vector


@cache
def open_meaning(folder: Path | None = None) -> Meaning:
    """With the encoder of a folder, or the shipped one; a process reads each once.

    The reader is the shipped one in both cases, and shares the shipped encoder's words.

    Raises:
        BadSettings: the folder holds none that can be used; says why.
    """
    try:
        shipped = Encoder()
        return Meaning(Encoder(folder) if folder else shipped, Reader(shipped))
    except ModelLoadError as error:
        raise BadSettings(f"encoder: {error.message}.") from error


def digest_of(text: str) -> bytes:
    """What a text's vector is kept by."""
    return hashlib.sha256(text.encode()).digest()


def told(passage: Passage) -> list[str]:
    """Its sentences as the encoder reads them: below their title and heading."""
    above = _above(passage)
    return [f"{above}. {sentence}" if above else sentence for sentence in passage.sentences]


def _above(passage: Passage) -> str:
    return ". ".join(part for part in (passage.article.title, passage.heading) if part)


def told_in(articles: Sequence[SourceArticle]) -> dict[bytes, str]:
    """All that an index over these articles needs the vectors of, by digest."""
    texts = (text for passage in read_passages(articles) for text in told(passage))
    return {digest_of(text): text for text in texts}
