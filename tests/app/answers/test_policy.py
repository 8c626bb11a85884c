"""What goes to a human, what is small talk, and what is a question."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.answers.policy import Move, route
from app.answers.topics import Topic
from app.demo.questions import Question
from app.vocabulary import HandoffReason
from tests.app.knowledge.demo_index import questions


@pytest.mark.parametrize("one", questions(), ids=lambda one: one.id)
def test_the_question_file_is_routed_as_it_says(one: Question) -> None:
    routed = route(one.question)

    told = routed.reason if routed.move is Move.HANDOFF else routed.move
    expected = one.expect if one.kind in ("handoff", "smalltalk") else Move.ANSWER
    is_far = one.kind == "far" and told is Move.ABILITY  # an attempt to talk it out of its rules
    assert told == expected or is_far


@pytest.mark.parametrize(
    "text, topic",
    [
        ("I want to die", Topic.SELF_HARM),
        ("The stove caught fire", Topic.SAFETY),
        ("my account was hacked", Topic.FRAUD),
        ("I will take you to court", Topic.LEGAL),
        ("I want to make a formal complaint", Topic.COMPLAINT),
        ("fuck you", Topic.ABUSE),
        ("i dont want to live any more", Topic.SELF_HARM),
        ("the canister leaks gas", Topic.SAFETY),
        ("it smells of gas in here", Topic.SAFETY),
        ("I will sue you, you bastards, the stove exploded", Topic.SAFETY),
    ],
)
def test_policy_topics_go_to_a_human_the_gravest_first(text: str, topic: Topic) -> None:
    routed = route(text)

    assert (routed.move, routed.reason, routed.topic) == (
        Move.HANDOFF, HandoffReason.POLICY, topic,
    )  # fmt: skip


@pytest.mark.parametrize(
    "text",
    [
        "Human please!",
        "can you connect me with an agent",
        "Ich will mit einem Mitarbeiter sprechen.",
        "Je voudrais parler à quelqu'un",
        "¿Puedo hablar con alguien?",
        "vorrei parlare con un operatore",
        "quero falar com um atendente",
        "Ik wil een medewerker spreken",
        "أريد التحدث مع موظف",
        "AGENT",
        "Thanks, but I would like a real person",
        "live agent pls",
        "please transfer me to support",
        "i dont want to talk to a machine",
    ],
)
def test_whoever_asks_for_a_person_gets_one(text: str) -> None:
    assert route(text).reason is HandoffReason.ASKED


@pytest.mark.parametrize(
    "text",
    [
        "How heavy is the two-person tent?",
        "Which travel agent do you work with?",
        "Is the store open to people with dogs?",
        "Does the warranty cover burns?",
        "Thanks, how long does delivery take?",
        "Hi, where is my parcel?",
        "Can I return underwear? no",
        "I need help with my order",
        "Is a person needed at home for delivery?",
    ],
)
def test_a_question_stays_a_question(text: str) -> None:
    assert route(text).move is Move.ANSWER


def test_yes_and_no_mean_what_was_offered() -> None:
    assert route("yes please", was_person_offered=True).reason is HandoffReason.ASKED
    assert route("yes").move is Move.THANKS
    assert route("no thanks", was_person_offered=True).move is Move.DECLINED


def test_a_useless_answer_brings_a_human() -> None:
    assert route("that did not help").reason is HandoffReason.NOT_HELPED


@given(st.text(max_size=300))
def test_any_text_has_a_route(text: str) -> None:
    routed = route(text)

    assert (routed.move is Move.HANDOFF) == (routed.reason is not None)


@given(st.sampled_from(["human please", "kill myself"]), st.text(max_size=50), st.text(max_size=50))
def test_nothing_written_around_it_talks_the_bot_out_of_it(
    words: str, before: str, after: str
) -> None:
    assert route(f"{before} {words} {after}").move is Move.HANDOFF
