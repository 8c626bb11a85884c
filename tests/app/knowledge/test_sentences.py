"""Sentences are copies of their text, cut where a reader would cut."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.knowledge.sentences import split_sentences


@pytest.mark.parametrize(
    "text, expected",
    [
        ("One. Two! Three?", ["One.", "Two!", "Three?"]),
        ("It costs $4.95 now. It was $5.", ["It costs $4.95 now.", "It was $5."]),
        ("Order before 2 p.m. Pacific time. Then wait.",
         ["Order before 2 p.m. Pacific time.", "Then wait."]),
        ("Open from 9 a.m. to 8 p.m. All stores close on Thanksgiving.",
         ["Open from 9 a.m. to 8 p.m.", "All stores close on Thanksgiving."]),
        ("Go to https://fernhill.example/returns. Print the label.",
         ["Go to https://fernhill.example/returns.", "Print the label."]),
        ("Ask Dr. Brown or Mrs. Green. They know.", ["Ask Dr. Brown or Mrs. Green.", "They know."]),
        ("We deliver to P.O. Boxes. We do.", ["We deliver to P.O. Boxes.", "We do."]),
        ("See No. 5, e.g. Canada. Fine.", ["See No. 5, e.g. Canada.", "Fine."]),
        ('Press "Cancel order." Then wait.', ['Press "Cancel order."', "Then wait."]),
        ("Written by J. Smith. Read it.", ["Written by J. Smith.", "Read it."]),
        ("first item\nsecond item", ["first item", "second item"]),
        ("これは文です。次の文です。", ["これは文です。", "次の文です。"]),
        ("no end", ["no end"]),
        ("", []),
    ],
)  # fmt: skip
def test_a_cut_is_where_a_reader_would_cut(text: str, expected: list[str]) -> None:
    assert list(split_sentences(text)) == expected


@given(st.text(alphabet=st.sampled_from('aB1. !?\n").…。p.m$'), max_size=80))
def test_nothing_but_white_space_lies_between_sentences(text: str) -> None:
    sentences = split_sentences(text)

    assert "".join("".join(sentences).split()) == "".join(text.split())
    assert all(sentence in text and sentence == sentence.strip() for sentence in sentences)
