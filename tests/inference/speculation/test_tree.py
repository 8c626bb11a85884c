"""Merging, scoring and pruning: what comes out is a tree of what went in, the likeliest of it."""

from math import prod

import pytest
from hypothesis import given
from hypothesis import strategies as st

from inference.batch import Tree
from inference.speculation.base import Draft
from inference.speculation.tree import (
    Limits,
    Proposal,
    Scored,
    likeliest,
    likeliest_chain,
    merge,
    prune,
)

NAMES = {1: "a", 2: "b", 3: "a+b", 4: "c", 5: "a+c", 6: "b+c", 7: "a+b+c"}
WIDE = Limits(most_depth=20, vocab_size=50)


@st.composite
def drafts(draw: st.DrawFn) -> Draft:
    """Any tree over a few tokens: branches of two drafts often meet, siblings may repeat."""
    length = draw(st.integers(0, 12))
    ids = draw(st.lists(st.integers(0, 3), min_size=length, max_size=length))
    parents = [draw(st.integers(-1, node - 1)) for node in range(length)]
    scores = draw(st.lists(st.floats(0.01, 1.0), min_size=length, max_size=length))
    return Draft(tuple(ids), tuple(parents), tuple(scores))


def paths(tree: Draft | Tree) -> set[tuple[int, ...]]:
    found: list[tuple[int, ...]] = []
    for token_id, parent in zip(tree.token_ids, tree.parents, strict=True):
        assert parent < len(found), "a parent stands behind its child"
        found.append((*(found[parent] if parent >= 0 else ()), token_id))
    return set(found)


def merged(*some: Draft, limits: Limits = WIDE) -> Proposal:
    return merge([Scored(1 << bit, draft) for bit, draft in enumerate(some)], limits)


def whole(proposal: Proposal) -> Tree:
    return prune(proposal, range(len(proposal)), NAMES)


@given(st.lists(drafts(), min_size=1, max_size=3))
def test_a_merged_tree_has_each_path_once_and_says_who_drafted_it(some: list[Draft]) -> None:
    tree = whole(merged(*some))

    assert len(tree) == len(paths(tree)), "a path stands there twice"
    assert paths(tree) == set().union(*(paths(draft) for draft in some))
    by_path = {tuple(tree.path(node)): tree.drafted_by[node] for node in range(len(tree))}
    for path, names in by_path.items():
        expected = [name for name, draft in zip("abc", some, strict=False) if path in paths(draft)]
        assert names.split("+") == expected


@given(st.lists(drafts(), min_size=1, max_size=3), st.integers(0, 12))
def test_pruning_keeps_the_likeliest_and_their_parents(some: list[Draft], room: int) -> None:
    proposal = merged(*some)

    nodes = likeliest(proposal, room)

    assert len(nodes) == min(room, len(proposal))
    assert all(proposal.parents[node] in (-1, *nodes) for node in nodes)
    dropped = set(range(len(proposal))) - set(nodes)
    if nodes and dropped:
        least = min(proposal.survivals[node] for node in nodes)
        assert all(proposal.survivals[node] <= least for node in dropped)
    tree = prune(proposal, nodes, NAMES)
    assert paths(tree) <= paths(whole(proposal))


@given(st.lists(drafts(), min_size=1, max_size=3))
def test_survivals_are_chances_along_the_path_and_share_out_at_most_one(some: list[Draft]) -> None:
    proposal = merged(*some)

    for parent in {-1, *range(len(proposal))}:
        before = 1.0 if parent < 0 else proposal.survivals[parent]
        own = [node for node, one in enumerate(proposal.parents) if one == parent]
        assert sum(proposal.survivals[node] for node in own) <= before * (1 + 1e-9)
        assert all(0.0 < proposal.survivals[node] <= before for node in own)


def test_a_chain_survives_as_the_product_of_its_scores() -> None:
    scores = [0.9, 0.5, 0.7]

    proposal = merged(Draft.chain([4, 5, 6], scores))

    expected = [prod(scores[: depth + 1]) for depth in range(3)]
    assert proposal.survivals == pytest.approx(expected)
    assert whole(proposal).is_chain


def test_two_who_agree_are_surer_than_either() -> None:
    one, two = Draft.chain([4, 5], [0.6, 0.6]), Draft.chain([4, 6], [0.5, 0.3])

    proposal = merged(one, two)

    assert proposal.chances[0] == pytest.approx(1 - 0.4 * 0.5)
    assert whole(proposal).drafted_by == ("a+b", "a", "b")


def test_what_has_come_true_corrects_the_scores_depth_by_depth() -> None:
    draft = Scored(1, Draft.chain([4, 5, 6], [0.8, 0.8, 0.8]), ratios=(0.5, 1.5))

    proposal = merge([draft], WIDE)

    assert proposal.chances == pytest.approx([0.4, 0.98, 0.98])  # nobody is believed to be sure


def test_nothing_is_drafted_that_cannot_be_used() -> None:
    draft = Draft((4, 60, 5, 6, -1), (-1, -1, 0, 2, 0), (0.5,) * 5)

    tree = whole(merged(draft, limits=Limits(most_depth=2, vocab_size=50)))

    assert paths(tree) == {(4,), (4, 5)}


class Even:
    """Only even tokens, three of them."""

    start, max_tokens = 0, 3

    def is_done(self, state: int) -> bool:
        return state == 3

    def permits(self, state: int, token_id: int) -> bool:
        return token_id % 2 == 0

    def advance(self, state: int, token_id: int) -> int:
        return state + 1


def test_a_constraint_rules_out_what_it_forbids_and_what_is_behind_its_end() -> None:
    draft = Draft((2, 3, 4, 6, 8, 8), (-1, -1, 0, 2, 3, 1), (0.5,) * 6)
    limits = Limits(20, 50, constraint=Even(), start=0)  # type: ignore[arg-type]

    tree = whole(merged(draft, limits=limits))

    assert paths(tree) == {(2,), (2, 4), (2, 4, 6)}
    assert tree.states == (1, 2, 3)


def test_the_likeliest_path_stands_first_so_that_it_need_not_move() -> None:
    draft = Draft((1, 2, 3, 4, 5), (-1, -1, 0, 1, 3), (0.2, 0.7, 0.9, 0.8, 0.9))
    proposal = merged(draft)

    tree = whole(proposal)

    assert [tree.path(node) for node in range(5)] == [[2], [2, 4], [2, 4, 5], [1], [1, 3]]
    assert likeliest_chain(proposal) == [1, 3, 4]
    assert tree.depths == (1, 2, 3, 1, 2)


def test_a_drafter_that_says_the_same_twice_is_no_second_witness() -> None:
    twice = Draft((5, 5), (-1, -1), (0.3, 0.4))
    once = Draft((5,), (-1,), (0.4,))

    alone, agreed = merged(twice), merged(once, once)

    assert alone.token_ids == agreed.token_ids == [5]
    assert alone.survivals == pytest.approx([0.4])
    assert agreed.survivals == pytest.approx([0.64])
