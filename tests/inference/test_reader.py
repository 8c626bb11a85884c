"""The reader in numpy against torch, on tiny weights; the shipped one by what it is for."""

from pathlib import Path

import numpy as np
import pytest
import torch

from inference import Encoder, ModelLoadError, Reader
from inference.pairs import PairTokenizer
from inference.training.reader.model import begun
from inference.training.reader.publish import publish
from tests.tiny_models import save_tiny_bert

QUESTION = "how can i return it ?"
SENTENCES = ("ship it back", "where is a tent", "my order ?")


def test_it_says_what_torch_says(tmp_path: Path) -> None:
    folder = save_tiny_bert(tmp_path / "encoder")
    encoder = Encoder(folder)
    model = begun(folder).eval()
    publish(model, tmp_path / "reader", folder)

    found = Reader(encoder, tmp_path / "reader").read(QUESTION, "tent", SENTENCES)

    pair = PairTokenizer(encoder.plain_tokenizer(), 24).pair(QUESTION, "tent", SENTENCES)
    with torch.no_grad():
        judged = model([pair])
    assert found.answers == pytest.approx(float(judged.answers[0]), abs=0.05)
    expected = judged.sentences[0].log_softmax(0).numpy()
    np.testing.assert_allclose(found.sentences, expected, atol=0.1)
    assert np.exp(found.sentences).sum() == pytest.approx(1.0)


def test_rows_padded_beside_longer_ones_are_judged_alike(tmp_path: Path) -> None:
    folder = save_tiny_bert(tmp_path)
    model = begun(folder).eval()
    tokenizer = PairTokenizer(Encoder(folder).plain_tokenizer(), 24)
    short = tokenizer.pair(QUESTION, "", SENTENCES[:1])
    long = tokenizer.pair(QUESTION, "tent", SENTENCES)

    with torch.no_grad():
        alone, together = model([short]), model([short, long])

    assert float(together.answers[0]) == pytest.approx(float(alone.answers[0]), abs=1e-4)
    torch.testing.assert_close(together.sentences[0], alone.sentences[0], atol=1e-4, rtol=1e-4)


def test_a_paragraph_of_nothing_has_no_sentences(tmp_path: Path) -> None:
    folder = save_tiny_bert(tmp_path / "encoder")
    publish(begun(folder), tmp_path / "reader", folder)

    assert Reader(Encoder(folder), tmp_path / "reader").read(QUESTION, "", ()).sentences == ()


def test_another_encoder_s_words_are_refused(tmp_path: Path) -> None:
    folder = save_tiny_bert(tmp_path / "encoder")
    publish(begun(folder), tmp_path / "reader", folder)
    other = Encoder(save_tiny_bert(tmp_path / "other", pooling="cls"))
    (tmp_path / "encoder" / "tokenizer.json").write_text(
        (tmp_path / "encoder" / "tokenizer.json").read_text() + " "
    )

    Reader(other, tmp_path / "reader")  # the same words, pooled in another way
    with pytest.raises(ModelLoadError, match="shares the words of encoder"):
        Reader(Encoder(folder), tmp_path / "reader")


def test_the_shipped_one_tells_what_answers_from_what_does_not() -> None:
    reader = Reader(Encoder())
    returns = (
        "Most things can be sent back within 30 days of arrival.",
        "The postage home is on us, and the label is in your account.",
    )
    asked = "who pays for the parcel when i send something back?"

    right = reader.read(asked, "Returns", returns)
    far = reader.read(asked, "Opening hours", ("The shop is open from 9 to 5.",))

    assert right.answers > far.answers + 3
    assert right.sentences[1] > right.sentences[0]
