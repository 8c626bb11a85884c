"""Which questions a message asks."""

import pytest

from app.answers.splitting import clauses_of, continues, corrected, questions_in, without_lead


@pytest.mark.parametrize(
    "text, questions",
    [
        (
            "How long does delivery take, can I return boots, and do you sell kayaks?",
            ["How long does delivery take", "can I return boots", "do you sell kayaks?"],
        ),
        (
            "hi, 1) how long is shipping 2) can i pay with apple pay",
            ["how long is shipping", "can i pay with apple pay"],
        ),
        ("- delivery cost\n- return window", ["delivery cost?", "return window?"]),
        (
            "What is your phone number? And when are you open?",
            ["What is your phone number?", "when are you open?"],
        ),
        ("How much is it and when do I have to order?", [
            "How much is it", "when do I have to order?",
        ]),
        ("do you ship? what does it cost", ["do you ship?", "what does it cost"]),
        ("Hey! how do I return stuff?", ["how do I return stuff?"]),
        ("I moved. Can you change it?", ["Can you change it?"]),
        ("my parcel never came", []),
    ],
)  # fmt: skip
def test_each_question_is_cut_off(text: str, questions: list[str]) -> None:
    assert questions_in(text) == questions


@pytest.mark.parametrize(
    "text",
    [
        "Do you sell tents and boots?",
        "is it free or do I pay",
        "when and where can I pick up",
        "Are you open from Monday - Friday?",
        "Can I pay $4.95 by card?",
    ],
)
def test_one_question_stays_one(text: str) -> None:
    assert questions_in(text) == [text]


def test_what_was_meant_instead_is_heard() -> None:
    assert corrected("no, I meant my jacket") == "my jacket"
    assert corrected("sorry, what I meant was Canada") == "Canada"
    assert corrected("I want my jacket") is None
    assert continues("and to Canada?") and continues("no I mean express")
    assert not continues("how long does it take?")


def test_the_lead_is_left_out_unless_it_is_all() -> None:
    assert without_lead("Hi there, ok so where is it") == "where is it"
    assert without_lead("Thanks!") == "Thanks!"


def test_what_is_told_falls_into_clauses() -> None:
    told = "I spent $58.99 and got the wrong thing"
    assert clauses_of(told) == ["I spent $58.99", "got the wrong thing"]
    assert clauses_of("where is it and why") == []
