"""What the next turn will be: every question ends at an article, a person, or an honest no."""

import pytest

from app.answers import phrases
from app.answers.parts import Copy, Own
from app.answers.planning import Plan, make_plan, needs_no_words
from app.answers.policy import Move
from app.answers.prompt import MAX_NEW_CHARS
from app.answers.topics import Topic
from app.answers.wishes import wishes_of
from app.knowledge import evidence
from app.knowledge.evidence import Verdict
from app.knowledge.meaning import open_meaning
from app.vocabulary import Chip, HandoffReason
from inference import Exactly, SamplingParams, Words
from tests.app.answers.threads import answered, cut_off, said, thread
from tests.app.knowledge.demo_index import demo_index, questions

DELIVERY = "How long does standard delivery take?"
PAYPAL = "Can I pay with PayPal?"
BICYCLES = "Do you sell bicycles?"


def plan_for(*texts: str, last_verdict: Verdict | None = None) -> Plan:
    turns = [said(text, number) for number, text in enumerate(texts, start=1)]
    return make_plan(demo_index(), thread(*turns, last_verdict=last_verdict))


def copies(plan: Plan) -> str:
    return "".join(part.text for part in plan.parts if isinstance(part, Copy))


def test_a_grounded_answer_is_own_words_around_an_exact_quote() -> None:
    plan = plan_for(DELIVERY)

    kinds = [type(part) for part in plan.parts]
    assert kinds == [Own, Copy, Copy, Copy, Own]
    [citation] = plan.citations
    assert f" {citation.quote} [1]" == copies(plan)
    assert "3 to 5 working days" in citation.quote
    assert citation.url == "/articles/delivery-times-and-costs?v=1#p1"
    assert plan.chips == (Chip.HELPED, Chip.NOT_HELPED, Chip.HUMAN)


def test_the_engine_can_follow_every_plan() -> None:
    for one in questions():
        plan = plan_for(one.question)
        if plan.prompt is None:
            continue
        guide = tuple(part.segment() for part in plan.parts)
        assert SamplingParams(guide=guide).guide == guide
        for part, segment in zip(plan.parts, guide, strict=True):
            assert isinstance(segment, Words if isinstance(part, Own) else Exactly)
        assert plan.prompt.messages[-1].role == "user"
        assert sum(len(message.text) for message in plan.prompt.messages) <= MAX_NEW_CHARS


def test_every_turn_says_something_or_brings_a_human() -> None:
    for one in questions():
        plan = plan_for(one.question)

        assert plan.parts or plan.handoff is not None
        if plan.verdict in (Verdict.ANSWER, Verdict.UNSURE):
            assert plan.citations or len(plan.options) == 2
        if plan.verdict is Verdict.NOTHING:
            assert Chip.HUMAN in plan.chips


def test_what_no_article_answers_is_said_once_and_then_a_human_comes() -> None:
    first = plan_for(BICYCLES)
    second = plan_for(BICYCLES, last_verdict=Verdict.NOTHING)

    assert copies(first) in phrases.UNKNOWN
    assert (first.handoff, first.chips) == (None, (Chip.HUMAN,))
    assert copies(second) == phrases.STILL_UNKNOWN
    assert second.handoff is HandoffReason.NO_EVIDENCE


def test_a_maybe_is_called_one_and_two_maybes_bring_a_human(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(evidence, "ANSWER_CONFIDENCE", 1.0)  # whatever the reader thinks of it
    question = "How do I wash a down jacket?"
    first = plan_for(question)
    second = plan_for(question, last_verdict=Verdict.UNSURE)

    assert first.verdict is Verdict.UNSURE
    assert copies(first).startswith(phrases.UNSURE_OPENING)
    assert first.citations[0].quote in copies(first)
    assert second.handoff is HandoffReason.NO_EVIDENCE


def test_asking_for_a_person_needs_no_words() -> None:
    conversation = thread(said("I want to talk to a human"))

    assert needs_no_words(conversation, wishes_of(open_meaning())) is HandoffReason.ASKED
    plan = make_plan(demo_index(), conversation)
    assert (plan.parts, plan.handoff) == ((), HandoffReason.ASKED)


def test_a_policy_topic_is_worded_by_us_and_handed_over() -> None:
    conversation = thread(said("I want to kill myself"))

    assert needs_no_words(conversation, wishes_of(open_meaning())) is None
    plan = make_plan(demo_index(), conversation)
    assert copies(plan) == phrases.TOPICS[Topic.SELF_HARM]
    assert (plan.prompt, plan.handoff) == (None, HandoffReason.POLICY)


def test_a_person_asked_for_anywhere_in_a_row_of_messages_comes() -> None:
    assert plan_for(DELIVERY, "human please").handoff is HandoffReason.ASKED


def test_messages_in_a_row_are_answered_together() -> None:
    plan = plan_for("hello", DELIVERY, PAYPAL)

    assert [citation.marker for citation in plan.citations] == [1, 2]
    assert "3 to 5 working days" in plan.citations[0].quote
    assert "PayPal" in plan.citations[1].quote
    assert copies(plan).index("[1]") < copies(plan).index("[2]")


def test_several_questions_are_answered_apart_and_the_unknown_one_is_named() -> None:
    plan = plan_for(f"hi! {PAYPAL} Also, do you sell bicycles? {DELIVERY}")

    assert plan.verdict is Verdict.ANSWER
    quotes = " ".join(citation.quote for citation in plan.citations)
    assert "PayPal" in quotes and "3 to 5 working days" in quotes
    assert copies(plan).endswith(phrases.UNANSWERED.format(parts="“do you sell bicycles”"))
    assert plan.gaps == ("do you sell bicycles?",)


def test_two_questions_of_one_article_hear_different_sentences() -> None:
    plan = plan_for("How much is express delivery and when do I have to order?")

    told = " ".join(citation.quote for citation in plan.citations)
    assert "$11.95" in told and "2 p.m." in told


@pytest.mark.parametrize("asked", ["do you sell <b>bicycles</b>?", "do you sell http://x.y bikes?"])
def test_what_should_not_stand_in_an_answer_is_not_repeated(asked: str) -> None:
    plan = plan_for(f"{PAYPAL} {asked}")

    assert copies(plan).endswith(phrases.UNKNOWN) and "<" not in copies(plan)


def test_thanks_in_between_do_not_end_what_a_follow_up_continues() -> None:
    turns = (said(DELIVERY, 1), answered(seq=2), said("thanks!", 3), answered(seq=4))

    asked = thread(*turns, said("and to Hawaii?", 5), answered_seq=4)

    assert asked.asked_before == DELIVERY
    assert "Hawaii" in make_plan(demo_index(), asked).citations[0].quote


def test_what_was_meant_instead_takes_the_place_of_what_was_said() -> None:
    turns = (said("how do I wash my tent", 1), answered(seq=2))

    asked = thread(*turns, said("no, I meant my down jacket", 3), answered_seq=2)

    assert make_plan(demo_index(), asked).citations[0].title == "Wash a down jacket or sleeping bag"


def test_what_was_cut_off_is_answered_with_what_cut_it_off() -> None:
    turns = (said(DELIVERY, 1), cut_off(seq=2), said(PAYPAL, 4))

    together = thread(*turns)
    apart = thread(*turns, answered_seq=2)

    assert together.pending == (DELIVERY, PAYPAL)
    assert apart.pending == (PAYPAL,)
    assert len(make_plan(demo_index(), together).citations) == 2
    assert len(make_plan(demo_index(), apart).citations) == 1


def test_a_follow_up_is_read_with_the_question_before_it() -> None:
    alone = plan_for("and to Hawaii?")
    after = make_plan(
        demo_index(),
        thread(
            said("How long does delivery take?", 1),
            answered(),
            said("and to Hawaii?", 3),
            answered_seq=2,
        ),
    )

    assert after.verdict is Verdict.ANSWER
    assert "Hawaii" in after.citations[0].quote and "7 to 10" in after.citations[0].quote
    assert alone.verdict is not None


@pytest.mark.parametrize(
    "text, move, num_own",
    [
        ("hello", Move.GREETING, 2),
        ("thanks!", Move.THANKS, 2),
        ("bye", Move.GOODBYE, 1),
        ("are you a robot?", Move.IDENTITY, 1),
        ("what can you do?", Move.ABILITY, 1),
    ],
)
def test_small_talk_is_the_models_and_facts_about_us_are_ours(
    text: str, move: Move, num_own: int
) -> None:
    plan = plan_for(text)

    assert plan.route.move is move
    assert sum(isinstance(part, Own) for part in plan.parts) == num_own
    assert not plan.citations
    if move is Move.IDENTITY:
        assert "AI assistant of Fernhill Supply" in copies(plan)


def test_the_same_thread_gives_the_same_plan() -> None:
    assert plan_for(DELIVERY) == plan_for(DELIVERY)
