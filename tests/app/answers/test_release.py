"""However the engine cuts an answer, the reader sees the same, and nothing unchecked."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.answers.guards import Breach, Setting
from app.answers.parts import Copy, Own, Part
from app.answers.release import Deviation, Release
from app.answers.word_gate import CUT
from app.workspace.answer_policy import ReleaseMode

SENTENCE = ReleaseMode.SENTENCE
BESIDE = Setting("Fernhill Supply", beside_facts=True)
QUOTE = "Standard delivery takes 3 to 5 working days. It costs $4.95."
OPENING = "Good that you ask."
CLOSING = "Do you have any other questions?"
PARTS: tuple[Part, ...] = (
    Own(OPENING, BESIDE, 16),
    Copy(" "),
    Copy(QUOTE, is_quote=True),
    Copy(" [1]"),
    Own(CLOSING, BESIDE, 20),
)

sentences = st.sampled_from(
    [
        "Happy to help.",
        "Happy to help with standard delivery.",
        "I have refunded you.",
        " It takes 9 days.",
        "Standard.",
        "Thanks. St",
        "",
        "No end",
        "Thank you for your question about delivery, it is a pleasure to help you with that.",
        "Please do tell me when you would like to know more and I have sent it.",
        "\u202eHello there!",
    ]
)


def expected(opening: str, closing: str, mode: ReleaseMode = ReleaseMode.SENTENCE) -> str:
    release = Release(PARTS, mode)
    said = release.feed(opening, 0)
    for index, part in enumerate(PARTS[1:4], start=1):
        assert isinstance(part, Copy)
        said += release.feed(part.text, index)
    said += release.feed(closing, 4) + release.finish()
    return "".join(said)


@given(sentences, sentences, st.sampled_from(ReleaseMode), st.data())
def test_no_cut_into_chunks_changes_what_is_shown(
    opening: str, closing: str, mode: ReleaseMode, data: st.DataObject
) -> None:
    texts = [opening, " ", QUOTE, " [1]", closing]
    owner = [index for index, text in enumerate(texts) for _ in text]
    whole = "".join(texts)
    cuts = sorted(data.draw(st.sets(st.integers(1, max(1, len(whole) - 1)))))
    release = Release(PARTS, mode)

    shown: list[str] = []
    borders = {at for at in range(1, len(whole)) if owner[at] != owner[at - 1]}
    cuts = sorted({*cuts, *borders})  # the engine gives every segment chunks of its own
    for start, end in zip([0, *cuts], [*cuts, len(whole)], strict=True):
        shown += release.feed(whole[start:end], owner[end - 1])
    shown += release.finish()

    assert "".join(shown) == expected(opening, closing, mode)
    assert "".join(shown).count(QUOTE) == 1


@given(sentences, sentences)
def test_facts_are_exact_and_own_words_are_checked(opening: str, closing: str) -> None:
    text = expected(opening, closing)

    before, after = text.split(f" {QUOTE} [1] ")
    assert before in (OPENING, opening.strip().replace("\u202e", ""))
    assert after in (CLOSING, closing.strip().replace("\u202e", ""))
    assert "refunded" not in text and "9 days" not in text


@given(sentences, sentences)
def test_word_by_word_ends_like_sentence_by_sentence_or_is_cut(opening: str, closing: str) -> None:
    by_word, whole = (expected(opening, closing, mode) for mode in (ReleaseMode.TOKEN, SENTENCE))

    assert by_word == whole or CUT in by_word
    assert "refunded" not in by_word and "sent it" not in by_word


def test_words_follow_the_model_and_a_promise_is_cut_before_it_is_read() -> None:
    release = Release(PARTS, ReleaseMode.TOKEN)

    shown = release.feed("Please do tell me when you want more ", 0)
    assert "".join(shown) == "Please do tell me"
    shown += release.feed("and I have sent it.", 0) + release.feed(" ", 1)

    assert "".join(shown) == f"Please do tell me when you want… {OPENING} "
    assert release.breaches == [Breach.COMMITMENT]
    assert (release.num_exact_parts, release.num_exact_chars) == (0, 0)


def test_own_words_are_held_back_until_their_sentence_is_checked() -> None:
    release = Release(PARTS)

    assert release.feed("I have ref", 0) == []
    assert release.feed("unded you.", 0) == []
    assert "".join(release.feed(" ", 1)) == f"{OPENING} "
    assert release.feed("Standard", 2) == ["Standard"]
    assert release.breaches == [Breach.COMMITMENT]


def test_an_engine_that_stops_early_leaves_the_facts_whole() -> None:
    release = Release(PARTS)
    shown = release.feed("Happy to help.", 0) + release.feed("Standard del", 2)

    shown += release.finish()

    assert "".join(shown) == f"Happy to help. {QUOTE} [1] {CLOSING}"
    assert release.is_complete


@pytest.mark.parametrize("wrong", ["Standard delivery takes 9", "standard", "x"])
def test_a_copy_that_is_none_is_refused(wrong: str) -> None:
    release = Release(PARTS)
    release.feed("Happy to help.", 0)
    release.feed(" ", 1)

    with pytest.raises(Deviation):
        release.feed(wrong, 2)


def test_two_own_sentences_in_a_row_are_told_apart() -> None:
    parts = (Own("Hello!", BESIDE, 9), Own("Welcome.", BESIDE, 9))
    release = Release(parts)

    shown = release.feed("Hello!", 0) + release.feed(" How may", 1) + release.feed(" I help?", 1)
    shown += release.finish()

    assert "".join(shown) == "Hello! How may I help?"


def test_without_parts_nothing_is_said() -> None:
    release = Release(())

    assert release.feed("anything", 0) + release.finish() == []
