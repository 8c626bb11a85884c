"""What was computed before fits the articles and the encoder as they are."""

import numpy as np

from app.demo.articles import read_sources
from app.demo.computing import play
from app.demo.vectors import read_asked, read_vectors
from app.knowledge.meaning import digest_of, open_meaning, told_in


def test_the_file_has_every_sentence_and_no_other() -> None:
    encoder, vectors = read_vectors()

    assert encoder == open_meaning().fingerprint
    assert vectors.keys() == told_in(read_sources()).keys()


def test_the_vectors_are_the_encoders() -> None:
    _, vectors = read_vectors()
    texts = list(told_in(read_sources()).values())[::100]

    for digest, vector in open_meaning().read(texts).items():
        np.testing.assert_allclose(vectors[digest], vector, atol=2e-3)


async def test_the_file_has_all_that_the_demos_customers_say_and_no_more() -> None:
    known = read_asked()

    assert (await play(known)).keys() == known.keys()


def test_what_is_known_is_not_computed() -> None:
    known = np.ones(open_meaning().width, dtype=np.float32)
    said = "Where is my parcel?"

    knowing = open_meaning().knowing({digest_of(said): known})

    assert (knowing.of(said) == known).all()
    assert np.abs(knowing.of("Where is it?") - open_meaning().of("Where is it?")).max() < 1e-6
