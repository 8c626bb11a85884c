"""Prompt lookup, against the definition: the longest n-gram of the end, where it stood last."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from inference.speculation.base import DraftRequest
from inference.speculation.ngram import LONGEST, NgramSpeculator
from inference.speculation.own_text import SHORTEST

TEXTS = st.lists(st.integers(0, 3), min_size=1, max_size=60)


def expected(text: list[int], room: int) -> list[int]:
    for length in range(LONGEST, SHORTEST - 1, -1):
        for end in range(len(text) - 1, length - 1, -1):
            if length < len(text) and text[end - length : end] == text[-length:]:
                return text[end : end + room]
    return []


def request(text: list[int], room: int) -> DraftRequest:
    return DraftRequest("r", b"", text, room, ())


@settings(max_examples=150, deadline=None)
@given(TEXTS, TEXTS, st.integers(1, 9))
def test_it_goes_on_as_the_last_time(first: list[int], more: list[int], room: int) -> None:
    one = NgramSpeculator()

    for text in (first, first + more):
        [draft] = one.propose([request(text, room)])

        assert list(draft.token_ids) == expected(text, room)
        assert list(draft.parents) == list(range(-1, len(draft) - 1))


def test_a_long_text_is_read_on() -> None:
    one, text = NgramSpeculator(), [*range(5000), 7, 8]

    assert one.propose([request(text[:5000], 4)])[0].token_ids == ()
    assert one.propose([request(text, 4)])[0].token_ids == (9, 10, 11, 12)


@pytest.mark.parametrize("length", [2, 3, 4])
def test_a_longer_match_is_surer(length: int) -> None:
    text = [*range(10, 30), *range(30 - length, 30)]
    draft = NgramSpeculator().propose([request([*text[:-length], 5, *text[-length:]], 1)])[0]

    assert draft.token_ids == (5,)
    assert draft.scores[0] == pytest.approx({2: 0.4, 3: 0.55, 4: 0.7}[length])
