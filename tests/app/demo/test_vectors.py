"""What was computed before fits the articles and the encoder as they are."""

import numpy as np

from app.demo.articles import read_sources
from app.demo.vectors import read_vectors
from app.knowledge.meaning import open_meaning, told_in


def test_the_file_has_every_sentence_and_no_other() -> None:
    encoder, vectors = read_vectors()

    assert encoder == open_meaning().fingerprint
    assert vectors.keys() == told_in(read_sources()).keys()


def test_the_vectors_are_the_encoders() -> None:
    _, vectors = read_vectors()
    texts = list(told_in(read_sources()).values())[::100]

    for digest, vector in open_meaning().read(texts).items():
        np.testing.assert_allclose(vectors[digest], vector, atol=2e-3)
