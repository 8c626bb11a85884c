"""What the hub does with an event that comes late, twice, too soon, or from an older epoch."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from uuid import UUID

import pytest
from sqlalchemy.ext.asyncio import AsyncSession

from app.conversations.replay import read_log
from app.errors import Unavailable
from app.events import AnswerEnded, BegunAnswer, ControlChanged, EventStored
from app.ids import new_id
from app.live import hub
from app.live.answers import LiveAnswers
from app.live.notes import EventNoted, TextGrown
from app.vocabulary import Control, EndReason, Outcome, Phase
from tests.care_client import as_uuid
from tests.conftest import Served


@pytest.mark.parametrize("store", ["sqlite"], indirect=True)
async def test_an_event_announced_again_is_not_sent_again(served: Served) -> None:
    announced: list[EventStored] = []
    served.parts.dispatcher.on(EventStored, announced.append)
    async with served.client() as customer:
        await customer.hello()
        c = (await customer.say("One"))["d"]["c"]
        await customer.wait_for_seq(c, 1)

        served.parts.dispatcher.deliver(announced[:1])
        await customer.send("ping", n=1)
        await customer.wait_for("pong")

    assert [frame["s"] for frame in customer.frames if "s" in frame] == [1]


def test_a_change_of_control_alone_silences_the_older_epoch() -> None:
    sent: list[str] = []
    answers = LiveAnswers(lambda _conversation_id, frame: sent.append(frame), 0.0)
    begun = BegunAnswer(new_id(), new_id(), generation_id=new_id(), message_id=new_id(), epoch=1)
    answers.on_begun(begun)
    before = len(sent)

    for epoch in (1, 2):
        changed = ControlChanged(
            begun.workspace_id, begun.conversation_id, control=Control.HUMAN, epoch=epoch
        )
        answers.on_control_changed(changed)
    live = answers.open(begun)
    live.append("too late")
    live.phase(Phase.WRITING)

    assert len(sent) == before == 1
    assert live.ended.is_set()


async def test_an_older_change_of_control_leaves_a_newer_answer_alone() -> None:
    sent: list[str] = []
    answers = LiveAnswers(lambda _conversation_id, frame: sent.append(frame), 0.0)
    begun = BegunAnswer(new_id(), new_id(), generation_id=new_id(), message_id=new_id(), epoch=2)
    answers.on_begun(begun)

    answers.on_control_changed(
        ControlChanged(begun.workspace_id, begun.conversation_id, control=Control.BOT, epoch=2)
    )
    answers.open(begun).append("Hello")

    assert len(sent) == 2


@pytest.mark.parametrize("store", ["sqlite"], indirect=True)
async def test_of_two_events_in_the_wrong_order_both_arrive_in_the_right_one(
    served: Served,
) -> None:
    announced: list[EventStored] = []
    async with served.client() as customer:
        await customer.hello()
        c = (await customer.say("One"))["d"]["c"]
        await customer.wait_for_seq(c, 1)
        deliver = served.parts.dispatcher.deliver
        served.parts.dispatcher.deliver = announced.extend  # type: ignore[assignment,method-assign]
        for text in ("Two", "Three"):
            await customer.say(text, c=c)
        stored = [one for one in announced if isinstance(one, EventStored)]
        assert [one.seq for one in stored] == [2, 3]

        deliver([stored[1], stored[0]])
        view = await customer.wait_for_seq(c, 3)  # it would not take a hole

    assert [text for _, text in view.texts()] == ["One", "Two", "Three"]


@pytest.mark.parametrize("store", ["sqlite"], indirect=True)
async def test_a_socket_whose_log_cannot_be_read_is_closed_and_not_left_deaf(
    served: Served, monkeypatch: pytest.MonkeyPatch
) -> None:
    @asynccontextmanager
    async def fails() -> AsyncIterator[AsyncSession]:
        raise Unavailable
        yield

    async with served.client() as customer:
        await customer.hello()
        c = (await customer.say("One"))["d"]["c"]
        await customer.wait_for_seq(c, 1)
        with monkeypatch.context() as broken:
            broken.setattr(served.parts.hub._database, "snapshot", fails)
            noted = EventNoted(served.shop.workspace_id, as_uuid(c), seq=2)
            await served.parts.hub.hear(noted)
            assert await customer.wait_closed() == 1011
        assert served.parts.hub._watchers == {}


@pytest.mark.parametrize("store", ["sqlite"], indirect=True)
async def test_what_is_said_while_a_log_is_read_is_read_too(
    served: Served, monkeypatch: pytest.MonkeyPatch
) -> None:
    late = ["Two"]
    async with served.client() as customer, served.client() as tab:
        await customer.hello()
        c = (await customer.say("One"))["d"]["c"]
        await customer.wait_for_seq(c, 1)
        await tab.hello(session=customer.session)

        async def read_and_speak(
            session: AsyncSession, conversation_id: UUID, after: int, limit: int
        ) -> list[EventStored]:
            page = await read_log(session, conversation_id, after, limit)
            while late:
                await tab.say(late.pop(), c=c)
            return page

        monkeypatch.setattr(hub, "read_log", read_and_speak)
        await customer.send("sync", c=c, after=1)
        view = await customer.wait_for_seq(c, 2)

    assert [text for _, text in view.texts()] == ["One", "Two"]


def begun_answer() -> BegunAnswer:
    return BegunAnswer(new_id(), new_id(), generation_id=new_id(), message_id=new_id(), epoch=0)


def ended(answer: BegunAnswer) -> AnswerEnded:
    return AnswerEnded(
        answer.workspace_id,
        answer.conversation_id,
        generation_id=answer.generation_id,
        message_id=answer.message_id,
        outcome=Outcome.RETRACTED,
        reason=EndReason.TAKEOVER,
    )


def test_an_answer_whose_end_was_heard_before_its_begin_never_begins() -> None:
    sent: list[str] = []
    answers = LiveAnswers(lambda _conversation_id, frame: sent.append(frame), 0.0)
    own, others = begun_answer(), begun_answer()
    for one in (own, others):
        answers.on_ended(ended(one))
    before = len(sent)

    answers.on_begun(own)
    answers.mirror(others)
    live = answers.open(own)
    live.append("too late")

    assert len(sent) == before and live.ended.is_set()
    assert answers.find(own.conversation_id) is answers.find(others.conversation_id) is None


async def test_when_notes_were_lost_mirrors_begin_anew_and_own_answers_go_on() -> None:
    sent: list[str] = []
    answers = LiveAnswers(lambda _conversation_id, frame: sent.append(frame), 0.0)
    own, others = begun_answer(), begun_answer()
    answers.on_begun(own)
    answers.mirror(others)
    answers.grow(TextGrown(others.conversation_id, others.generation_id, 0, "Hello"))

    answers.drop_mirrors()

    assert answers.find(others.conversation_id) is None and answers.own()
    answers.mirror(others)
    answers.grow(TextGrown(others.conversation_id, others.generation_id, 0, "Hello there"))
    assert answers.shown_text(others.conversation_id) == "Hello there"
