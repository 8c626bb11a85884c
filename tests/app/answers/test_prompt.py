"""The prompt keeps to its budget, its order, and to who said what."""

from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st

from app.answers.context import SHIPPED_WINDOW
from app.answers.prompt import MAX_NEW_CHARS, Talk, build_prompt, passages_text, system_messages
from app.conversations.answering import Turn
from app.knowledge.passages import Passage
from app.vocabulary import MessageState, Role
from inference import ChatMessage
from tests.app.answers.threads import COMPANY, answered, said
from tests.app.knowledge.demo_index import demo_index

PASSAGES = demo_index().passages[:3]
NUM_SYSTEM = len(system_messages(COMPANY))

turns = st.lists(
    st.tuples(
        st.sampled_from([Role.CUSTOMER, Role.BOT, Role.AGENT, Role.SYSTEM]),
        st.text(min_size=1, max_size=500),
        st.sampled_from([MessageState.COMPLETE, MessageState.INTERRUPTED]),
    ),
    max_size=30,
).map(
    lambda drawn: [
        Turn(role, text, seq, state) for seq, (role, text, state) in enumerate(drawn, start=1)
    ]
)


def messages_for(
    earlier: list[Turn], question: str, passages: tuple[Passage, ...] = ()
) -> tuple[ChatMessage, ...]:
    """The prompt of a conversation of which the engine has computed nothing."""
    asked = said(question, len(earlier) + 1)
    talk = Talk(COMPANY, (*earlier, asked), (), SHIPPED_WINDOW)
    return build_prompt(talk, [asked.seq], len(earlier), passages, 100).messages


def test_the_passages_stand_right_before_their_question() -> None:
    earlier = [said("Hello", 1), answered("Hello!", 2)]

    messages = messages_for(earlier, "How long?", PASSAGES)

    assert [message.role for message in messages[NUM_SYSTEM:]] == [
        "user", "assistant", "passages", "user",
    ]  # fmt: skip
    assert any(COMPANY in message.text for message in messages[:NUM_SYSTEM])
    assert messages[-2].text.startswith(f"[1] {PASSAGES[0].article.title}: ")
    assert messages[-1].text == "How long?"


@given(turns, st.text(min_size=1, max_size=5_000))
def test_no_history_and_no_question_breaks_the_budget(earlier: list[Turn], question: str) -> None:
    messages = messages_for(earlier, question, PASSAGES)

    new = messages[NUM_SYSTEM:]
    assert sum(len(message.text) for message in new) <= MAX_NEW_CHARS
    assert all(message.role == "system" for message in messages[:NUM_SYSTEM])
    assert new[-1].role == "user"
    roles = [message.role for message in new[:-2]]
    assert roles == [] or roles[0] == "user"
    assert all(a != b for a, b in pairwise(roles))


def test_the_newest_turns_are_kept() -> None:
    earlier = [
        turn
        for n in range(40)
        for turn in (said(f"Question {n} {'x' * 90}", 2 * n + 1), answered(seq=2 * n + 2))
    ]

    messages = messages_for(earlier, "And now?")

    assert "Question 39" in messages[-3].text
    assert all("Question 0 " not in message.text for message in messages)


def test_what_is_left_of_an_answer_that_was_cut_off_stands_in_it() -> None:
    left = Turn(Role.BOT, "Half of an answer.", 2, MessageState.INTERRUPTED)

    messages = messages_for([said("Hello", 1), left], "And now?")

    assert [(one.role, one.text) for one in messages[NUM_SYSTEM:]] == [
        ("user", "Hello"), ("assistant", "Half of an answer."), ("user", "And now?"),
    ]  # fmt: skip


def test_later_passages_are_left_out_when_they_do_not_fit() -> None:
    text = passages_text(demo_index().passages)

    markers = [line.split(" ")[0] for line in text.splitlines()]
    assert markers == [f"[{number}]" for number in range(1, len(markers) + 1)]
    assert 1 <= len(markers) < 10
