"""Slips of the fingers are mended before anything is looked up; words are left alone."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from app.answers.slips import slips_of
from tests.app.knowledge.demo_index import demo_index


@pytest.mark.parametrize(
    "written, meant",
    [
        ("hwo long dose shiping tak to texas", "how long does shipping take to texas"),
        ("wher is my ordr", "where is my order"),
        ("how do i retrun a jaket", "how do i return a jacket"),
        ("I wnat a refnd", "I want a refund"),
        ("passwrod reset emial", "password reset email"),
        ("WHRE IS MY PACKGE", "where is my package"),
        ("my pakage is delayd", "my package is delayed"),
    ],
)
def test_what_was_meant_is_looked_for(written: str, meant: str) -> None:
    assert slips_of(demo_index()).mend(written) == meant


@pytest.mark.parametrize(
    "text",
    [
        "Do you sell kayaks and crampons?",
        "Do you price match Osprey or Garmin?",
        "is the wifi free, and the coffee vegan",
        "Renting, soles, skis and newsletters; confirmations",
        "My address is bob@exmaple.com, see https://fernhil.example/retrun",
        "Is Jhon there? I spoke to Mr Ordr.",
        "don't won't isn't it's",
    ],
)
def test_words_names_and_links_stay(text: str) -> None:
    assert slips_of(demo_index()).mend(text) == text


@settings(max_examples=50, deadline=None)
@given(st.text(max_size=60))
def test_any_text_has_as_many_words_as_before(text: str) -> None:
    if not text.isupper():
        assert len(slips_of(demo_index()).mend(text).split()) == len(text.split())
