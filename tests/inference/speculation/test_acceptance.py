"""What came true against what was expected, verified or not."""

import random

import pytest

from inference.speculation.acceptance import Acceptance, judged
from inference.speculation.base import Draft


def test_every_node_whose_parent_came_true_is_judged() -> None:
    draft = Draft((7, 8, 9, 4, 5), (-1, -1, 0, 1, 2), (0.5, 0.4, 0.6, 0.7, 0.8))

    assert list(judged(draft, [7, 9, 1])) == [
        (1, 0.5, True),
        (1, 0.4, False),
        (2, 0.6, True),
        (3, 0.8, False),
    ]
    assert list(judged(draft, [])) == []


def test_an_unknown_request_is_believed_as_far_as_the_others_go() -> None:
    one = Acceptance()
    for _ in range(60):
        one.judge("known", Draft.chain([1, 2], [0.8, 0.5]), [1, 9])

    ratios = one.ratios("unknown")

    assert ratios[0] == pytest.approx(1 / 0.8, rel=0.1)
    assert ratios[1] < 0.2
    assert ratios[2] == 1.0, "nothing is known of what is deeper"


def test_a_request_is_soon_believed_more_than_the_others() -> None:
    one, dice = Acceptance(), random.Random(0)
    for _ in range(40):
        for name, right in (("good", 0.9), ("bad", 0.1)):
            came = 1 if dice.random() < right else 2
            one.judge(name, Draft.chain([1], [0.5]), [came])

    assert one.ratios("good")[0] > 1.5
    assert one.ratios("bad")[0] < 0.5
    one.forget("bad")
    assert 0.6 < one.ratios("bad")[0] < 1.4
