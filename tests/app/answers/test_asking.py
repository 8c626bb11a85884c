"""Thanks of any length are thanks, and no gap; a question stays one."""

import pytest

from app.answers.asking import asks_something, only_thanks
from app.answers.policy import Move, route
from app.demo.questions import read_questions

THANKS = [
    "Thank you so much for your quick help, really appreciated",
    "thanks, that's all I need!",
    "Thank you for explaining everything so well",
    "ok great thanks a lot, you have been very helpful 🙂",
    "Much appreciated, best service ever",
]


@pytest.mark.parametrize("text", THANKS)
def test_thanks_are_thanks_at_any_length(text: str) -> None:
    assert only_thanks(text) and not asks_something(text)
    assert route(text).move is Move.THANKS


@pytest.mark.parametrize(
    "text",
    [
        "Thanks, and where is my parcel?", "Thank you. I still want a refund",
        "thanks but the lamp is broken", "Can you help?", "refund",
    ],
)  # fmt: skip
def test_what_comes_with_thanks_is_not_lost(text: str) -> None:
    assert not only_thanks(text)


def test_no_question_of_the_demo_is_taken_for_thanks_or_for_nothing() -> None:
    asked = [one.question for one in read_questions() if one.is_answerable]

    assert len(asked) > 100
    assert [one for one in asked if only_thanks(one) or not asks_something(one)] == []


@pytest.mark.parametrize("text", ["jo@x.example", "My number is +49 170 1234567", "🙂", "ok"])
def test_data_and_signs_are_no_gap(text: str) -> None:
    assert not asks_something(text)
