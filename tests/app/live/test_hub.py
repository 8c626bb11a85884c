"""What the hub does with an event that comes late, twice, or from an older epoch."""

import pytest

from app.events import BegunAnswer, ControlChanged, EventStored
from app.ids import new_id
from app.live.answers import LiveAnswers
from app.vocabulary import Control, Phase
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
