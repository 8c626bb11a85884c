"""Whatever customers, agents and the bot do, in any order: what must hold of a conversation."""

import random
from collections.abc import Awaitable, Callable
from uuid import UUID

import pytest
from sqlalchemy import select

from app.conversations import service
from app.conversations.answering import (
    FinishedAnswer,
    begin_answer,
    complete_answer,
    interrupt_answer,
)
from app.conversations.schemas import ConversationOut, MessageOut
from app.conversations.service import Snapshot
from app.errors import AppError
from app.events import BegunAnswer, EventStored
from app.handoff import service as handoff
from app.ids import new_id
from app.models import Conversation, ConversationEvent, Generation, Message
from app.parts import Parts
from app.speakers import Customer
from app.vocabulary import (
    AgentRole,
    Control,
    EndReason,
    EventType,
    GenerationState,
    MessageState,
    Role,
    Status,
)
from tests.care_client import View
from tests.factories import Shop, message, stranger

LONG = "Parcels leave our warehouse within two working days. And "
NUM_STEPS = 40


class Walk:
    """One conversation in which everybody does things at random."""

    def __init__(self, parts: Parts, shop: Shop, dice: random.Random) -> None:
        self.parts = parts
        self.shop = shop
        self.dice = dice
        self.customer: Customer = stranger(shop, str(new_id()))
        self.conversation_id: UUID | None = None
        self.begun: list[BegunAnswer] = []
        self.view = View()
        parts.dispatcher.on(EventStored, self._hear)
        self.steps: list[Callable[[], Awaitable[None]]] = [
            self.write,
            self.write,
            self.begin,
            self.begin,
            self.complete,
            self.complete_an_old_one,
            self.interrupt,
            self.stop,
            self.ask_for_a_person,
            self.take_over,
            self.reply,
            self.release,
            self.resolve,
        ]

    async def run(self) -> None:
        """Take many steps; a refusal is an answer like any other."""
        await self.write()
        for _ in range(NUM_STEPS):
            try:
                await self.dice.choice(self.steps)()
            except AppError:
                continue

    @property
    def c(self) -> UUID:
        assert self.conversation_id is not None
        return self.conversation_id

    async def write(self) -> None:
        async with self.parts.database.work() as work:
            new = message(conversation_id=self.conversation_id)
            posted = await service.post_message(
                work, self.customer, new, shown=self._shown, reopen_days=7
            )
        self.conversation_id = posted.conversation_id
        self.customer = Customer(
            self.shop.workspace_id,
            self.shop.inbox_id,
            self.customer.token_hash,
            posted.contact_id,
        )

    async def begin(self) -> None:
        async with self.parts.database.work() as work:
            epoch = self.view.epoch - self.dice.choice([0, 0, 0, 1])
            self.begun.append(await begin_answer(work, self.c, epoch=epoch))

    async def complete(self) -> None:
        await self._complete(self.begun[-1:])

    async def complete_an_old_one(self) -> None:
        await self._complete(self.begun[:1])

    async def _complete(self, answers: list[BegunAnswer]) -> None:
        for answer in answers:
            async with self.parts.database.work() as work:
                await complete_answer(work, answer, FinishedAnswer(LONG))

    async def interrupt(self) -> None:
        for answer in self.begun[-1:]:
            async with self.parts.database.work() as work:
                await interrupt_answer(work, answer, partial=LONG, reason=EndReason.ERROR)

    async def stop(self) -> None:
        async with self.parts.database.work() as work:
            await service.stop_answer(work, self.customer, self.c, shown=self._shown)

    async def ask_for_a_person(self) -> None:
        async with self.parts.database.work() as work:
            await handoff.request_handoff(work, self.customer, self.c, shown=self._shown)

    async def take_over(self) -> None:
        role = self.dice.choice([AgentRole.AGENT, AgentRole.OWNER, AgentRole.VIEWER])
        async with self.parts.database.work() as work:
            await handoff.take_over(
                work, self.shop.agents[role], self.c, epoch=self.view.epoch, shown=self._shown
            )

    async def reply(self) -> None:
        async with self.parts.database.work() as work:
            new = message("A person's answer.", conversation_id=self.c)
            await handoff.post_reply(work, self.shop.agent, new, shown=self._shown)

    async def release(self) -> None:
        async with self.parts.database.work() as work:
            await handoff.release(work, self.shop.agent, self.c, epoch=self.view.epoch)

    async def resolve(self) -> None:
        async with self.parts.database.work() as work:
            await service.resolve(work, self.shop.agent, self.c, shown=self._shown)

    def _shown(self, _conversation_id: UUID) -> str:
        return LONG[: self.dice.randrange(len(LONG))]

    def _hear(self, event: EventStored) -> None:
        if self.conversation_id in (None, event.conversation_id):
            self.view.take({"t": event.type.value, "s": event.seq, "d": event.data})


@pytest.mark.parametrize("seed", range(12))
async def test_whatever_happens(parts: Parts, shop: Shop, seed: int) -> None:
    walk = Walk(parts, shop, random.Random(seed))

    await walk.run()

    async with parts.database.snapshot() as session:
        snapshot = await service.read_snapshot(session, shop.agent, walk.c)
        events = (
            await session.scalars(select(ConversationEvent).order_by(ConversationEvent.seq))
        ).all()
        messages = (await session.scalars(select(Message).order_by(Message.seq))).all()
        generations = (await session.scalars(select(Generation))).all()
        conversation = await session.get_one(Conversation, walk.c)
    assert walk.view == view_of(snapshot), "state plus events is the state fetched anew"
    assert [event.seq for event in events] == list(range(1, conversation.last_seq + 1))
    check_generations(conversation, list(generations), list(messages))
    check_that_the_human_wins(list(events), {one.id: one for one in messages})


def view_of(snapshot: Snapshot) -> View:
    """What a client makes of it."""
    return View.of(
        {
            "conversation": ConversationOut.of(snapshot.row).wire(),
            "messages": [MessageOut.of(one).wire() for one in snapshot.messages],
        }
    )


def check_generations(
    conversation: Conversation, generations: list[Generation], messages: list[Message]
) -> None:
    live = [one for one in generations if one.state is GenerationState.STREAMING]
    may_run = conversation.control is Control.BOT and conversation.status is not Status.RESOLVED
    assert len(live) <= (1 if may_run else 0)
    assert all(one.epoch == conversation.control_epoch for one in live)
    streaming = [one for one in messages if one.state is MessageState.STREAMING]
    assert {one.generation_id for one in streaming} == {one.id for one in live}


def check_that_the_human_wins(
    events: list[ConversationEvent], messages: dict[UUID, Message]
) -> None:
    """While the bot has not got the word, nothing of it begins or is completed."""
    control = Control.BOT.value
    for event in events:
        if event.type is EventType.CONTROL_CHANGED:
            control = event.data["to"]
        elif event.message_id is not None and control != Control.BOT.value:
            by_bot = messages[event.message_id].role is Role.BOT
            assert not by_bot, f"the bot wrote event {event.seq} while {control} had the word"
