"""A maybe between two articles is asked about once; what is near is named where nothing answers."""

from dataclasses import replace

import pytest

from app.answers.clarifying import picked, title_of
from app.answers.phrasebooks import book_of
from app.answers.planning import Plan, make_plan
from app.demo.questions import read_questions
from app.knowledge.evidence import Verdict
from app.vocabulary import Chip, HandoffReason
from tests.app.answers.threads import answered, said, thread
from tests.app.knowledge.demo_index import demo_index

TITLES = ("Ways to pay", "Spare parts, manuals and assembly")
PLANS = {
    one.question: make_plan(demo_index(), thread(said(one.question))) for one in read_questions()
}
ASKING = {question: plan for question, plan in PLANS.items() if plan.options}
NAMING = [one for one in PLANS.values() if one.verdict is Verdict.NOTHING and one.citations]


def text_of(plan: Plan) -> str:
    return "".join(getattr(part, "text", "") for part in plan.parts)


def then(question: str, reply: str) -> Plan:
    first = PLANS[question]
    known = thread(
        said(question), answered(text_of(first)), said(reply, 3),
        answered_seq=2, last_verdict=first.verdict,
    )  # fmt: skip
    return make_plan(demo_index(), replace(known, options=first.options))


def test_a_maybe_between_two_articles_is_a_question() -> None:
    assert ASKING, "the demo's questions have such a case"
    for plan in ASKING.values():
        titles = [title_of(demo_index(), slug) for slug in plan.options]
        assert text_of(plan) == book_of("en").which.format(one=titles[0], other=titles[1])
        assert (plan.verdict, plan.chips, plan.citations) == (Verdict.UNSURE, (Chip.HUMAN,), ())


@pytest.mark.parametrize("at", [0, 1])
def test_what_is_picked_is_answered_from_that_article(at: int) -> None:
    for question, plan in ASKING.items():
        for reply in (str(at + 1), ("the first one", "the second, please")[at]):
            answer = then(question, reply)

            assert answer.verdict is Verdict.ANSWER, (question, reply)
            assert answer.articles[0] == plan.options[at]
            assert answer.citations[0].quote in text_of(answer)


def test_a_second_maybe_is_not_asked_about_again() -> None:
    question = next(iter(ASKING))
    again = make_plan(demo_index(), thread(said(question), last_verdict=Verdict.UNSURE))

    assert again.options == () and again.handoff is HandoffReason.NO_EVIDENCE


@pytest.mark.parametrize(
    ("reply", "at"),
    [
        ("1", 0), ("2.", 1), ("the second", 1), ("Spare parts!", 1), ("pay", 0), ("das erste", 0),
        ("la segunda", 1), ("الثاني", 1), ("both", None), ("1 or 2", None), ("", None),
        ("neither of them, I want to know when my parcel with the lamp will come", None),
    ],
)  # fmt: skip
def test_a_pick_is_understood_by_number_or_name(reply: str, at: int | None) -> None:
    assert picked(reply, TITLES) == at


def test_where_nothing_answers_near_articles_are_named_and_a_person_offered() -> None:
    assert NAMING, "the demo's questions have such a case"
    for plan in NAMING:
        assert any(text_of(plan).startswith(text) for text in book_of("en").unknown)
        assert plan.chips == (Chip.HUMAN,) and 1 <= len(plan.citations) <= 2
        for citation in plan.citations:
            assert f"“{citation.title}” [{citation.marker}]" in text_of(plan)


def test_far_from_everything_no_article_is_named() -> None:
    for question in ("What is a prime number?", "Who won the election?", "Write me a poem"):
        plan = make_plan(demo_index(), thread(said(question)))
        assert plan.verdict in (Verdict.NOTHING, None) and plan.citations == ()
