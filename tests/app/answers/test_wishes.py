"""A person is called in wordings that no pattern has, and ordinary questions stay with the bot.

None of these sentences stands in the exemplars.
"""

from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from app.answers.exemplars import TOPICS
from app.answers.policy import Move, route
from app.answers.topics import Topic
from app.answers.wishes import FILE, Wishes, exemplars, wishes_of, write_vectors
from app.knowledge.meaning import open_meaning
from app.vocabulary import HandoffReason

TOLD = [
    ("enough of this automated nonsense, I want to speak to staff", None),
    ("Get your supervisor on the line", None),
    ("have your colleague write to me", None),
    ("Let me deal with a proper employee", None),
    ("the lamp went up in smoke on my desk", Topic.SAFETY),
    ("the charger sparked and I felt a jolt", Topic.SAFETY),
    ("After using the cream my face is swollen and red", Topic.SAFETY),
    ("I see a purchase on my profile that wasn't me", Topic.FRAUD),
    ("a crook bought a laptop with my login", Topic.FRAUD),
    ("I paid once but my statement has it twice", Topic.MONEY),
    ("you've been debiting me each month though I ended the plan in May", Topic.MONEY),
    ("see you before the judge then", Topic.LEGAL),
    ("the manner in which your staff spoke to us was appalling", Topic.COMPLAINT),
    ("I'm going to swallow all my tablets", Topic.SELF_HARM),
]


@pytest.fixture(scope="module")
def wishes() -> Wishes:
    return wishes_of(open_meaning())


@pytest.mark.parametrize("text, topic", TOLD)
def test_it_is_heard_in_other_words_than_ours(
    text: str, topic: Topic | None, wishes: Wishes
) -> None:
    assert text not in exemplars()

    routed = route(text, wishes=wishes)

    reason = HandoffReason.POLICY if topic else HandoffReason.ASKED
    assert (routed.move, routed.reason, routed.topic) == (Move.HANDOFF, reason, topic)


@pytest.mark.parametrize(
    "text",
    [
        "How many people fit into the big tent?",
        "Can my neighbor take the parcel?",
        "Does the lantern get warm?",
        "Which e-mail address should I write to?",
        "My card was refused at checkout",
        "How long do refunds take?",
        "Is it allowed to make a fire there?",
        "I am unhappy with the size, can I swap it?",
        "The zipper died after two months",
        "Do the boots hurt at first?",
    ],
)
def test_an_ordinary_question_stays_with_the_bot(text: str, wishes: Wishes) -> None:
    assert route(text, wishes=wishes).move is Move.ANSWER


def test_of_several_sentences_the_gravest_counts(wishes: Wishes) -> None:
    text = (
        "I ordered a stove last week. Your driver was very rude to me. "
        "And then flames shot out of it and my hand got hurt."
    )

    assert route(text, wishes=wishes).topic is Topic.SAFETY


@settings(max_examples=8, deadline=None)
@given(st.text(max_size=40), st.sampled_from([one for _, one in TOPICS]))
def test_whatever_is_said_before_it_a_danger_is_heard(before: str, lines: str) -> None:
    said = next(line.strip() for line in lines.splitlines() if line.strip())

    routed = route(f"{before}.\n{said}.", wishes=wishes_of(open_meaning()))

    assert routed.move is Move.HANDOFF


def test_the_kept_vectors_are_those_of_the_sentences(tmp_path: Path) -> None:
    meaning = open_meaning()
    write_vectors(meaning, tmp_path / "anew.safetensors")

    kept = Wishes(meaning)

    assert len(exemplars()) == len(set(exemplars()))
    read = np.concatenate([kept._wanted, kept._talk, kept._ordinary])
    np.testing.assert_allclose(read, meaning.encode(exemplars()), atol=2e-3)
    assert FILE.stat().st_size == (tmp_path / "anew.safetensors").stat().st_size
