"""Whatever customers, agents and the bot do, in any order: what must hold of a conversation."""

import contextlib
import itertools
import random
from collections.abc import Awaitable, Callable
from dataclasses import replace
from datetime import datetime, timedelta
from typing import TypeVar
from uuid import UUID

import pytest
from sqlalchemy import Select, select

from app.audit.service import Doer
from app.clock import now
from app.conversations import by_itself, desk, service
from app.conversations.answering import (
    FinishedAnswer,
    begin_answer,
    complete_answer,
    interrupt_answer,
)
from app.conversations.desk import COLOURS, NewLabel
from app.conversations.rating import NewRating, rate
from app.conversations.redaction import redact
from app.conversations.schemas import ConversationOut, MessageOut
from app.conversations.service import Snapshot
from app.errors import AppError
from app.events import BegunAnswer, EventStored
from app.handoff import service as handoff
from app.ids import new_id
from app.models import Conversation, ConversationEvent, Generation, Job, Message
from app.parts import Parts
from app.speakers import Customer
from app.vocabulary import (
    AgentRole,
    Chip,
    Control,
    EndReason,
    EventType,
    GenerationState,
    MessageState,
    Priority,
    Role,
    Status,
    TakeoverMode,
    Visibility,
)
from tests.care_client import View
from tests.factories import Shop, message, stranger

LONG = "Parcels leave our warehouse within two working days. And "
NUM_STEPS = 40
RowT = TypeVar("RowT", ConversationEvent, Generation, Message)


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
        self.customer_view = View()
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
            self.confirm,
            self.take_over_after_the_answer,
            self.transfer,
            self.snooze,
            self.wake,
            self.reopen,
            self.block,
            self.note,
            self.label,
            self.prioritise,
            self.let_time_pass,
            self.press_a_chip,
            self.rate,
            self.redact,
        ]

    async def run(self) -> None:
        """Take many steps; a refusal is an answer like any other."""
        await self.write()
        for _ in range(NUM_STEPS):
            with contextlib.suppress(AppError):
                await self.dice.choice(self.steps)()
            await self.check_what_is_written()

    async def check_what_is_written(self) -> None:
        """After every step, for the next one may hide what the last has left behind."""
        async with self.parts.database.snapshot() as session:
            conversation = await session.get_one(Conversation, self.c)
            generations = list(await session.scalars(self._mine(Generation)))
            messages = list(await session.scalars(self._mine(Message)))
        check_generations(conversation, generations, messages)

    async def check(self) -> None:
        """At the end, of all that is stored and of all that was heard."""
        async with self.parts.database.snapshot() as session:
            snapshot = await service.read_snapshot(session, self.shop.agent, self.c)
            logged = self._mine(ConversationEvent).order_by(ConversationEvent.seq)
            events = list(await session.scalars(logged))
            messages = list(await session.scalars(self._mine(Message).order_by(Message.seq)))
            generations = list(await session.scalars(self._mine(Generation)))
            conversation = await session.get_one(Conversation, self.c)
        assert self.view == view_of(snapshot), "state plus events is the state fetched anew"
        assert [event.seq for event in events] == list(range(1, conversation.last_seq + 1))
        check_generations(conversation, generations, messages)
        by_id = {one.id: one for one in messages}
        check_that_the_human_wins(events, by_id)
        check_hand_offs(events, by_id)
        assert self.customer_view == view_of(snapshot).public()

    def _mine(self, table: type[RowT]) -> Select[RowT]:
        return select(table).where(table.conversation_id == self.c)

    @property
    def c(self) -> UUID:
        assert self.conversation_id is not None
        return self.conversation_id

    async def write_and_begin(self) -> None:
        """The bot is writing."""
        await self.write()
        while not self.begun:
            await until_allowed(self.begin)

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
                chips = [Chip.HELPED, Chip.NOT_HELPED]
                await complete_answer(work, answer, FinishedAnswer(LONG, chips=chips))

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

    async def confirm(self) -> None:
        async with self.parts.database.work() as work:
            await service.confirm_solved(work, self.c, shown=self._shown)

    async def take_over_after_the_answer(self) -> None:
        async with self.parts.database.work() as work:
            await handoff.take_over(
                work,
                self.shop.agent,
                self.c,
                epoch=self.view.epoch,
                shown=self._shown,
                mode=TakeoverMode.AFTER_ANSWER,
            )

    async def transfer(self) -> None:
        to = self.dice.choice([None, self.shop.agents[AgentRole.ADMIN].agent_id])
        async with self.parts.database.work() as work:
            await handoff.transfer(work, self.shop.agent, self.c, to_agent_id=to, shown=self._shown)

    async def snooze(self) -> None:
        until = self.dice.choice([None, work_time(hours=3)])
        async with self.parts.database.work() as work:
            await desk.snooze(work, self.shop.agent, self.c, until=until, shown=self._shown)

    async def wake(self) -> None:
        async with self.parts.database.work() as work:
            await desk.wake(work, self.shop.agent, self.c)

    async def reopen(self) -> None:
        async with self.parts.database.work() as work:
            await desk.reopen(work, self.shop.agent, self.c)

    async def block(self) -> None:
        is_on = self.dice.random() < 0.3
        async with self.parts.database.work() as work:
            await desk.set_blocked(work, self.shop.agent, self.c, is_on=is_on, shown=self._shown)

    async def note(self) -> None:
        async with self.parts.database.work() as work:
            new = message("@Admin Ana, what do you think?", conversation_id=self.c)
            await desk.add_note(work, self.shop.agent, new)

    async def label(self) -> None:
        label = NewLabel(self.dice.choice(["refund", "delivery"]), self.dice.choice(COLOURS))
        async with self.parts.database.work() as work:
            await desk.set_label(
                work, self.shop.agent, self.c, label, is_on=self.dice.random() < 0.6
            )

    async def prioritise(self) -> None:
        async with self.parts.database.work() as work:
            to = self.dice.choice(list(Priority))
            await desk.set_priority(work, self.shop.agent, self.c, to)

    async def press_a_chip(self) -> None:
        new = message(
            conversation_id=self.conversation_id, chip=self.dice.choice([None, *list(Chip)])
        )
        async with self.parts.database.work() as work:
            await service.post_message(work, self.customer, new, shown=self._shown, reopen_days=7)

    async def rate(self) -> None:
        new = NewRating(self.dice.randrange(0, 7), self.dice.choice(["", "", "Quick and clear."]))
        async with self.parts.database.work() as work:
            await rate(work, self.customer, self.c, new)

    async def redact(self) -> None:
        """Words that the customer sees go; those of an answer that is being written cannot."""
        said = self.dice.choice(list(self.view.public().messages))
        async with self.parts.database.work() as work:
            await redact(work, Doer(self.shop.agents[AgentRole.ADMIN]), self.c, UUID(said))

    async def let_time_pass(self) -> None:
        """All timers come at once, as if a day had gone by."""
        async with self.parts.database.work() as work:
            jobs = list(await work.session.scalars(select(Job)))
            later = replace(work, clock=lambda: work_time(days=self.dice.choice([0, 1, 2])))
            for job in jobs:
                await by_itself.HANDLERS[job.kind](later, job.payload)

    def _shown(self, _conversation_id: UUID) -> str:
        return LONG[: self.dice.randrange(len(LONG))]

    def _hear(self, event: EventStored) -> None:
        if self.conversation_id in (None, event.conversation_id):
            self.view.take({"t": event.type.value, "s": event.seq, "d": event.data})
            is_shown = event.visibility is Visibility.PUBLIC
            kind = event.type.value if is_shown else "skipped"
            self.customer_view.take({"t": kind, "s": event.seq, "d": event.data})


def work_time(**later: float) -> datetime:
    """Now, or so much later."""
    return now() + timedelta(**later)


@pytest.mark.parametrize("seed", range(12))
async def test_whatever_happens(parts: Parts, shop: Shop, seed: int) -> None:
    walk = Walk(parts, shop, random.Random(seed))

    await walk.run()

    await walk.check()


async def test_whatever_is_done_while_the_bot_writes(parts: Parts, shop: Shop) -> None:
    """Each thing for certain, where a walk has it happen by chance or never."""
    for number in itertools.count():
        walk = Walk(parts, shop, random.Random(number))
        if number == len(walk.steps):
            break
        await walk.write_and_begin()

        await until_allowed(walk.steps[number])

        await walk.check_what_is_written()
        with contextlib.suppress(AppError):
            await walk.complete()
        await walk.check()


async def until_allowed(step: Callable[[], Awaitable[None]]) -> None:
    """A step rolls its dice again where it was refused, a few times."""
    for _ in range(4):
        with contextlib.suppress(AppError):
            await step()
            return


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
    may_run = conversation.control is Control.BOT and conversation.status is Status.OPEN
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


def check_hand_offs(events: list[ConversationEvent], messages: dict[UUID, Message]) -> None:
    """Every way into the queue: one line for the customer, one note for agents."""
    entered = [
        place
        for place, event in enumerate(events)
        if event.type is EventType.CONTROL_CHANGED and event.data["to"] == Control.QUEUE
    ]
    noted = [one for one in messages.values() if one.text.startswith("Handed over: ")]
    assert len(noted) == len(entered)
    for place in entered:
        after = (messages[event.message_id] for event in events[place:] if event.message_id)
        said = [one for one in after if one.role is Role.SYSTEM][:2]
        assert [one.visibility for one in said] == [Visibility.PUBLIC, Visibility.INTERNAL]
        assert said[1] in noted
