"""A company's own words to its bot: the same blocks in every prompt, and words that never come."""

from collections.abc import AsyncIterator
from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from app.answers.context import SHIPPED_WINDOW, Cut, Past, Piece
from app.answers.guards import Breach, Setting, find_breach, has_banned
from app.answers.parts import Own
from app.answers.planning import Plan, make_plan
from app.answers.prompt import PREAMBLE, Talk, build_prompt, head_of
from app.answers.release import Release
from app.answers.writing import Written, write
from app.knowledge.evidence import Verdict
from app.workspace.answer_policy import AnswerMode, AnswerPolicy, ReleaseMode
from inference import EngineClient, EngineConfig, ExactIds
from tests.app.answers.threads import COMPANY, answered, said, thread
from tests.app.knowledge.demo_index import demo_index
from tests.engine_processes import quick_settings, running
from tests.tiny_models import save_tiny_llama

GUIDANCE = (
    'Write to campers as a friend would. Greet with "Happy trails to every one of you" and leave '
    "out whatever sounds like a bank or a lawyer, since our customers have told us that they do "
    "not want to read letters of that kind when they are out in the hills."
)
GUIDED = AnswerPolicy(guidance=GUIDANCE)
QUESTION = "How long does standard delivery take?"


@pytest.fixture(scope="module")
async def engine(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[EngineClient]:
    folder = tmp_path_factory.mktemp("guided")
    model = save_tiny_llama(folder / "model", max_positions=4_096)
    config = EngineConfig(model=str(model), dtype="float32", num_blocks=512)
    async with running(quick_settings(config), folder) as supervisor:
        yield supervisor.client


def plan(question: str = QUESTION, policy: AnswerPolicy = GUIDED) -> Plan:
    return make_plan(demo_index(), thread(said(question), policy=policy))


async def written(engine: EngineClient, one: Plan) -> Written:
    return await write(engine, one, seed=7, salt=b"shop", show=lambda _: None)


def test_guidance_stands_behind_the_policy_and_is_no_public_text() -> None:
    one, other = (plan(question).prompt for question in (QUESTION, "How long is the warranty?"))
    plain = plan(policy=AnswerPolicy()).prompt

    assert one is not None and other is not None and plain is not None
    assert [message.text for message in one.messages[:3:2]] == [PREAMBLE, GUIDANCE]
    assert [message.public for message in one.messages[:3]] == [True, False, False]
    assert one.messages[:3] == other.messages[:3]
    assert one.messages[:2] == plain.messages[:2] and one.messages[3:] == plain.messages[2:]
    assert one.head == other.head != plain.head


async def test_conversations_of_a_workspace_share_its_blocks(engine: EngineClient) -> None:
    await written(engine, plan())

    other = await written(engine, plan("How long is the warranty?"))

    head = sum(len(one.text.encode()) for one in head_of(COMPANY, GUIDED).messages)
    assert other.num_cached_tokens is not None
    assert other.num_cached_tokens >= head - 16, "the tiny model has one token a byte"


def test_counts_of_a_prompt_with_other_guidance_are_not_believed() -> None:
    turns = (said("One?", 1), answered("Yes. " * 300, 2), said("Two?", 3))
    exact = ExactIds((7,) * 480, len(turns[1].text), SHIPPED_WINDOW.fingerprint)
    mark = head_of(COMPANY, GUIDED).mark
    old = Past(2, (Piece("user", (1,)),), Cut(), exact, num_tokens=10, head=mark)

    def num_history(policy: AnswerPolicy) -> int:
        talk = Talk(COMPANY, turns, (old,), replace(SHIPPED_WINDOW, max_tokens=500), policy)
        prompt = build_prompt(talk, [3], 2, (), 50)
        return len(prompt.messages) - len(head_of(COMPANY, policy).messages)

    assert num_history(GUIDED) == 3, "as counted it fits"
    assert num_history(replace(GUIDED, guidance="Be brief.")) == 1, "as estimated it does not"


def test_guidance_is_not_recited_but_for_what_it_quotes() -> None:
    setting = Setting(COMPANY, beside_facts=False, guidance=GUIDANCE)

    assert find_breach("Our customers have told us that they do like it.", setting) is Breach.ECHO
    assert find_breach("Happy trails to every one of you.", setting) is None


@pytest.mark.parametrize(
    "text",
    ["CHEAP.", "so cheap!", "chéap", "che\u200bap", "money back", "Money-back", "money  back"],
)
def test_banned_words_are_found_however_they_are_written(text: str) -> None:
    assert has_banned(text, ("cheap", "Money Back"))


def test_other_words_are_not_banned() -> None:
    assert not has_banned("cheaper, a money order, back", ("cheap", "money back"))
    assert not has_banned("anything", ()) and not has_banned("anything", ("!",))


def test_a_quote_with_a_banned_word_is_as_if_it_had_not_been_found() -> None:
    one = plan(policy=AnswerPolicy(never_say=("working days",)))

    assert one.verdict is Verdict.NOTHING, "other articles are named at most"
    assert all("working days" not in cited.quote for cited in one.citations)


def test_of_our_own_sentences_one_without_it_is_chosen() -> None:
    banned = AnswerPolicy(never_say=("happy", "good", "here is"))
    openings = {
        part.fallback
        for seed in range(20)
        for part in make_plan(
            demo_index(), replace(thread(said(QUESTION), policy=banned), seed=seed)
        ).parts[:1]
        if isinstance(part, Own)
    }

    assert openings == {"Thank you for your question."}


words = st.sampled_from(["cheap", "Happy", "to", "help", "you", "money", "back", "money-back", "."])


@settings(max_examples=60)
@given(st.lists(words, max_size=14), st.sampled_from(ReleaseMode), st.sampled_from(AnswerMode))
def test_no_banned_word_is_ever_shown(
    spoken: list[str], release: ReleaseMode, mode: AnswerMode
) -> None:
    banned = ("cheap", "money back", "good that you ask", "happy to help")
    one = plan(policy=AnswerPolicy(mode, release, never_say=banned))
    out = one.free.release(release) if one.free else Release(one.parts, release)

    shown = []
    for word in spoken:
        shown += out.feed(f"{word} ", None if one.free else 0)
    shown += out.finish()

    assert "".join(shown) and not has_banned("".join(shown), banned)
    assert not "".join(shown).startswith(" ")
