"""The log of a conversation as frames: what a reader missed, exactly as it was announced."""

from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncSession

from app.conversations.repository import Conversations, LoggedEvent
from app.conversations.schemas import MessageOut, RatingOut
from app.events import EventStored, JsonObject
from app.vocabulary import EventType

_BIRTHS = (EventType.MESSAGE_CREATED, EventType.NOTE_CREATED)


async def read_log(
    session: AsyncSession, conversation_id: UUID, after: int, limit: int
) -> list[EventStored]:
    """The next `limit` events, internal ones too; callers show only what their reader may see."""
    logged = await Conversations(session).events_after(conversation_id, after, limit)
    return [announced(one) for one in logged]


def announced(logged: LoggedEvent) -> EventStored:
    """As its watchers heard of it, with its message as it is now."""
    event = logged.event
    return EventStored(
        event.workspace_id,
        event.conversation_id,
        event_id=event.id,
        seq=event.seq,
        type=event.type,
        visibility=event.visibility,
        at=event.created_at,
        data=_payload(logged),
    )


def _payload(logged: LoggedEvent) -> JsonObject:
    if logged.rating is not None:
        return RatingOut.of(logged.rating).wire()
    if logged.message is None:
        return dict(logged.event.data)
    if logged.event.type in _BIRTHS:
        return {"message": MessageOut.at_birth(logged.message).wire()}
    return {"message": MessageOut.of(logged.message).wire()}
