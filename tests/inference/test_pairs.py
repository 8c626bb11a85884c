"""A question and a paragraph in one row."""

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tokenizers import Tokenizer, models

from inference import Encoder
from inference.pairs import PairTokenizer

SHIPPED = Encoder().plain_tokenizer()
TEXT = st.text(max_size=60)


def test_the_question_stands_first_and_every_sentence_is_known_by_its_place() -> None:
    sentences = ["Send it back.", "We pay the postage."]

    pair = PairTokenizer(SHIPPED).pair("How do I return it?", "Returns", sentences)

    told = [SHIPPED.decode(list(pair.ids[start:end])) for start, end in pair.sentences]
    assert told == ["send it back.", "we pay the postage."]
    first = SHIPPED.decode(list(pair.ids[: pair.num_first]), skip_special_tokens=False)
    assert first == "[CLS] how do i return it? [SEP]"
    between = pair.ids[pair.num_first : pair.sentences[0][0]]
    assert SHIPPED.decode(list(between)) == "returns."


@given(question=TEXT, heading=TEXT, sentences=st.lists(TEXT, max_size=6))
def test_a_row_never_grows_too_long_and_no_sentence_is_empty(
    question: str, heading: str, sentences: list[str]
) -> None:
    pair = PairTokenizer(SHIPPED, max_tokens=32).pair(question, heading, sentences)

    assert len(pair.ids) <= 32
    assert len(pair.sentences) <= len(sentences)
    ends = [pair.num_first, *(end for _, end in pair.sentences)]
    for (start, end), before in zip(pair.sentences, ends, strict=False):
        assert before <= start < end < len(pair.ids)


def test_of_a_long_question_the_end_is_read() -> None:
    pair = PairTokenizer(SHIPPED, max_tokens=32).pair("tent " * 40 + "refund?", "", ["Yes."])

    assert SHIPPED.decode(list(pair.ids[: pair.num_first])).endswith("tent refund?")
    assert pair.sentences


def test_a_tokenizer_without_markers_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match=r"no \[CLS\]"):
        PairTokenizer(Tokenizer(models.WordLevel({"a": 0}, unk_token="a")))
