"""The bot's side of a conversation, written by the test through the real functions."""

from uuid import UUID

from app.conversations.answering import FinishedAnswer, begin_answer, complete_answer
from app.live.answers import LiveAnswer
from app.parts import Parts


async def begin(parts: Parts, conversation_id: str, *, epoch: int = 0) -> LiveAnswer:
    """Begin an answer, as `app/answers` does."""
    async with parts.database.work() as work:
        begun = await begin_answer(work, UUID(conversation_id), epoch=epoch)
    return parts.hub.answers.open(begun)


async def complete(parts: Parts, live: LiveAnswer) -> None:
    """Store all that was said."""
    live.flush()
    async with parts.database.work() as work:
        await complete_answer(work, live.answer, FinishedAnswer(live.text))
