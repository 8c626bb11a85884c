"""What a workspace's corpus holds: all it was taught, within bounds, and nothing of others."""

from collections.abc import Sequence

from hypothesis import given, settings
from hypothesis import strategies as st

from inference.speculation.corpora import MAX_WORKSPACES, Corpora, Lesson
from inference.speculation.text_index import TextIndex

KEYS = st.sampled_from("abcdef")
TEXTS = st.lists(st.integers(0, 2), min_size=1, max_size=12)
LESSONS = st.lists(st.tuples(KEYS, TEXTS), max_size=4)


def lessons(documents: Sequence[tuple[str, Sequence[int]]]) -> list[Lesson]:
    return [Lesson(key, token_ids) for key, token_ids in documents]


@settings(max_examples=100, deadline=None)
@given(st.lists(LESSONS | st.lists(KEYS, max_size=3), max_size=12), TEXTS)
def test_it_finds_what_one_index_of_all_that_is_left_finds(
    changes: list[list[tuple[str, list[int]]] | list[str]], text: list[int]
) -> None:
    corpora = Corpora(1_000)
    left: dict[str, list[int]] = {}

    for change in changes:
        taught = [one for one in change if isinstance(one, tuple)]
        gone = [one for one in change if isinstance(one, str)]
        corpora.learn(b"", lessons(taught))
        corpora.forget(b"", gone)
        left = {key: ids for key, ids in (left | dict(taught)).items() if key not in gone}

    expected, found = TextIndex(list(left.values())).find(text), corpora.find(b"", text)
    assert (found.length if found else 0) == (expected.length if expected else 0)
    assert corpora.num_tokens == sum(map(len, left.values()))
    if found is not None and expected is not None:
        assert set(found.continuations()) <= {
            (token_id, count)
            for token_id, most in expected.continuations()
            for count in range(1, most + 1)
        }


def test_a_full_workspace_forgets_its_oldest_answers_and_its_articles_last() -> None:
    corpora = Corpora(80)
    corpora.learn(b"", [Lesson("article", (1, 2, 3, 4) * 5, is_lasting=True)])

    for number in range(10, 40):
        corpora.learn(b"", [Lesson(f"answer {number}", (number,) * 10)])
        assert corpora.num_tokens <= 80

    assert corpora.find(b"", (1, 2, 3)) is not None
    assert corpora.find(b"", (39,) * 3) is not None
    assert corpora.find(b"", (10,) * 3) is None
    corpora.learn(b"", [Lesson("another", tuple(range(100, 170)), is_lasting=True)])
    assert corpora.find(b"", (1, 2, 3)) is None, "nothing else was left to forget"
    assert corpora.find(b"", (100, 101, 102)) is not None


def test_a_document_longer_than_all_is_cut() -> None:
    corpora = Corpora(80)

    corpora.learn(b"", [Lesson("book", tuple(range(1_000)))])

    assert corpora.num_tokens == 70
    assert corpora.find(b"", (0, 1, 2)) is not None


def test_workspaces_are_apart_and_the_longest_unused_one_is_forgotten() -> None:
    corpora = Corpora(80)
    for number in range(MAX_WORKSPACES):
        corpora.learn(bytes([number]), [Lesson("same key", (number, 7, 8, 9))])

    assert corpora.find(b"\1", (1, 7, 8)) is not None
    assert corpora.find(b"\2", (1, 7, 8)) is None
    assert corpora.find(b"unknown", (1, 7, 8)) is None
    corpora.learn(b"\0", [])
    corpora.learn(b"new", [Lesson("same key", (1, 2, 3, 4))])
    assert corpora.find(b"\0", (0, 7, 8)) is not None
    assert corpora.find(b"\1", (1, 7, 8)) is None
    assert corpora.find(b"\2", (2, 7, 8)) is not None


def test_what_is_learned_again_unchanged_costs_no_index() -> None:
    corpora = Corpora(80)
    corpora.learn(b"", lessons([("a", (1, 2, 3, 4)), ("b", (5, 6, 7, 8))]))
    before = corpora.find(b"", (1, 2, 3))

    corpora.learn(b"", lessons([("a", (1, 2, 3, 4))]))

    after = corpora.find(b"", (1, 2, 3))
    assert before is not None and after is not None
    assert after.tokens is before.tokens
