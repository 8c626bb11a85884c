"""The prompt keeps to its budget, its order, and to who said what."""

from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st

from app.answers.prompt import MAX_PROMPT_CHARS, build_messages, passages_text
from app.conversations.answering import Turn
from app.vocabulary import MessageState, Role
from tests.app.answers.threads import COMPANY, answered, said
from tests.app.knowledge.demo_index import demo_index

PASSAGES = demo_index().passages[:3]

turns = st.lists(
    st.builds(
        Turn,
        st.sampled_from([Role.CUSTOMER, Role.BOT, Role.AGENT, Role.SYSTEM]),
        st.text(min_size=1, max_size=500),
        st.integers(1, 100),
        st.just(MessageState.COMPLETE),
    ),
    max_size=30,
)


def test_the_passages_stand_right_before_their_question() -> None:
    earlier = [said("Hello", 1), answered("Hello!", 2)]

    messages = build_messages(COMPANY, earlier, "How long?", PASSAGES)

    assert [message.role for message in messages] == [
        "system", "user", "assistant", "passages", "user",
    ]  # fmt: skip
    assert messages[0].text.startswith("You are the customer care assistant of Fernhill Supply.")
    assert messages[-2].text.startswith(f"[1] {PASSAGES[0].article.title}: ")
    assert messages[-1].text == "How long?"


@given(turns, st.text(max_size=5_000))
def test_no_history_and_no_question_breaks_the_budget(earlier: list[Turn], question: str) -> None:
    messages = build_messages(COMPANY, earlier, question, PASSAGES)

    assert sum(len(message.text) for message in messages) <= MAX_PROMPT_CHARS
    assert messages[0].role == "system" and messages[-1].role == "user"
    roles = [message.role for message in messages[1:-2]]
    assert roles == [] or roles[0] == "user"
    assert all(a != b for a, b in pairwise(roles))


def test_the_newest_turns_are_kept() -> None:
    earlier = [turn for n in range(40) for turn in (said(f"Question {n} {'x' * 90}"), answered())]

    messages = build_messages(COMPANY, earlier, "And now?", ())

    assert "Question 39" in messages[-3].text
    assert all("Question 0 " not in message.text for message in messages)


def test_later_passages_are_left_out_when_they_do_not_fit() -> None:
    text = passages_text(demo_index().passages)

    markers = [line.split(" ")[0] for line in text.splitlines()]
    assert markers == [f"[{number}]" for number in range(1, len(markers) + 1)]
    assert 1 <= len(markers) < 10
