"""A prompt begins with the one before it; when the window is full, it is cut once and by much."""

from dataclasses import dataclass, field
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.answers.context import (
    SPARE_TOKENS,
    Past,
    Window,
    estimate_tokens,
    restored,
    to_store,
)
from app.answers.prompt import Prompt, Talk, build_prompt, system_messages
from app.conversations.answering import Turn
from app.engines import SHIPPED_MODEL
from app.knowledge.passages import Passage
from app.vocabulary import MessageState, Role
from inference import ExactIds
from inference.tokenizer import Tokenizer
from tests.app.answers.threads import COMPANY
from tests.app.knowledge.demo_index import demo_articles, demo_index, questions

PASSAGES = demo_index().passages
FINGERPRINT = "a model"
SHIPPED = Tokenizer(SHIPPED_MODEL, 8_192, FINGERPRINT)
ANSWER_TOKENS = 120
NUM_SYSTEM = len(system_messages(COMPANY))


@dataclass
class Growing:
    """A conversation that goes on as the service has it, counted by the shipped tokenizer."""

    window: Window = field(default_factory=lambda: Window(2_048, FINGERPRINT))
    turns: list[Turn] = field(default_factory=list)
    pasts: list[Past] = field(default_factory=list)
    answered_seq: int = 0

    def hear(self, role: Role, text: str, state: MessageState = MessageState.COMPLETE) -> int:
        seq = len(self.turns) + 1
        self.turns.append(Turn(role, text, seq, state))
        return seq

    def ask(self, text: str, passages: tuple[Passage, ...] = ()) -> Prompt:
        asked = self.hear(Role.CUSTOMER, text)
        talk = Talk(COMPANY, tuple(self.turns), tuple(self.pasts), self.window)
        return build_prompt(talk, [asked], self.answered_seq, passages, ANSWER_TOKENS)

    def answer(self, prompt: Prompt, text: str) -> None:
        """Give it whole, and store it as a row is stored and read."""
        seq = self.answered_seq = self.hear(Role.BOT, text)
        ids = SHIPPED.encode(text)
        exact = ExactIds(tuple(ids), len(text), self.window.fingerprint)
        row = to_store(prompt.pieces, prompt.cut, exact)
        past = restored(row, seq, ids, len(SHIPPED.encode_prompt(prompt.messages)))
        assert past is not None
        self.pasts.append(past)

    def agent(self, text: str) -> None:
        self.answered_seq = self.hear(Role.AGENT, text)


def spoken(prompt: Prompt) -> list[tuple[str, str]]:
    return [(message.role, message.text) for message in prompt.messages[NUM_SYSTEM:]]


def ids(prompt: Prompt) -> list[int]:
    return SHIPPED.encode_prompt(prompt.messages)


def test_a_prompt_is_the_one_before_it_its_answer_and_what_is_new() -> None:
    talk = Growing()
    first = talk.ask("How long does delivery take?", PASSAGES[:3])
    talk.answer(first, "Sure. It takes 3 days. [1]")

    second = talk.ask("And to Hawaii?", PASSAGES[3:5])

    before = [*ids(first), *SHIPPED.encode("Sure. It takes 3 days. [1]")]
    assert ids(second)[: len(before)] == before
    assert [role for role, _ in spoken(second)] == [
        "passages", "user", "assistant", "passages", "user",
    ]  # fmt: skip


def test_all_workspaces_share_the_blocks_of_the_preamble() -> None:
    one, other = (system_messages(company) for company in (COMPANY, "Another Company"))

    first, second = (SHIPPED.count_public(own, SHIPPED.encode_prompt(own)) for own in (one, other))
    assert first == second >= 2 * 16
    assert one[0] == other[0] and COMPANY not in one[0].text


def test_what_people_said_meanwhile_comes_in_once_and_stays() -> None:
    talk = Growing()
    first = talk.ask("My parcel is broken.")
    talk.answer(first, "I am sorry. A colleague can help.")
    talk.hear(Role.SYSTEM, "Ana has joined.")
    talk.hear(Role.CUSTOMER, "Hello?")
    talk.agent("A new one is on its way.")
    talk.hear(Role.SYSTEM, "Ana has left.")

    second = talk.ask("Thank you! How long will it take?")
    talk.answer(second, "It takes 3 days.")
    third = talk.ask("Thanks.")

    assert spoken(second)[2:] == [
        ("user", "Hello?"),
        ("agent", "A new one is on its way."),
        ("user", "Thank you! How long will it take?"),
    ]
    assert spoken(third) == [
        *spoken(second), ("assistant", "It takes 3 days."), ("user", "Thanks."),
    ]  # fmt: skip


def long_talk(talk: Growing, num_turns: int = 40) -> list[Prompt]:
    prompts = []
    for number in range(num_turns):
        passages = PASSAGES[number % 20 : number % 20 + 3]
        prompt = talk.ask(f"Question {number}: how do I return it, and when?", passages)
        talk.answer(prompt, f"{number}. You can return it within 45 days. [1] Is that fine?")
        prompts.append(prompt)
    return prompts


def test_a_full_window_is_cut_once_and_by_much() -> None:
    prompts = long_talk(Growing())

    sizes = [len(ids(prompt)) for prompt in prompts]
    cuts = [after for before, after in pairwise(prompts) if before.cut != after.cut]
    extended = [
        ids(after)[: len(ids(before))] == ids(before)
        for before, after in pairwise(prompts)
        if before.cut == after.cut
    ]
    assert all(extended)
    assert 3 <= len(cuts) <= len(prompts) // 3
    assert max(sizes) + ANSWER_TOKENS <= 2_048
    assert max(sizes) > 0.7 * 2_048, "the window is used"
    for prompt in cuts:
        roles = [role for role, _ in spoken(prompt)]
        assert prompt.messages[:NUM_SYSTEM] == system_messages(COMPANY)
        assert roles.count("passages") == 1 and roles[-2] == "passages"
        assert roles.count("assistant") >= 2, "the newer half is still there"


@pytest.mark.parametrize("max_tokens", [64, 512, 1_024, 8_192])
def test_every_prompt_fits_or_has_no_history_left(max_tokens: int) -> None:
    for prompt in long_talk(Growing(Window(max_tokens, FINGERPRINT)), 24):
        has_history = len(spoken(prompt)) > 2
        assert len(ids(prompt)) + ANSWER_TOKENS <= max_tokens or not has_history


def test_a_new_model_reads_the_texts() -> None:
    talk = Growing()
    first = talk.ask("How long?", PASSAGES[:1])
    talk.answer(first, "It takes 3 days.")
    old = talk.ask("And then?")

    talk.turns.pop()
    talk.window = Window(2_048, "another model")
    new = talk.ask("And then?")

    assert [(one.role, one.text) for one in old.messages] == [
        (one.role, one.text) for one in new.messages
    ]


def test_erased_words_are_gone_from_the_next_prompt() -> None:
    talk = Growing()
    talk.answer(talk.ask("My card number is 4242."), "Please do not send it.")
    talk.turns[0] = Turn(Role.CUSTOMER, "", 1, MessageState.COMPLETE)

    assert spoken(talk.ask("Sorry."))[0] == ("assistant", "Please do not send it.")


def test_a_row_of_another_layout_enters_as_text() -> None:
    prompt = Growing().ask("Hello")
    row = to_store(prompt.pieces, prompt.cut, ExactIds((20,), 1, FINGERPRINT))

    assert restored(row | {"layout": 0}, 2, [20], 9) is None
    assert restored(None, 2, [20], 9) is None


def test_what_is_in_english_is_rather_shorter_than_estimated() -> None:
    asked = [one.question for one in questions()]
    for text in (*asked, *(article.body_md for article in demo_articles())):
        assert len(SHIPPED.encode(text)) <= estimate_tokens(text) + SPARE_TOKENS
    assert sum(map(estimate_tokens, asked)) > 1.2 * sum(len(SHIPPED.encode(one)) for one in asked)


@given(st.text(alphabet=st.characters(min_codepoint=128, exclude_categories=["Cs"]), max_size=50))
def test_other_scripts_are_not_longer_than_estimated(text: str) -> None:
    assert len(SHIPPED.encode(text)) <= estimate_tokens(text)
