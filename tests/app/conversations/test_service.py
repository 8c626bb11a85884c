"""What one can do with a conversation, and what the counter and the log say of it."""

import asyncio
from collections.abc import Callable
from dataclasses import replace
from datetime import datetime, timedelta
from uuid import UUID

import pytest
from sqlalchemy import func, select, update

from app.clock import now
from app.conversations import service
from app.conversations.service import NewMessage, Posted
from app.database import Database
from app.errors import Blocked, Conflict, ConversationClosed, Empty, Invalid, NotFound, TooLong
from app.events import Dispatcher, MessagePosted
from app.models import (
    Contact,
    Conversation,
    ConversationEvent,
    Message,
    ReadMarker,
    VisitorSession,
)
from app.parts import Parts
from app.speakers import Customer
from app.vocabulary import Control, Resolution, Side, Status
from tests.factories import Shop, message, nothing_shown, open_shop, stranger

Post = Callable[..., "asyncio.Future[Posted]"]


async def post(parts: Parts, customer: Customer, new: NewMessage) -> Posted:
    async with parts.database.work() as work:
        return await service.post_message(work, customer, new, shown=nothing_shown, reopen_days=7)


async def fetch(parts: Parts, conversation_id: UUID) -> Conversation:
    async with parts.database.snapshot() as session:
        return await session.get_one(Conversation, conversation_id)


async def count(parts: Parts, table: type[object]) -> int:
    async with parts.database.snapshot() as session:
        return (await session.execute(select(func.count()).select_from(table))).scalar_one()


async def test_the_first_message_stores_customer_and_conversation(parts: Parts, shop: Shop) -> None:
    posted = await post(parts, stranger(shop), message("  Where is my\nparcel?  "))

    conversation = await fetch(parts, posted.conversation_id)
    assert (conversation.number, conversation.last_seq, posted.seq) == (1, 1, 1)
    assert conversation.subject == "Where is my parcel?"
    assert (conversation.status, conversation.control) == (Status.OPEN, Control.BOT)
    assert conversation.waiting_on is Side.US
    assert await count(parts, Contact) == await count(parts, VisitorSession) == 1


async def test_a_listener_hears_who_may_answer(parts: Parts, shop: Shop) -> None:
    heard: list[MessagePosted] = []
    parts.dispatcher.on(MessagePosted, heard.append)

    posted = await post(parts, stranger(shop), message("Hello"))

    assert [(one.message_id, one.text, one.control, one.epoch) for one in heard] == [
        (posted.message_id, "Hello", Control.BOT, 0)
    ]


async def test_without_a_conversation_the_open_one_is_meant(parts: Parts, shop: Shop) -> None:
    first = await post(parts, stranger(shop), message("One"))
    second = await post(parts, stranger(shop), message("Two"))

    assert second.conversation_id == first.conversation_id
    assert (first.seq, second.seq) == (1, 2)


@pytest.mark.parametrize("names_conversation", [False, True])
async def test_resending_changes_nothing(
    parts: Parts, shop: Shop, names_conversation: bool
) -> None:
    new = message("Hello")
    first = await post(parts, stranger(shop), new)
    if names_conversation:
        new = replace(new, conversation_id=first.conversation_id)

    again = [await post(parts, stranger(shop), new) for _ in range(3)]

    assert again == [first] * 3
    assert await count(parts, Message) == await count(parts, ConversationEvent) == 1


async def test_resending_into_an_ended_conversation_is_still_the_same_message(
    parts: Parts, shop: Shop
) -> None:
    new = message("Hello")
    first = await post(parts, stranger(shop), new)
    async with parts.database.work() as work:
        await service.resolve(work, shop.agent, first.conversation_id, shown=nothing_shown)

    assert await post(parts, stranger(shop), new) == first
    assert (await fetch(parts, first.conversation_id)).status is Status.RESOLVED


async def test_the_same_id_with_another_text_is_a_conflict(parts: Parts, shop: Shop) -> None:
    new = message("Hello")
    await post(parts, stranger(shop), new)

    with pytest.raises(Conflict):
        await post(parts, stranger(shop), replace(new, text="Goodbye"))

    assert await count(parts, Message) == 1


async def test_two_first_sends_at_once_make_one_customer_and_one_message(
    parts: Parts, shop: Shop
) -> None:
    for round_number in range(5):
        customer = stranger(shop, token=f"round {round_number}")
        new = message("Hello")

        async with asyncio.TaskGroup() as tasks:
            sends = [tasks.create_task(post(parts, customer, new)) for _ in range(4)]

        assert len({send.result() for send in sends}) == 1
    assert await count(parts, Contact) == await count(parts, Message) == 5


async def test_messages_of_two_tabs_get_one_order_without_gaps(parts: Parts, shop: Shop) -> None:
    first = await post(parts, stranger(shop), message())

    async with asyncio.TaskGroup() as tasks:
        sends = [
            tasks.create_task(
                post(parts, stranger(shop), message(conversation_id=first.conversation_id))
            )
            for _ in range(20)
        ]

    assert sorted(send.result().seq for send in sends) == list(range(2, 22))
    async with parts.database.snapshot() as session:
        logged = await session.scalars(select(ConversationEvent.seq).order_by("seq"))
        assert list(logged) == list(range(1, 22))


async def test_another_customers_conversation_sounds_like_an_unknown_one(
    parts: Parts, shop: Shop
) -> None:
    other_shop = await open_shop(parts.database, "pk_other")
    mine = await post(parts, stranger(shop), message())
    theirs = await post(parts, stranger(shop, "another"), message())
    foreign = await post(parts, stranger(other_shop, "foreign"), message())

    for conversation_id in (theirs.conversation_id, foreign.conversation_id, mine.message_id):
        with pytest.raises(NotFound) as refused:
            await post(parts, stranger(shop), message(conversation_id=conversation_id))
        assert refused.value.sentence == NotFound.sentence
    async with parts.database.snapshot() as session:
        with pytest.raises(NotFound):
            await service.read_snapshot(session, shop.agent, foreign.conversation_id)


async def test_a_customer_who_writes_again_reopens_and_the_bot_starts_afresh(
    parts: Parts, shop: Shop
) -> None:
    first = await post(parts, stranger(shop), message("One"))
    async with parts.database.work() as work:
        await service.resolve(work, shop.agent, first.conversation_id, shown=nothing_shown)

    await post(parts, stranger(shop), message("Two", conversation_id=first.conversation_id))

    conversation = await fetch(parts, first.conversation_id)
    assert (conversation.status, conversation.control) == (Status.OPEN, Control.BOT)
    assert (conversation.reopened_count, conversation.resolution) == (1, None)
    assert (conversation.context_seq, conversation.bot_turns) == (2, 0)


async def test_after_the_reopening_days_the_conversation_is_closed(
    parts: Parts, shop: Shop
) -> None:
    first = await post(parts, stranger(shop), message())
    async with parts.database.work() as work:
        await work.session.execute(
            update(Conversation).values(
                status=Status.RESOLVED,
                resolution=Resolution.AGENT,
                resolved_at=now() - timedelta(days=8),
            )
        )

    with pytest.raises(ConversationClosed):
        await post(parts, stranger(shop), message(conversation_id=first.conversation_id))
    new = await post(parts, stranger(shop), message())

    assert new.conversation_id != first.conversation_id


async def test_a_blocked_customer_is_refused_and_nothing_is_stored(
    parts: Parts, shop: Shop
) -> None:
    posted = await post(parts, stranger(shop), message())
    async with parts.database.work() as work:
        await work.session.execute(update(Contact).values(blocked_at=now()))

    with pytest.raises(Blocked):
        await post(parts, stranger(shop), message())

    assert (await fetch(parts, posted.conversation_id)).last_seq == 1


async def test_a_read_marker_never_goes_back_nor_beyond_the_end(parts: Parts, shop: Shop) -> None:
    posted = await post(parts, stranger(shop), message())

    for seq in (5, 0):
        async with parts.database.work() as work:
            await service.mark_read(work, shop.agent, posted.conversation_id, seq)

    async with parts.database.snapshot() as session:
        assert (await session.scalars(select(ReadMarker.seq))).all() == [1]


async def test_two_tabs_that_read_at_once_share_one_marker(parts: Parts, shop: Shop) -> None:
    posted = await post(parts, stranger(shop), message())

    async def read() -> None:
        async with parts.database.work() as work:
            await service.mark_read(work, shop.agent, posted.conversation_id, 1)

    async with asyncio.TaskGroup() as tasks:
        for _ in range(8):
            tasks.create_task(read())

    assert await count(parts, ReadMarker) == 1


async def test_a_session_lives_on_with_its_messages(parts: Parts, shop: Shop) -> None:
    def later() -> datetime:
        return now() + timedelta(days=20)

    posted = await post(parts, stranger(shop), message())
    moved = Database(parts.settings.database, Dispatcher(), later)

    async with moved.work() as work:
        customer = replace(stranger(shop), contact_id=posted.contact_id)
        await service.post_message(work, customer, message(), shown=nothing_shown, reopen_days=7)
    await moved.close()

    async with parts.database.snapshot() as session:
        expires_at = (await session.scalars(select(VisitorSession.expires_at))).one()
    assert expires_at > now() + timedelta(days=49)


@pytest.mark.parametrize(
    ("text", "error"),
    [("", Empty), (" \n\t ", Empty), ("x" * 4_001, TooLong), ("a\0b", Invalid)],
)
def test_a_text_that_does_not_fit_is_refused(text: str, error: type[Exception]) -> None:
    with pytest.raises(error):
        service.clean_text(text, 4_000)


def test_a_text_of_exactly_the_limit_is_kept_whole() -> None:
    text = "\N{PILE OF POO}" * 4_000

    assert service.clean_text(f" {text} ", 4_000) == text
