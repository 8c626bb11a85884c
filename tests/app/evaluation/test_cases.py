"""The shipped set fits the demo's articles, and a wrong set is told with its line."""

import json
from collections import Counter
from pathlib import Path

import pytest

from app.demo.articles import read_articles
from app.errors import BadQuestionSet
from app.evaluation.cases import FILE, Kind, Split, read_cases
from app.evaluation.choices import Part
from app.evaluation.command import choose

GOOD = {"id": "far-1", "kind": "far", "split": "tune", "question": "Who are the Beatles?"}


def test_the_shipped_set_is_large_and_every_kind_stands_in_both_halves() -> None:
    cases = read_cases()

    assert len(cases) >= 300
    assert len({(case.before, case.question.casefold()) for case in cases}) == len(cases)
    counts = Counter((case.kind, case.split) for case in cases)
    for kind in Kind:
        assert abs(counts[kind, Split.TUNE] - counts[kind, Split.HELD_OUT]) <= 1
        assert counts[kind, Split.HELD_OUT] >= 10


def test_every_named_article_exists_and_holds_every_fact() -> None:
    texts = {
        article.slug: " ".join(f"{article.title} {article.body_md}".split()).casefold()
        for article in read_articles()
    }
    for case in read_cases():
        assert set(case.articles) <= set(texts), case.id
        named = [texts[slug] for slug in case.articles]
        for wordings in case.facts:
            for fact in wordings:
                assert any(fact.casefold() in text for text in named), (case.id, fact)


def test_no_question_holds_its_own_answer() -> None:
    for case in read_cases():
        if case.is_answerable:
            asked = " ".join((*case.before, case.question))
            assert not case.is_answered_by(asked), case.id


def test_one_half_can_be_chosen() -> None:
    tune = choose(FILE, Part.TUNE)

    assert tune and {case.split for case in tune} == {Split.TUNE}


@pytest.mark.parametrize(
    "line, told",
    [
        ("{", "line 2: "),
        (json.dumps(GOOD | {"kind": "odd"}), "line 2: kind: "),
        (json.dumps(GOOD | {"colour": 1}), "line 2: colour: "),
        (json.dumps(GOOD | {"id": ""}), "line 2: id: "),
        (json.dumps(GOOD), "line 2: the id 'far-1' is used twice"),
        (json.dumps(GOOD | {"id": "2", "kind": "follow_up"}), "line 2: .*articles and facts"),
        (json.dumps(GOOD | {"id": "2", "kind": "handoff"}), "line 2: .*reason"),
        (json.dumps(GOOD | {"id": "2", "kind": "injection"}), "line 2: .*must not be said"),
    ],
)
def test_a_wrong_line_is_told_by_its_number(tmp_path: Path, line: str, told: str) -> None:
    path = tmp_path / "set.jsonl"
    path.write_text(f"{json.dumps(GOOD)}\n{line}\n", encoding="utf-8")

    with pytest.raises(BadQuestionSet, match=told):
        read_cases(path)


def test_a_set_that_is_missing_empty_or_of_another_shop_is_refused(tmp_path: Path) -> None:
    empty = tmp_path / "empty.jsonl"
    empty.write_text("\n", encoding="utf-8")
    foreign = tmp_path / "foreign.jsonl"
    asks = GOOD | {"kind": "answerable", "articles": ["no-such"], "facts": [["4 days"]]}
    foreign.write_text(json.dumps(asks), encoding="utf-8")

    with pytest.raises(BadQuestionSet, match="cannot be read"):
        read_cases(tmp_path / "missing.jsonl")
    with pytest.raises(BadQuestionSet, match="holds no questions"):
        read_cases(empty)
    with pytest.raises(BadQuestionSet, match="'no-such', which is no article"):
        choose(foreign, Part.ALL)
