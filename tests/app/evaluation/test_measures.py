"""Intervals against published values, and what counts as unsupported."""

import pytest

from app.evaluation.cases import Case, Kind, Split
from app.evaluation.measures import Cited, Outcome, Share
from app.knowledge.evidence import Verdict


def outcome(text: str, paragraph: str, question: str = "How long?") -> Outcome:
    case = Case(id="1", kind=Kind.FAR, split=Split.TUNE, question=question)
    cited = (Cited("a", paragraph, paragraph),)
    return Outcome(case, text, Verdict.ANSWER, None, (), cited, ())


@pytest.mark.parametrize(
    "hits, cases, low, high",
    [(0, 20, 0.0, 0.1611), (20, 20, 0.8389, 1.0), (81, 263, 0.2553, 0.3662)],
)  # the last one from Newcombe 1998, table I
def test_intervals_are_wilsons(hits: int, cases: int, low: float, high: float) -> None:
    assert Share(hits, cases).interval == pytest.approx((low, high), abs=1e-4)


def test_a_share_of_nothing_is_none_and_may_be_anything() -> None:
    assert Share(0, 0).value is None
    assert Share(0, 0).interval == (0.0, 1.0)


@pytest.mark.parametrize(
    "text, found",
    [
        ("It takes 3 to 5 days. [1]", ()),
        ("It takes 4 days. [1]", ("4",)),
        ("Your 77 tents. [1]", ()),
        ("See https://shop.example/a. [1]", ()),
        ("See https://shop. [1]", ("https://shop",)),
        ("See https://evil.example/a, then wait 3 days.", ("https://evil.example/a",)),
        ("Write to me@evil.example!", ("me@evil.example",)),
    ],
)
def test_figures_and_links_must_stand_in_the_source(text: str, found: tuple[str, ...]) -> None:
    made = outcome(text, "It takes 3 to 5 days: https://shop.example/a", "77 tents?")

    assert made.unsupported == found
