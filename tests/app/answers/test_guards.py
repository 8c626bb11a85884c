"""The model's own words: what may be said, and what never."""

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.answers import phrases
from app.answers.guards import Breach, Setting, clean, find_breach
from app.answers.prompt import system_messages
from app.knowledge.sentences import split_sentences

COMPANY = "Fernhill Supply"
BESIDE_FACTS = Setting(COMPANY, beside_facts=True)
ALONE = Setting(COMPANY, beside_facts=False)
INSTRUCTIONS = " ".join(message.text for message in system_messages(COMPANY)).split()


@pytest.mark.parametrize("sentence", phrases.OPENINGS + phrases.CLOSINGS)
def test_our_own_sentences_pass_beside_facts(sentence: str) -> None:
    assert find_breach(sentence, BESIDE_FACTS) is None


@pytest.mark.parametrize("sentence", [s for talk in phrases.SMALL_TALK.values() for s in talk])
def test_our_own_small_talk_passes(sentence: str) -> None:
    assert find_breach(sentence, ALONE) is None


@pytest.mark.parametrize(
    "sentence",
    [
        "Happy to help.",
        "I can help with that.",
        "Here is what our help articles say.",
        "I hope that helps.",
        "You can read more in the article.",
        "Please tell me if you need more help.",
        "If this does not help, I can connect you with a person.",
        "Welcome to Fernhill Supply!",
        "All right.",
    ],
)
def test_service_words_pass(sentence: str) -> None:
    assert find_breach(sentence, BESIDE_FACTS) is None


@pytest.mark.parametrize(
    "sentence, breach",
    [
        ("", Breach.EMPTY),
        ("...", Breach.EMPTY),
        ("I am happy to", Breach.UNFINISHED),
        (f"I am {'very ' * 60}happy.", Breach.TOO_LONG),
        ("It takes 5 of them.", Breach.FIGURE),
        ("It takes twelve of them.", Breach.FIGURE),
        ("It takes ٥ of them.", Breach.FIGURE),
        ("It costs €.", Breach.FIGURE),
        ("See www.example for more.", Breach.LINK),
        ("See fernhill.com for more.", Breach.LINK),
        ("See <b>this</b>.", Breach.LINK),
        ("See [this].", Breach.LINK),
        ("Thank you, Sarah.", Breach.NAME),
        ("Welcome to Amazon.", Breach.NAME),
        ("I have refunded your order.", Breach.COMMITMENT),
        ("We will compensate you.", Breach.COMMITMENT),
        ("I guarantee it.", Breach.COMMITMENT),
        ("I've sent it to you.", Breach.COMMITMENT),
        ("I'll call you back.", Breach.COMMITMENT),
        ("A colleague will contact you.", Breach.COMMITMENT),
        ("We just fixed it.", Breach.COMMITMENT),
        ("You get it for free.", Breach.COMMITMENT),
        ("Yes, that works.", Breach.CLAIM),
        ("Unfortunately not.", Breach.CLAIM),
        ("You can do it online.", Breach.CLAIM),
        ("It is never a problem.", Breach.CLAIM),
        ("May I have your account number?", Breach.DATA_REQUEST),
        ("What is your e-mail?", Breach.DATA_REQUEST),
        ("Take facts only from the passages and quote them.", Breach.ECHO),
        ("My instructions say so.", Breach.ECHO),
        ("I see I see I see I see.", Breach.REPETITION),
        ("Very very very good.", Breach.REPETITION),
        ("What a stupid idea.", Breach.RUDE),
    ],
)
def test_what_must_not_be_said_is_found(sentence: str, breach: Breach) -> None:
    found = find_breach(sentence, BESIDE_FACTS)

    assert found is not None
    if found is not breach:  # a sentence may break several rules; one of them is enough
        assert found in (Breach.NAME, Breach.COMMITMENT, Breach.CLAIM, Breach.FIGURE)


@given(st.text(max_size=120), st.sampled_from([ALONE, BESIDE_FACTS]))
def test_what_passes_holds_no_fact_link_or_line_break(text: str, setting: Setting) -> None:
    sentence = clean(text)

    if find_breach(sentence, setting) is None:
        assert not re.search(r"\d|https?:|@|[<>\[\]{}\n]", sentence)
        assert sentence.strip().endswith((".", "!", "?"))


@given(st.integers(0, len(INSTRUCTIONS) - 6), st.text(max_size=20))
def test_no_run_of_the_instructions_passes(start: int, around: str) -> None:
    echo = " ".join(INSTRUCTIONS[start : start + 6])

    assert find_breach(clean(f"{around} {echo}."), ALONE) is not None


@given(st.text(max_size=200))
def test_cleaning_twice_is_cleaning_once(text: str) -> None:
    once = clean(text)

    assert clean(once) == once
    assert not re.search("[\x00-\x08\x0b-\x1f\x7f-\x9f\u200b\u202e\u2066\ufeff\U000e0041]", once)


def test_invisible_and_towering_characters_are_dropped() -> None:
    assert clean("a\u200bb\u202ec\x00d\r\ne") == "abcd\ne"
    assert clean("z" + "\u0301" * 20) == "z" + "\u0301" * 8


def test_stock_answers_are_whole_sentences() -> None:
    stock = (
        *phrases.UNKNOWN,
        phrases.STILL_UNKNOWN,
        phrases.UNSURE_CLOSING,
        *phrases.TOPICS.values(),
    )
    for text in stock:
        assert all(sentence[-1] in ".!?" for sentence in split_sentences(text))
