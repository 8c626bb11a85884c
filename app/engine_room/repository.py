"""The queries about answers and what they took."""

from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from sqlalchemy import Select, select
from sqlalchemy.ext.asyncio import AsyncSession

from app.errors import NotFound
from app.models import Conversation, Generation, Message
from app.vocabulary import GenerationState

_SHOWN = 25


@dataclass(frozen=True)
class AnswerRow:
    """A whole answer of the bot."""

    message_id: UUID
    conversation_id: UUID
    conversation_number: int
    text: str
    at: datetime
    model: str | None
    num_prompt_tokens: int | None
    num_cached_tokens: int | None
    num_answer_tokens: int
    ttft_ms: int | None
    total_ms: int | None
    drafted: tuple[tuple[int, str | None], ...] | None
    """Runs as `answers/drafted.py` reads them; None where nobody kept them."""


async def read_answers(session: AsyncSession, workspace_id: UUID) -> list[AnswerRow]:
    """The newest answers that the engine had a part in."""
    query = _answers(workspace_id).where(Generation.model.is_not(None))
    newest = query.order_by(Message.created_at.desc()).limit(_SHOWN)
    return [_row(*found) for found in await session.execute(newest)]


async def read_answer(session: AsyncSession, workspace_id: UUID, message_id: UUID) -> AnswerRow:
    """One answer.

    Raises:
        NotFound: unknown, of another company, or not finished.
    """
    found = (
        await session.execute(_answers(workspace_id).where(Message.id == message_id))
    ).one_or_none()
    if found is None:
        raise NotFound
    return _row(*found)


def _answers(workspace_id: UUID) -> Select[Message, Generation, int]:
    return (
        select(Message, Generation, Conversation.number)
        .join(Generation, Generation.id == Message.generation_id)
        .join(Conversation, Conversation.id == Message.conversation_id)
        .where(
            Message.workspace_id == workspace_id,
            Generation.state == GenerationState.DONE,
        )
    )


def _row(message: Message, generation: Generation, number: int) -> AnswerRow:
    drafted = generation.drafted
    return AnswerRow(
        message_id=message.id,
        conversation_id=message.conversation_id,
        conversation_number=number,
        text=message.text,
        at=message.created_at,
        model=generation.model,
        num_prompt_tokens=generation.num_prompt_tokens,
        num_cached_tokens=generation.num_cached_tokens,
        num_answer_tokens=len(generation.token_ids or []),
        ttft_ms=generation.ttft_ms,
        total_ms=generation.total_ms,
        drafted=None if drafted is None else tuple((count, name) for count, name in drafted),
    )
