"""The index against the documents themselves."""

from collections import Counter

from hypothesis import given, settings
from hypothesis import strategies as st

from inference.speculation.text_index import LONGEST, MAX_PLACES, SHORTEST, TextIndex

WORDS = st.integers(0, 2)
DOCUMENTS = st.lists(st.lists(WORDS, max_size=24), max_size=4)


def followers(documents: list[list[int]], string: list[int]) -> Counter[int]:
    """What stands behind each occurrence inside one document."""
    size = len(string)
    return Counter(
        document[i + size]
        for document in documents
        for i in range(len(document) - size)
        if document[i : i + size] == string
    )


@settings(max_examples=200, deadline=None)
@given(DOCUMENTS, st.lists(WORDS, max_size=20), st.lists(WORDS, max_size=4))
def test_it_finds_the_longest_ending_and_what_followed_it(
    documents: list[list[int]], text: list[int], then: list[int]
) -> None:
    match = TextIndex(documents).find(text)

    sizes = range(SHORTEST, min(len(text), LONGEST) + 1)
    longest = max((n for n in sizes if followers(documents, text[-n:])), default=0)
    assert (match.length if match else 0) == longest
    ending = text[len(text) - longest :]
    for token_id in then:
        if match is None:
            return
        assert Counter(dict(match.continuations())) == followers(documents, ending)
        ending, match = [*ending, token_id], match.after(token_id)
        assert (match is not None) == any(
            document[i : i + len(ending)] == ending
            for document in documents
            for i in range(len(document))
        )


def test_of_a_run_that_is_everywhere_the_last_places_count() -> None:
    documents = [[1, 2, 3, 4]] * 100 + [[1, 2, 3, 5]] * MAX_PLACES

    match = TextIndex(documents).find([1, 2, 3])

    assert match is not None
    assert match.continuations() == [(5, MAX_PLACES)]


def test_ids_beyond_the_key_are_compared_as_they_are() -> None:
    alike = 1 << 21  # the same key as a neighbour of 0

    index = TextIndex([[7, alike, 9, 4], [8, 0, 9, 5]])

    found = index.find([7, alike, 9])
    assert found is not None and found.continuations() == [(4, 1)]
    assert index.find([8, alike, 9]) is None
