"""From the bot to the queue, to a human, and back; of two agents one wins."""

import asyncio
from uuid import UUID

import pytest
from sqlalchemy import select

from app.conversations import lines, service
from app.conversations.service import Posted
from app.errors import AppError, Conflict, ConversationClosed, Forbidden, NotFound
from app.events import EventStored
from app.handoff import service as handoff
from app.models import Conversation, Message
from app.parts import Parts
from app.speakers import Customer, SignedInAgent
from app.vocabulary import (
    AgentRole,
    Control,
    EventType,
    HandoffReason,
    Role,
    Side,
    Status,
    Visibility,
)
from tests.factories import Shop, message, nothing_shown, open_shop, stranger

WAITING = lines.waiting(HandoffReason.ASKED, None, has_email=False, locale="en")


@pytest.fixture
def customer(shop: Shop) -> Customer:
    return stranger(shop)


@pytest.fixture
async def posted(parts: Parts, customer: Customer) -> Posted:
    async with parts.database.work() as work:
        return await service.post_message(
            work, customer, message(), shown=nothing_shown, reopen_days=7
        )


async def take_over(parts: Parts, agent: SignedInAgent, posted: Posted, epoch: int) -> Conversation:
    async with parts.database.work() as work:
        return await handoff.take_over(
            work, agent, posted.conversation_id, epoch=epoch, shown=nothing_shown
        )


async def reply(parts: Parts, agent: SignedInAgent, posted: Posted, text: str = "Hi") -> Posted:
    async with parts.database.work() as work:
        new = message(text, conversation_id=posted.conversation_id)
        return await handoff.post_reply(work, agent, new, shown=nothing_shown)


async def fetch(parts: Parts, conversation_id: UUID) -> Conversation:
    async with parts.database.snapshot() as session:
        return await session.get_one(Conversation, conversation_id)


async def lines_of(parts: Parts) -> list[str]:
    async with parts.database.snapshot() as session:
        query = select(Message.text).where(
            Message.role == Role.SYSTEM, Message.visibility == Visibility.PUBLIC
        )
        query = query.order_by(Message.seq)
        return list(await session.scalars(query))


async def test_asking_for_a_person_queues_once_with_a_line_for_the_customer(
    parts: Parts, customer: Customer, posted: Posted
) -> None:
    asking = Customer(
        customer.workspace_id, customer.inbox_id, customer.token_hash, posted.contact_id
    )

    for _ in range(2):
        async with parts.database.work() as work:
            await handoff.request_handoff(work, asking, posted.conversation_id, shown=nothing_shown)

    conversation = await fetch(parts, posted.conversation_id)
    assert (conversation.control, conversation.control_epoch) == (Control.QUEUE, 1)
    assert (conversation.handoff_reason, conversation.waiting_on) == ("asked", Side.US)
    assert await lines_of(parts) == [WAITING]


async def test_the_bot_hands_over_with_its_reason(parts: Parts, posted: Posted) -> None:
    async with parts.database.work() as work:
        await handoff.hand_over(work, posted.conversation_id, reason=HandoffReason.NO_EVIDENCE)

    assert (await fetch(parts, posted.conversation_id)).handoff_reason == "no_evidence"


async def test_of_two_agents_who_take_over_at_once_one_wins(
    parts: Parts, shop: Shop, posted: Posted
) -> None:
    agents = [shop.agents[AgentRole.AGENT], shop.agents[AgentRole.OWNER]]

    async def attempt(agent: SignedInAgent) -> AppError | Conversation:
        try:
            return await take_over(parts, agent, posted, epoch=0)
        except Conflict as error:
            return error

    async with asyncio.TaskGroup() as tasks:
        attempts = [tasks.create_task(attempt(agent)) for agent in agents]

    results = [one.result() for one in attempts]
    [lost] = [one for one in results if isinstance(one, Conflict)]
    conversation = await fetch(parts, posted.conversation_id)
    assert (conversation.control, conversation.control_epoch) == (Control.HUMAN, 1)
    winner = next(agent for agent in agents if agent.agent_id == conversation.assignee_id)
    assert winner.name in lost.sentence
    assert await lines_of(parts) == [lines.joined(winner.name, "en")]


async def test_replying_takes_over_first_and_only_once(
    parts: Parts, shop: Shop, posted: Posted
) -> None:
    heard: list[EventType] = []
    parts.dispatcher.on(EventStored, lambda event: heard.append(event.type))

    await reply(parts, shop.agent, posted, "One")
    await reply(parts, shop.agent, posted, "Two")

    assert heard == [
        EventType.CONTROL_CHANGED,
        EventType.ASSIGNEE_CHANGED,
        EventType.MESSAGE_CREATED,
        EventType.MESSAGE_CREATED,
        EventType.MESSAGE_CREATED,
    ]
    conversation = await fetch(parts, posted.conversation_id)
    assert (conversation.control, conversation.waiting_on) == (Control.HUMAN, Side.CUSTOMER)
    assert conversation.first_human_reply_at is not None


async def test_a_reply_sent_twice_is_one_message(parts: Parts, shop: Shop, posted: Posted) -> None:
    new = message("Hi", conversation_id=posted.conversation_id)

    sent = []
    for _ in range(2):
        async with parts.database.work() as work:
            sent.append(await handoff.post_reply(work, shop.agent, new, shown=nothing_shown))

    assert sent[0] == sent[1]


async def test_only_those_who_manage_take_a_conversation_from_a_colleague(
    parts: Parts, shop: Shop, posted: Posted
) -> None:
    await take_over(parts, shop.agents[AgentRole.ADMIN], posted, epoch=0)

    with pytest.raises(Conflict, match="Admin Ana"):
        await take_over(parts, shop.agent, posted, epoch=1)
    taken = await take_over(parts, shop.agents[AgentRole.OWNER], posted, epoch=1)

    assert taken.assignee_id == shop.agents[AgentRole.OWNER].agent_id


async def test_giving_back_leaves_the_bot_silent_until_the_customer_writes(
    parts: Parts, shop: Shop, posted: Posted
) -> None:
    await take_over(parts, shop.agent, posted, epoch=0)

    async with parts.database.work() as work:
        await handoff.release(work, shop.agent, posted.conversation_id, epoch=1)

    conversation = await fetch(parts, posted.conversation_id)
    assert (conversation.control, conversation.control_epoch) == (Control.BOT, 2)
    assert (conversation.waiting_on, conversation.assignee_id) == (Side.CUSTOMER, None)
    with pytest.raises(Conflict):
        await take_over(parts, shop.agent, posted, epoch=1)


async def test_a_viewer_changes_nothing_and_a_stranger_finds_nothing(
    parts: Parts, shop: Shop, posted: Posted
) -> None:
    other_shop = await open_shop(parts.database, "pk_other")

    with pytest.raises(Forbidden):
        await take_over(parts, shop.agents[AgentRole.VIEWER], posted, epoch=0)
    with pytest.raises(Forbidden):
        await reply(parts, shop.agents[AgentRole.VIEWER], posted)
    with pytest.raises(NotFound):
        await take_over(parts, other_shop.agent, posted, epoch=0)

    assert (await fetch(parts, posted.conversation_id)).last_seq == 1


async def test_a_resolved_conversation_is_not_taken_over_and_returns_to_the_queue(
    parts: Parts, shop: Shop, customer: Customer, posted: Posted
) -> None:
    await take_over(parts, shop.agent, posted, epoch=0)
    async with parts.database.work() as work:
        await service.resolve(work, shop.agent, posted.conversation_id, shown=nothing_shown)

    with pytest.raises(ConversationClosed):
        await take_over(parts, shop.agent, posted, epoch=1)
    with pytest.raises(ConversationClosed):
        await reply(parts, shop.agent, posted)
    async with parts.database.work() as work:
        again = message("Still broken", conversation_id=posted.conversation_id)
        await service.post_message(work, customer, again, shown=nothing_shown, reopen_days=7)

    conversation = await fetch(parts, posted.conversation_id)
    assert (conversation.status, conversation.control) == (Status.OPEN, Control.QUEUE)
    assert conversation.assignee_id == shop.agent.agent_id
