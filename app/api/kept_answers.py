"""Answers that are kept for repeated writes hold what was written; who is erased goes from them."""

from collections.abc import Iterable
from uuid import UUID

from sqlalchemy import delete, or_
from sqlalchemy.ext.asyncio import AsyncSession

from app.models import IdempotencyKey

_AT_ONCE = 100


async def forget_answers_about(session: AsyncSession, ids: Iterable[UUID]) -> None:
    """Forget every kept answer that names one of these contacts, conversations or messages."""
    names = [str(one) for one in ids]
    for i in range(0, len(names), _AT_ONCE):
        named = (IdempotencyKey.body.contains(name) for name in names[i : i + _AT_ONCE])
        gone = delete(IdempotencyKey).where(or_(*named))
        await session.execute(gone.execution_options(synchronize_session=False))
