"""The bot's turn from message to stored answer, on a real database and a real engine process."""

import pytest
from sqlalchemy import select

from app.answers import phrases
from app.answers.planning import make_plan
from app.answers.repository import read_dialogue
from app.answers.topics import Topic
from app.answers.writing import write
from app.models import KbGap
from app.vocabulary import (
    Chip,
    Control,
    EndReason,
    EventType,
    HandoffReason,
    MessageState,
    Outcome,
    Role,
    Side,
)
from inference import EngineClient, EngineSupervisor
from tests.app.answers.conftest import CLOSING, OPENING
from tests.app.answers.rig import Rig, answering
from tests.app.answers.threads import said, thread
from tests.app.knowledge.demo_index import demo_index
from tests.engine_processes import held

STANDARD = "How long does standard delivery take?"
FREIGHT = "Do I have to be at home for a freight delivery?"
WARRANTY = "How long is the warranty?"


async def test_a_question_is_answered_with_a_cited_copy(rig: Rig) -> None:
    conversation_id = await rig.ask(STANDARD)

    [said] = await rig.messages(conversation_id, Role.BOT)
    [citation] = said.citations
    assert said.text == f"{OPENING} {citation['quote']} [1] {CLOSING}"
    assert "3 to 5 working days" in citation["quote"]
    assert said.chips == [Chip.HELPED, Chip.NOT_HELPED, Chip.HUMAN]
    assert said.state is MessageState.COMPLETE
    assert rig.shown() == said.text
    assert (await rig.conversation(conversation_id)).waiting_on is Side.CUSTOMER


async def test_readers_see_the_phases_and_then_several_pieces(rig: Rig) -> None:
    await rig.ask(STANDARD)

    kinds = [frame["t"] for frame in rig.frames]
    phases = [frame["d"]["phase"] for frame in rig.frames if frame["t"] == "answer.status"]
    assert kinds[0] == "answer.started" and kinds[-1] == "answer.ended"
    assert phases == ["searching", "reading", "writing"]
    assert kinds.count("answer.delta") > 5


async def test_what_a_model_must_not_say_is_replaced_before_anybody_sees_it(rig: Rig) -> None:
    conversation_id = await rig.ask("When do I get my refund?")

    [said] = await rig.messages(conversation_id, Role.BOT)
    generation = await rig.generation(said)
    assert "refunded you" not in rig.shown() and "today" not in said.text
    assert "within 5 working days" in said.text
    assert generation.retrieval is not None
    assert len(generation.retrieval["breaches"]) == 2


async def test_ids_of_words_that_nobody_has_seen_are_not_kept(rig: Rig) -> None:
    conversation_id = await rig.ask("When do I get my refund?")

    [said] = await rig.messages(conversation_id, Role.BOT)
    generation = await rig.generation(said)
    assert generation.context is not None
    assert (generation.token_ids, generation.context["num_chars"]) == ([], 0)


async def test_the_next_prompt_can_begin_with_what_was_computed(rig: Rig) -> None:
    await rig.ask(STANDARD)
    conversation_id = await rig.ask(WARRANTY)

    async with rig.parts.database.snapshot() as session:
        dialogue = await read_dialogue(session, conversation_id)
    said = await rig.messages(conversation_id, Role.BOT)
    for past, message, question in zip(dialogue.pasts, said, (STANDARD, WARRANTY), strict=True):
        generation = await rig.generation(message)
        assert past.seq == message.seq
        assert [piece.role for piece in past.pieces] == ["passages", "user"]
        assert past.exact.num_chars == len(message.text)
        assert list(past.exact.token_ids) == generation.token_ids != []
        assert question not in str(generation.context), "a customer's words stand once"


async def test_whoever_asks_for_a_person_gets_one_without_a_bot_in_between(rig: Rig) -> None:
    conversation_id = await rig.ask("I want to talk to a human")

    conversation = await rig.conversation(conversation_id)
    assert (conversation.control, conversation.handoff_reason) == (
        Control.QUEUE, HandoffReason.ASKED,
    )  # fmt: skip
    assert await rig.messages(conversation_id, Role.BOT) == []
    assert len(await rig.messages(conversation_id, Role.SYSTEM)) == 2, "a line and a note"


async def test_a_policy_topic_gets_our_words_and_a_human(rig: Rig) -> None:
    conversation_id = await rig.ask("The stove exploded")

    [said] = await rig.messages(conversation_id, Role.BOT)
    conversation = await rig.conversation(conversation_id)
    assert said.text == phrases.TOPICS[Topic.SAFETY]
    assert (conversation.control, conversation.handoff_reason) == (
        Control.QUEUE, HandoffReason.POLICY,
    )  # fmt: skip


async def test_the_second_question_without_an_answer_brings_a_human(rig: Rig) -> None:
    conversation_id = await rig.ask("Do you sell bicycles?")
    first = await rig.conversation(conversation_id)

    await rig.ask("Can I rent a kayak?")
    await rig.until(lambda: any(e.type is EventType.CONTROL_CHANGED for e in rig.events))

    said = await rig.messages(conversation_id, Role.BOT)
    last = await rig.conversation(conversation_id)
    assert first.control is Control.BOT
    assert said[0].text in phrases.UNKNOWN and said[0].chips == [Chip.HUMAN]
    assert said[1].text == phrases.STILL_UNKNOWN
    assert (last.control, last.handoff_reason) == (Control.QUEUE, HandoffReason.NO_EVIDENCE)
    async with rig.parts.database.snapshot() as session:
        gaps = (await session.scalars(select(KbGap.question))).all()
    assert set(gaps) == {"Do you sell bicycles?", "Can I rent a kayak?"}


async def test_an_answer_in_between_forgives_the_first_failure(rig: Rig) -> None:
    conversation_id = await rig.ask("Do you sell bicycles?")
    await rig.ask(STANDARD)

    await rig.ask("Can I rent a kayak?")

    assert (await rig.conversation(conversation_id)).control is Control.BOT


async def test_small_talk_is_the_models_own(rig: Rig) -> None:
    conversation_id = await rig.ask("hello")

    [said] = await rig.messages(conversation_id, Role.BOT)
    assert said.text == "Hello! How can I help you today?"
    assert said.citations == []


async def test_messages_in_a_row_are_waited_for_and_answered_once(
    quiet: Rig, engine: EngineClient
) -> None:
    async with answering(quiet, engine, merge_after_s=3.0):
        conversation_id = await quiet.say(FREIGHT)
        await quiet.until(lambda: len(quiet.shown()) > 20)
        for text in (WARRANTY, STANDARD):
            await quiet.say(text)
        await quiet.until(lambda: len(quiet.ended) == 2)

    started = [frame for frame in quiet.frames if frame["t"] == "answer.started"]
    last = (await quiet.messages(conversation_id, Role.BOT))[-1]
    assert len(started) == 2, "the first, and one for the rest"
    assert "3 to 5 working days" in last.text


async def test_a_message_in_between_is_answered_together_with_the_first(
    rig: Rig, engine_process: EngineSupervisor
) -> None:
    conversation_id = await rig.say(FREIGHT)
    await rig.until(lambda: len(rig.shown()) > 20)

    with held(engine_process):
        await rig.say(WARRANTY)
        await rig.until(lambda: bool(rig.ended))
    await rig.until(lambda: any(e.outcome is Outcome.COMPLETED for e in rig.ended))

    *before, said = await rig.messages(conversation_id, Role.BOT)
    assert [one.state for one in before] in (
        [MessageState.RETRACTED],
        [MessageState.INTERRUPTED],
    )
    assert rig.ended[0].reason is EndReason.SUPERSEDED
    assert [citation["marker"] for citation in said.citations] == [1, 2]
    assert "18 or older" in said.text and "2 years" in said.text


async def test_from_a_takeover_on_no_bot_text_reaches_anyone(
    rig: Rig, engine_process: EngineSupervisor
) -> None:
    conversation_id = await rig.say(FREIGHT)
    await rig.until(lambda: len(rig.shown()) > 20)

    with held(engine_process):
        await rig.take_over(conversation_id)
    num_frames = len(rig.frames)
    await rig.say("Is anybody there?")

    said = await rig.messages(conversation_id, Role.BOT)
    assert rig.ended[-1].reason is EndReason.TAKEOVER
    assert [frame["t"] for frame in rig.frames[num_frames:]] == []
    assert len(said) == 1 and said[0].state is not MessageState.COMPLETE
    assert (await rig.conversation(conversation_id)).control is Control.HUMAN


async def test_a_stopped_answer_is_not_begun_again(
    rig: Rig, engine_process: EngineSupervisor
) -> None:
    conversation_id = await rig.say(FREIGHT)
    await rig.until(lambda: len(rig.shown()) > 20)

    with held(engine_process):
        await rig.stop(conversation_id)
    await rig.ask(STANDARD)

    said = await rig.messages(conversation_id, Role.BOT)
    assert rig.ended[0].reason is EndReason.STOPPED
    assert said[-1].state is MessageState.COMPLETE
    assert [citation["marker"] for citation in said[-1].citations] == [1]


async def test_an_engine_that_refuses_leaves_the_quote(rig: Rig) -> None:
    conversation_id = await rig.ask("Which lengths do pants come in?")

    [said] = await rig.messages(conversation_id, Role.BOT)
    generation = await rig.generation(said)
    assert said.state is MessageState.COMPLETE and said.text == rig.shown()
    assert said.citations and f"{said.citations[0]['quote']} [1]" in said.text
    assert generation.retrieval is not None and generation.retrieval["without_engine"]
    assert (await rig.conversation(conversation_id)).control is Control.BOT


async def test_an_engine_that_refuses_where_no_article_answers_brings_a_human(rig: Rig) -> None:
    conversation_id = await rig.ask("Do you lend sewing machines?")
    await rig.until(lambda: any(e.type is EventType.CONTROL_CHANGED for e in rig.events))

    [said] = await rig.messages(conversation_id, Role.BOT)
    conversation = await rig.conversation(conversation_id)
    assert said.state is MessageState.FAILED
    assert (conversation.control, conversation.handoff_reason) == (
        Control.QUEUE, HandoffReason.ERROR,
    )  # fmt: skip
    assert len(await rig.messages(conversation_id, Role.SYSTEM)) == 2, "a line and a note"


async def test_an_answer_that_takes_too_long_is_ended_with_the_quote(engine: EngineClient) -> None:
    plan = make_plan(demo_index(), thread(said(FREIGHT)))
    shown: list[str] = []

    late = await write(engine, plan, seed=1, salt=b"", show=shown.append, within_s=0.05)

    assert late.is_without_engine and "".join(shown) == late.text
    assert all(f"{one.quote} [{one.marker}]" in late.text for one in late.citations)
    assert late.citations == plan.citations != ()


@pytest.mark.parametrize("question", [STANDARD, "hello", "Do you sell bicycles?"])
async def test_a_process_that_died_leaves_nothing_unanswered(
    quiet: Rig, engine: EngineClient, question: str
) -> None:
    conversation_id = await quiet.say(question)

    async with answering(quiet, engine):
        await quiet.until(lambda: bool(quiet.ended))

    [said] = await quiet.messages(conversation_id, Role.BOT)
    assert said.state is MessageState.COMPLETE


async def test_a_half_written_answer_is_taken_back_and_given_again(
    quiet: Rig, engine: EngineClient
) -> None:
    async with answering(quiet, engine):
        conversation_id = await quiet.say(FREIGHT)
        await quiet.until(lambda: len(quiet.shown()) > 20)
    half = quiet.shown()

    async with answering(quiet, engine):
        await quiet.until(lambda: any(e.outcome is Outcome.COMPLETED for e in quiet.ended))

    first, second = await quiet.messages(conversation_id, Role.BOT)
    assert (first.state, first.text) == (MessageState.RETRACTED, "")
    assert second.text.startswith(half)
