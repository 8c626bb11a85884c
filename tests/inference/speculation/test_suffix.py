"""Drafts from texts: the longest match says what comes, one's own text first, one's own workspace
alone.
"""

import random
from collections.abc import Sequence

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from inference.speculation.base import Draft, DraftRequest
from inference.speculation.corpora import Corpora, Lesson
from inference.speculation.suffix import SuffixSpeculator

PASSAGE = list(range(100, 130))
ARTICLE = list(range(200, 230))


def speculator(*lessons: tuple[bytes, Sequence[int]]) -> SuffixSpeculator:
    corpora = Corpora(10_000)
    for number, (salt, token_ids) in enumerate(lessons):
        corpora.learn(salt, [Lesson(str(number), token_ids)])
    return SuffixSpeculator(corpora)


def propose(
    one: SuffixSpeculator,
    token_ids: Sequence[int],
    salt: bytes = b"",
    room: int = 8,
    name: str = "r",
) -> Draft:
    return one.propose([DraftRequest(name, salt, token_ids, room, [])])[0]


def test_a_quote_goes_on_as_the_passage_does() -> None:
    text = [1, 2, *PASSAGE, 3, 4, 5, *PASSAGE[:6]]

    draft = propose(speculator(), text)

    assert draft.token_ids == tuple(PASSAGE[6:14])
    assert draft.parents == tuple(range(-1, 7))
    assert draft.scores[0] > 0.8
    assert list(draft.scores) == sorted(draft.scores), "each further token makes it surer"


def test_where_texts_part_the_draft_branches_by_how_often() -> None:
    lessons = [(b"", [1, 2, 3, 4, 5, then]) for then in (6, 6, 6, 7)]

    draft = propose(speculator(*lessons), [9, 3, 4, 5])

    chances = dict(zip(draft.token_ids, draft.scores, strict=True))
    assert draft.parents == (-1, -1)
    assert chances[6] > 2 * chances[7] > 0
    assert sum(chances.values()) < 1


def test_ones_own_text_comes_before_the_workspaces() -> None:
    own = [50, 1, 2, 3, 4, 60, 61, 9, 1, 2, 3, 4]

    one = speculator((b"", [1, 2, 3, 4, 70, 71]))

    assert propose(one, own, room=1).token_ids == (60,)
    assert propose(one, own[8:], room=1, name="other").token_ids == (70,)


def test_a_longer_match_of_the_workspace_outdoes_a_short_one_of_ones_own() -> None:
    article = [*ARTICLE, 99]
    text = [ARTICLE[9], 5, 6, 7, *ARTICLE[:10]]

    draft = propose(speculator((b"", article)), text)

    assert draft.token_ids[0] == ARTICLE[10]


def test_no_workspace_drafts_from_anothers_texts() -> None:
    one = speculator((b"a", ARTICLE), (b"b", PASSAGE))

    assert propose(one, ARTICLE[:5], b"a", name="1").token_ids[0] == ARTICLE[5]
    assert not propose(one, ARTICLE[:5], b"b", name="2")
    assert not propose(one, ARTICLE[:5], b"", name="3")
    assert propose(one, PASSAGE[:5], b"b", name="4").token_ids[0] == PASSAGE[5]


def test_what_is_learned_during_an_answer_is_drafted_at_once() -> None:
    corpora = Corpora(1_000)
    one = SuffixSpeculator(corpora)

    assert not propose(one, ARTICLE[:5])
    corpora.learn(b"", [Lesson("article", ARTICLE)])
    assert propose(one, ARTICLE[:6]).token_ids[0] == ARTICLE[6]
    corpora.forget(b"", ["article"])
    assert not propose(one, ARTICLE[:7])


def test_a_request_id_used_again_begins_anew() -> None:
    one = speculator()
    assert propose(one, [*PASSAGE, *PASSAGE[:5]])

    one.forget("r")

    assert not propose(one, PASSAGE[:10])
    assert propose(one, [*range(300, 340), 300, 301, 302]).token_ids[0] == 303, "without forget"


@settings(max_examples=300, deadline=None)
@given(
    st.lists(st.integers(0, 3), min_size=1, max_size=40),
    st.lists(st.lists(st.integers(0, 3), max_size=20), max_size=3),
    st.integers(0, 12),
)
def test_a_draft_is_a_tree_of_steps_that_some_text_took(
    text: list[int], documents: list[list[int]], room: int
) -> None:
    one = speculator(*[(b"", document) for document in documents])

    draft = propose(one, text, room=room)

    assert len(draft) <= room
    seen: set[tuple[int, int]] = set()
    sums: dict[int, float] = {}
    for node, (token_id, parent, score) in enumerate(
        zip(draft.token_ids, draft.parents, draft.scores, strict=True)
    ):
        assert -1 <= parent < node and (parent, token_id) not in seen
        assert 0 < score < 1
        seen.add((parent, token_id))
        sums[parent] = sums.get(parent, 0.0) + score
        before = draft.token_ids[parent] if parent >= 0 else text[-1]
        assert any(_stands_in(where, [before, token_id]) for where in (text, *documents))
    assert all(total < 1 + 1e-9 for total in sums.values())


@pytest.mark.parametrize("seed", range(3))
def test_reading_on_finds_what_reading_at_once_finds(seed: int) -> None:
    dice = random.Random(seed)
    text = [dice.randrange(4) for _ in range(200)]
    one = speculator((b"", [dice.randrange(4) for _ in range(100)]))

    for stop in range(1, len(text), dice.randrange(1, 7)):
        on, at_once = propose(one, text[:stop]), propose(one, text[:stop], name=str(stop))
        assert on == at_once


def _stands_in(text: Sequence[int], string: Sequence[int]) -> bool:
    size = len(string)
    return any(list(text[i : i + size]) == list(string) for i in range(len(text) - size + 1))


def test_of_what_occurs_very_often_the_last_places_count() -> None:
    earlier = [one for number in range(70) for one in (1, 2, 3, 100 + number)]
    lately = [one for number in range(64) for one in (1, 2, 4, 200 + number)]

    draft = propose(speculator(), [*earlier, *lately, 1, 2])

    first = [one for one, parent in zip(draft.token_ids, draft.parents, strict=True) if parent < 0]
    assert first == [4]
