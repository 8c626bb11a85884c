"""The bot's writes: only while it has the word, and one answer at a time."""

import asyncio
from collections.abc import Sequence
from uuid import UUID

import pytest
from sqlalchemy import select

from app.clock import now
from app.conversations import service
from app.conversations.answering import (
    FinishedAnswer,
    Turn,
    begin_answer,
    complete_answer,
    fail_answer,
    find_unanswered,
    interrupt_answer,
    read_turns,
    retire_orphans,
)
from app.conversations.schemas import Citation
from app.conversations.service import Posted
from app.errors import AnswerLive, StaleAnswer
from app.events import AnswerEnded, BegunAnswer
from app.handoff import service as handoff
from app.ids import new_id
from app.models import Conversation, Generation, Message
from app.parts import Parts
from app.speakers import Customer
from app.vocabulary import (
    Chip,
    EndReason,
    GenerationState,
    MessageState,
    Outcome,
    Role,
    Side,
)
from tests.factories import Shop, message, nothing_shown, stranger

LONG = "Parcels leave our warehouse within two working days."


@pytest.fixture
def customer(shop: Shop) -> Customer:
    return stranger(shop)


@pytest.fixture
async def posted(parts: Parts, customer: Customer) -> Posted:
    return await post(parts, customer, "Where is my parcel?")


@pytest.fixture
def ended(parts: Parts) -> list[AnswerEnded]:
    heard: list[AnswerEnded] = []
    parts.dispatcher.on(AnswerEnded, heard.append)
    return heard


async def post(parts: Parts, customer: Customer, text: str) -> Posted:
    async with parts.database.work() as work:
        return await service.post_message(
            work,
            customer,
            message(text),
            shown=parts.hub.answers.shown_text,
            reopen_days=7,
        )


async def begin(parts: Parts, conversation_id: UUID, epoch: int = 0) -> BegunAnswer:
    async with parts.database.work() as work:
        return await begin_answer(work, conversation_id, epoch=epoch)


async def complete(parts: Parts, answer: BegunAnswer, text: str = LONG) -> None:
    async with parts.database.work() as work:
        await complete_answer(work, answer, FinishedAnswer(text))


async def bot_messages(parts: Parts) -> Sequence[Message]:
    async with parts.database.snapshot() as session:
        query = select(Message).where(Message.role == Role.BOT).order_by(Message.seq)
        return (await session.scalars(query)).all()


async def test_an_answer_is_stored_with_what_it_cites(
    parts: Parts, posted: Posted, ended: list[AnswerEnded]
) -> None:
    answer = await begin(parts, posted.conversation_id)
    [streaming] = await bot_messages(parts)
    cited = Citation(
        marker=1,
        article_id=new_id(),
        version=3,
        title="Delivery",
        paragraph=2,
        quote=LONG,
        url="/articles/delivery?v=3#p2",
    )

    async with parts.database.work() as work:
        finished = FinishedAnswer(f"{LONG} [1]", [cited], [Chip.HELPED], token_ids=[5, 7])
        await complete_answer(work, answer, finished)

    [complete] = await bot_messages(parts)
    assert (streaming.state, streaming.text) == (MessageState.STREAMING, "")
    assert (complete.state, complete.text) == (MessageState.COMPLETE, f"{LONG} [1]")
    assert complete.citations == [cited.model_dump(mode="json")]
    assert complete.chips == ["helped"]
    assert [(one.outcome, one.reason) for one in ended] == [(Outcome.COMPLETED, EndReason.DONE)]
    async with parts.database.snapshot() as session:
        conversation = await session.get_one(Conversation, posted.conversation_id)
        generation = await session.get_one(Generation, answer.generation_id)
    assert (conversation.waiting_on, conversation.bot_turns) == (Side.CUSTOMER, 1)
    assert (generation.state, generation.token_ids) == (GenerationState.DONE, [5, 7])


async def test_only_one_answer_is_live(parts: Parts, posted: Posted) -> None:
    await begin(parts, posted.conversation_id)

    with pytest.raises(AnswerLive):
        await begin(parts, posted.conversation_id)

    assert len(await bot_messages(parts)) == 1


async def test_of_many_beginners_one_wins(parts: Parts, posted: Posted) -> None:
    async def try_to_begin() -> bool:
        try:
            await begin(parts, posted.conversation_id)
        except AnswerLive:
            return False
        return True

    async with asyncio.TaskGroup() as tasks:
        tries = [tasks.create_task(try_to_begin()) for _ in range(8)]

    assert sum(one.result() for one in tries) == 1


async def test_no_write_of_the_bot_succeeds_after_a_takeover(
    parts: Parts, shop: Shop, posted: Posted
) -> None:
    answer = await begin(parts, posted.conversation_id)
    async with parts.database.work() as work:
        await handoff.take_over(
            work, shop.agent, posted.conversation_id, epoch=0, shown=nothing_shown
        )

    with pytest.raises(StaleAnswer):
        await complete(parts, answer)
    async with parts.database.work() as work:
        with pytest.raises(StaleAnswer):
            await interrupt_answer(work, answer, partial=LONG, reason=EndReason.ERROR)
        with pytest.raises(StaleAnswer):
            await fail_answer(work, answer)
    for epoch in (0, 1):
        with pytest.raises(StaleAnswer):
            await begin(parts, posted.conversation_id, epoch)

    [taken_back] = await bot_messages(parts)
    assert (taken_back.state, taken_back.text) == (MessageState.RETRACTED, "")


async def test_who_was_to_answer_before_a_takeover_does_not_once_the_bot_has_it_back(
    parts: Parts, shop: Shop, posted: Posted
) -> None:
    async with parts.database.work() as work:
        await handoff.take_over(
            work, shop.agent, posted.conversation_id, epoch=0, shown=nothing_shown
        )
        await handoff.release(work, shop.agent, posted.conversation_id, epoch=1)

    for older in (0, 1):
        with pytest.raises(StaleAnswer):
            await begin(parts, posted.conversation_id, older)

    await begin(parts, posted.conversation_id, 2)


@pytest.mark.parametrize(
    ("shown", "state", "kept"),
    [
        (f"{LONG} Then they tra", MessageState.INTERRUPTED, LONG),
        ("Parcels le", MessageState.RETRACTED, ""),
    ],
)
async def test_a_takeover_keeps_the_whole_sentences_that_were_shown(
    parts: Parts,
    shop: Shop,
    posted: Posted,
    ended: list[AnswerEnded],
    shown: str,
    state: MessageState,
    kept: str,
) -> None:
    answer = await begin(parts, posted.conversation_id)
    live = parts.hub.answers.open(answer)
    live.append(shown)

    async with parts.database.work() as work:
        await handoff.take_over(
            work,
            shop.agent,
            posted.conversation_id,
            epoch=0,
            shown=parts.hub.answers.shown_text,
        )

    [left] = await bot_messages(parts)
    assert (left.state, left.text) == (state, kept)
    assert live.ended.is_set()
    assert ended[-1].reason is EndReason.TAKEOVER


async def test_a_new_message_of_the_customer_supersedes_the_answer(
    parts: Parts, customer: Customer, posted: Posted, ended: list[AnswerEnded]
) -> None:
    answer = await begin(parts, posted.conversation_id)

    await post(parts, customer, "I mean the second one.")

    assert [(one.generation_id, one.reason) for one in ended] == [
        (answer.generation_id, EndReason.SUPERSEDED)
    ]
    await begin(parts, posted.conversation_id)
    assert [m.state for m in await bot_messages(parts)] == [
        MessageState.RETRACTED,
        MessageState.STREAMING,
    ]


async def test_a_stopped_answer_leaves_the_word_to_the_customer(
    parts: Parts, shop: Shop, customer: Customer, posted: Posted, ended: list[AnswerEnded]
) -> None:
    await begin(parts, posted.conversation_id)

    for _ in range(2):
        async with parts.database.work() as work:
            await service.stop_answer(work, shop.agent, posted.conversation_id, shown=nothing_shown)

    assert [one.reason for one in ended] == [EndReason.STOPPED]
    async with parts.database.snapshot() as session:
        assert await find_unanswered(session, now()) == []


async def test_a_failed_answer_is_marked_and_the_conversation_goes_to_a_human(
    parts: Parts, posted: Posted, ended: list[AnswerEnded]
) -> None:
    answer = await begin(parts, posted.conversation_id)

    async with parts.database.work() as work:
        await fail_answer(work, answer)

    [failed] = await bot_messages(parts)
    assert failed.state is MessageState.FAILED
    assert [(one.outcome, one.reason) for one in ended] == [(Outcome.FAILED, EndReason.ERROR)]


async def test_at_start_half_written_answers_are_taken_back_and_found_unanswered(
    parts: Parts, posted: Posted
) -> None:
    await begin(parts, posted.conversation_id)

    async with parts.database.work() as work:
        assert await retire_orphans(work, at_start=True) == 1
    async with parts.database.snapshot() as session:
        waiting = await find_unanswered(session, now())

    assert [(one.conversation_id, one.epoch) for one in waiting] == [(posted.conversation_id, 0)]
    [orphan] = await bot_messages(parts)
    assert orphan.state is MessageState.RETRACTED


async def test_the_bot_reads_what_was_said_and_nothing_that_was_taken_back(
    parts: Parts, shop: Shop, customer: Customer, posted: Posted
) -> None:
    taken_back = await begin(parts, posted.conversation_id)
    async with parts.database.work() as work:
        await interrupt_answer(work, taken_back, partial="Uh", reason=EndReason.STOPPED)
    await complete(parts, await begin(parts, posted.conversation_id), LONG)
    await post(parts, customer, "Thanks")
    await begin(parts, posted.conversation_id)

    async with parts.database.snapshot() as session:
        turns = await read_turns(session, posted.conversation_id)

    assert [(turn.role, turn.text) for turn in turns] == [
        (Role.CUSTOMER, "Where is my parcel?"),
        (Role.BOT, LONG),
        (Role.CUSTOMER, "Thanks"),
    ]
    assert isinstance(turns[0], Turn)


async def test_the_text_offered_after_the_end_reaches_nobody(
    parts: Parts, shop: Shop, posted: Posted
) -> None:
    answer = await begin(parts, posted.conversation_id)
    async with parts.database.work() as work:
        await handoff.take_over(
            work, shop.agent, posted.conversation_id, epoch=0, shown=nothing_shown
        )

    late = parts.hub.answers.open(answer)
    late.append("too late")
    late.flush()

    assert late.ended.is_set()
    assert late.text == ""
