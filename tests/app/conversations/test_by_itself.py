"""What happens to conversations by itself, run by the job table under a clock that tests turn."""

from collections.abc import AsyncIterator
from datetime import datetime, timedelta
from uuid import UUID

import pytest
from sqlalchemy import select, update

from app.clock import now
from app.conversations import by_itself, desk, service
from app.conversations.answering import FinishedAnswer, begin_answer, complete_answer
from app.database import Database
from app.handoff import service as handoff
from app.jobs.runner import JobRunner
from app.models import Agent, Conversation, Inbox, Message, Workspace
from app.parts import Parts
from app.speakers import Customer
from app.vocabulary import (
    AgentRole,
    Chip,
    Control,
    Resolution,
    Role,
    Status,
    TakeoverMode,
    Visibility,
)
from tests.factories import Shop, message, nothing_shown, stranger


class Day:
    """A company's day: its clock, its timers, one customer."""

    def __init__(self, parts: Parts, shop: Shop) -> None:
        self.moment = now()
        self.shop = shop
        self.database = Database(parts.settings.database, parts.dispatcher, lambda: self.moment)
        self._runner = JobRunner(
            self.database, by_itself.HANDLERS, lambda: self.moment, poll_s=60, lease_s=60
        )
        self.customer: Customer = stranger(shop)

    async def pass_by(self, **time: float) -> None:
        """Let time go by and do what is due."""
        self.moment += timedelta(**time)
        await self._runner.run_due()

    async def write(self, text: str = "Where is my parcel?") -> UUID:
        async with self.database.work() as work:
            posted = await service.post_message(
                work, self.customer, message(text), shown=nothing_shown, reopen_days=7
            )
        return posted.conversation_id

    async def answer(self, c: UUID) -> None:
        async with self.database.work() as work:
            answer = await begin_answer(work, c, epoch=0)
            await complete_answer(work, answer, FinishedAnswer("It is on its way."))

    async def reply(self, c: UUID) -> None:
        async with self.database.work() as work:
            new = message("Hello", conversation_id=c)
            await handoff.post_reply(work, self.shop.agent, new, shown=nothing_shown)

    async def see_agent(self) -> None:
        async with self.database.work() as work:
            me = Agent.id == self.shop.agent.agent_id
            await work.session.execute(update(Agent).where(me).values(last_seen_at=self.moment))

    async def fetch(self, c: UUID) -> Conversation:
        async with self.database.snapshot() as session:
            return await session.get_one(Conversation, c)

    async def lines(self) -> list[tuple[Visibility, str]]:
        query = select(Message).where(Message.role == Role.SYSTEM).order_by(Message.seq)
        async with self.database.snapshot() as session:
            return [(one.visibility, one.text) for one in await session.scalars(query)]


@pytest.fixture
async def day(parts: Parts, shop: Shop) -> AsyncIterator[Day]:
    opened = Day(parts, shop)
    yield opened
    await opened.database.close()


async def test_silence_after_the_bots_answer_counts_as_solved_after_a_day(day: Day) -> None:
    c = await day.write()
    await day.answer(c)
    await day.pass_by(hours=23)
    await day.write("And the second one?")
    await day.answer(c)

    await day.pass_by(hours=23)
    assert (await day.fetch(c)).status is Status.OPEN
    await day.pass_by(hours=2)

    conversation = await day.fetch(c)
    assert (conversation.status, conversation.resolution) == (Status.RESOLVED, Resolution.ASSUMED)


async def test_who_still_waits_is_never_assumed_to_be_helped(day: Day) -> None:
    c = await day.write()
    await day.answer(c)
    await day.write("No, that is another parcel.")

    await day.pass_by(days=3)

    assert (await day.fetch(c)).status is Status.OPEN


async def test_a_snooze_ends_at_its_time_with_a_note_and_keeps_who_has_it(day: Day) -> None:
    c = await day.write()
    await day.reply(c)
    async with day.database.work() as work:
        until = day.moment + timedelta(hours=2)
        await desk.snooze(work, day.shop.agent, c, until=until, shown=nothing_shown)

    await day.pass_by(hours=1)
    assert (await day.fetch(c)).status is Status.SNOOZED
    await day.pass_by(hours=1)

    conversation = await day.fetch(c)
    assert (conversation.status, conversation.control) == (Status.OPEN, Control.HUMAN)
    assert conversation.snoozed_until is None
    assert (await day.lines())[-1][0] is Visibility.INTERNAL


async def test_a_customer_who_writes_ends_a_snooze_at_once(day: Day) -> None:
    c = await day.write()
    await day.reply(c)
    async with day.database.work() as work:
        await desk.snooze(work, day.shop.agent, c, until=None, shown=nothing_shown)

    await day.write("One more thing")

    assert (await day.fetch(c)).status is Status.OPEN


async def test_an_agent_who_is_gone_does_not_keep_a_customer_waiting(day: Day) -> None:
    c = await day.write()
    await day.reply(c)
    await day.write("Thanks, and where exactly?")
    await day.pass_by(minutes=8)
    await day.see_agent()

    await day.pass_by(minutes=3)
    assert (await day.fetch(c)).control is Control.HUMAN, "seen three minutes ago"
    await day.pass_by(minutes=10)

    conversation = await day.fetch(c)
    assert (conversation.control, conversation.assignee_id) == (Control.QUEUE, None)
    [line, note] = (await day.lines())[-2:]
    assert (line[0], note[0]) == (Visibility.PUBLIC, Visibility.INTERNAL)
    assert "away" in note[1] and "where exactly" in note[1]


async def test_resolved_long_ago_becomes_read_only_and_the_next_message_a_new_one(day: Day) -> None:
    c = await day.write()
    async with day.database.work() as work:
        await service.resolve(work, day.shop.agent, c, shown=nothing_shown)

    await day.pass_by(days=31)
    again = await day.write("A new question")

    assert (await day.fetch(c)).status is Status.ARCHIVED
    assert (await day.fetch(again)).previous_id == c


async def test_outside_the_hours_the_line_promises_only_what_they_allow(day: Day) -> None:
    day.moment = datetime.fromisoformat("2026-11-21T12:00:00+00:00")  # a Saturday
    async with day.database.work() as work:
        workspace = await work.session.get_one(Workspace, day.shop.workspace_id)
        workspace.settings = {"office_hours": {"days": {"mon": [["09:00", "17:00"]]}}}
    c = await day.write()

    async with day.database.work() as work:
        await handoff.transfer(work, day.shop.agent, c, to_agent_id=None, shown=nothing_shown)

    [line, _note] = await day.lines()
    assert "Monday, 23 November at 09:00 (UTC)" in line[1]
    assert "e-mail" in line[1]


async def test_with_the_bot_switched_off_the_first_message_waits_for_a_person(day: Day) -> None:
    async with day.database.work() as work:
        (await work.session.get_one(Inbox, day.shop.inbox_id)).bot_enabled = False

    c = await day.write()

    assert (await day.fetch(c)).control is Control.QUEUE
    assert [kind for kind, _ in await day.lines()] == [Visibility.PUBLIC, Visibility.INTERNAL]


async def test_a_takeover_after_the_answer_lets_it_come_to_its_end(day: Day) -> None:
    c = await day.write()
    async with day.database.work() as work:
        answer = await begin_answer(work, c, epoch=0)
    async with day.database.work() as work:
        await handoff.take_over(
            work,
            day.shop.agents[AgentRole.OWNER],
            c,
            epoch=0,
            shown=nothing_shown,
            mode=TakeoverMode.AFTER_ANSWER,
        )
    assert (await day.fetch(c)).control is Control.BOT

    async with day.database.work() as work:
        await complete_answer(work, answer, FinishedAnswer("It is on its way."))

    conversation = await day.fetch(c)
    assert (conversation.control, conversation.control_epoch) == (Control.HUMAN, 1)
    assert conversation.assignee_id == day.shop.agents[AgentRole.OWNER].agent_id


async def test_that_it_helped_resolves_what_the_bot_answered_and_nothing_else(day: Day) -> None:
    c = await day.write()
    await day.answer(c)

    async def press(chip: Chip | None) -> Conversation:
        async with day.database.work() as work:
            new = message("That helped, thank you.", chip=chip, conversation_id=c)
            await service.post_message(work, day.customer, new, shown=nothing_shown, reopen_days=7)
        return await day.fetch(c)

    assert (await press(Chip.NOT_HELPED)).status is Status.OPEN
    solved = await press(Chip.HELPED)
    assert (solved.status, solved.resolution) == (Status.RESOLVED, Resolution.CONFIRMED)
    await press(None)
    await day.reply(c)
    assert (await press(Chip.HELPED)).status is Status.OPEN, "a person has it now"
