"""The automaton against the text itself."""

from collections import Counter

from hypothesis import given, settings
from hypothesis import strategies as st

from inference.speculation.suffix_automaton import ROOT, SuffixAutomaton

TEXTS = st.lists(st.integers(0, 2), max_size=30)


def automaton(text: list[int]) -> SuffixAutomaton:
    made = SuffixAutomaton()
    for token_id in text:
        made.append(token_id)
    return made


def follow(made: SuffixAutomaton, string: list[int]) -> int | None:
    state: int | None = ROOT
    for token_id in string:
        state = None if state is None else made.after(state, token_id)
    return state


def followers(text: list[int], string: list[int]) -> Counter[int]:
    """What stands behind each occurrence."""
    size = len(string)
    return Counter(text[i + size] for i in range(len(text) - size) if text[i : i + size] == string)


@settings(max_examples=150, deadline=None)
@given(TEXTS, TEXTS)
def test_it_knows_every_string_of_the_text_and_what_followed(
    text: list[int], other: list[int]
) -> None:
    made = automaton(text)

    for start in range(len(text)):
        for stop in range(start + 1, len(text) + 1):
            state = follow(made, text[start:stop])
            assert state is not None
            assert Counter(dict(made.continuations(state))) == followers(text, text[start:stop])
    is_inside = any(text[i : i + len(other)] == other for i in range(len(text) + 1))
    assert (follow(made, other) is not None) == is_inside


@settings(max_examples=150, deadline=None)
@given(TEXTS)
def test_the_repeated_ending_is_the_longest_that_occurred_before(text: list[int]) -> None:
    made = automaton(text)

    state, length = made.repeated()

    before = [size for size in range(1, len(text)) if followers(text, text[-size:])]
    assert length == max(before, default=0)
    ending = text[len(text) - length :]
    assert follow(made, ending) == state
    assert Counter(dict(made.continuations(state))) == followers(text, ending)


def test_shorter_endings_are_found_one_by_one() -> None:
    made = automaton([1, 2, 3, 9, 2, 3, 8, 3, 7, 1, 2, 3])

    found = [made.repeated()]
    while found[-1][1]:
        found.append(made.shorter(found[-1][0]))

    assert [length for _, length in found] == [3, 2, 1, 0]
    assert [dict(made.continuations(state)) for state, _ in found[:3]] == [
        {9: 1}, {9: 1, 8: 1}, {9: 1, 8: 1, 7: 1},
    ]  # fmt: skip


def test_a_text_of_one_word_costs_no_more_per_token_than_any_other() -> None:
    made = automaton([5] * 20_000)

    assert made.repeated()[1] == 19_999
    state, _ = made.repeated()
    assert made.continuations(state) == [(5, 1)]
