"""A slip of the fingers is mended towards a word the articles know, and nothing else is."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.knowledge.spelling import Spelling, count_words, mend

WORDS = ["delivery", "delivery", "warranty", "return", "expire", "reason", "hours"]


@pytest.fixture(scope="module")
def spelling() -> Spelling:
    return Spelling(count_words(WORDS), also_right={"session"})


@pytest.mark.parametrize(
    "written, meant",
    [
        ("delivry", "delivery"),
        ("waranty", "warranty"),
        ("retrun", "return"),
        ("expier", "expire"),
        ("warrranty", "warranty"),
        ("delivery", None),
        ("session", None),
        ("season", None),
        ("hour", None),
        ("delxxery", None),
    ],
)
def test_one_slip_with_the_same_first_letter_is_mended(
    spelling: Spelling, written: str, meant: str | None
) -> None:
    assert spelling.meant(written) == meant


@given(st.sampled_from(["delivery", "warranty"]), st.data())
def test_every_slip_behind_the_first_letter_is_mended(word: str, data: st.DataObject) -> None:
    spelling = Spelling(count_words(WORDS), also_right=())
    at = data.draw(st.integers(1, len(word) - 1))
    letter = data.draw(st.sampled_from("abcdefghijklmnopqrstuvwxyz"))
    written = data.draw(
        st.sampled_from(
            [
                word[:at] + word[at + 1 :],
                word[:at] + letter + word[at:],
                word[:at] + letter + word[at + 1 :],
            ]
        )
    )

    assert mend(written, spelling.corrections(written)) == word
