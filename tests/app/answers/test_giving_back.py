"""An agent gives the conversation back: the bot waits for the customer, unless asked to answer."""

from app.handoff import service as handoff
from app.vocabulary import Control, Role
from tests.app.answers.rig import Rig

QUESTION = "How long is the warranty on tents?"


async def give_back(rig: Rig, *, answers_last: bool) -> int:
    """Taken over, asked, given back; returns how many answers of the bot there are."""
    conversation_id = await rig.ask("hello")
    await rig.take_over(conversation_id)
    await rig.say(QUESTION)
    num_turns = rig.num_turns
    async with rig.parts.database.work() as work:
        await handoff.release(work, rig.agent, conversation_id, epoch=1, answers_last=answers_last)
    num_expected = num_turns + 1 + answers_last  # the change of control, and the answer
    await rig.until(lambda: rig.num_turns >= num_expected)
    assert (await rig.conversation(conversation_id)).control is Control.BOT
    return len(await rig.messages(conversation_id, Role.BOT))


async def test_given_back_the_bot_is_silent_until_the_customer_writes(rig: Rig) -> None:
    assert await give_back(rig, answers_last=False) == 1

    conversation_id = await rig.ask("hello again")

    assert len(await rig.messages(conversation_id, Role.BOT)) == 2


async def test_asked_to_it_answers_what_the_customer_wrote_last(rig: Rig) -> None:
    assert await give_back(rig, answers_last=True) == 2
