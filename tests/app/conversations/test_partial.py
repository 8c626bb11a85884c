"""What is kept of an answer that was stopped."""

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from app.conversations.partial import MIN_KEPT_CHARS, kept_text

SENTENCE = "Parcels leave our warehouse within two working days."


@pytest.mark.parametrize(
    ("partial", "kept"),
    [
        (SENTENCE, SENTENCE),
        (f"{SENTENCE} Then they tra", SENTENCE),
        (f"{SENTENCE} [1] Then they tra", f"{SENTENCE} [1]"),
        (f'"{SENTENCE}" he sa', f'"{SENTENCE}"'),
        (f"{SENTENCE} It costs 3.5", SENTENCE),
        (f"{SENTENCE}\n- first\n- sec", f"{SENTENCE}\n- first"),
        ("Yes. Parcels leave our warehouse within tw", ""),
        ("Parcels leave our warehouse within two working d", ""),
        ("", ""),
    ],
)
def test_only_whole_sentences_are_kept_and_only_when_they_stand_alone(
    partial: str, kept: str
) -> None:
    assert kept_text(partial) == kept


@example("1" * 40 + "\n")
@given(st.text(alphabet="ab .!?\n[1]", max_size=200))
def test_what_is_kept_was_shown(partial: str) -> None:
    kept = kept_text(partial)

    assert partial.startswith(kept)
    assert kept == "" or len(kept) >= MIN_KEPT_CHARS
    # The line break that ended it is not kept.
    assert kept_text(f"{kept}\n") == kept
