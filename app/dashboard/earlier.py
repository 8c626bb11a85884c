"""What else a contact has asked: their other conversations."""

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from app.models import Conversation

_NUM_EARLIER = 6


async def earlier_conversations(
    session: AsyncSession, conversation: Conversation
) -> tuple[Conversation, ...]:
    """The contact's other conversations, newest first."""
    others = (
        select(Conversation)
        .where(
            Conversation.contact_id == conversation.contact_id, Conversation.id != conversation.id
        )
        .order_by(Conversation.last_message_at.desc(), Conversation.id)
        .limit(_NUM_EARLIER)
    )
    return tuple(await session.scalars(others))
