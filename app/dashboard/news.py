"""What asks for an agent's attention, whatever view and filter their list shows."""

from dataclasses import dataclass
from uuid import UUID

from sqlalchemy import func, select
from sqlalchemy.ext.asyncio import AsyncSession

from app.dashboard.inbox import read_unread
from app.models import Contact, Conversation, Mention, Message, ReadMarker
from app.speakers import SignedInAgent
from app.vocabulary import Status

MAX_NEWS = 20
_NOTE_CHARS = 160


@dataclass(frozen=True)
class News:
    """Something new; `seq` tells it from what came before in the same conversation."""

    conversation_id: UUID
    seq: int
    title: str
    text: str


async def read_news(session: AsyncSession, agent: SignedInAgent) -> tuple[News, ...]:
    """Unread customers that are this agent's or nobody's, then notes that name this agent."""
    rows = await read_unread(session, agent, MAX_NEWS)
    unread = [News(row.id, row.newest_seq, row.contact_name, row.snippet) for row in rows]
    return (*unread, *await _mentions(session, agent))


async def _mentions(session: AsyncSession, agent: SignedInAgent) -> list[News]:
    my_marker = (ReadMarker.conversation_id == Mention.conversation_id) & (
        ReadMarker.reader_id == agent.agent_id
    )
    query = (
        select(Message, Contact.name)
        .join(Mention, Mention.message_id == Message.id)
        .join(Conversation, Conversation.id == Mention.conversation_id)
        .join(Contact, Contact.id == Conversation.contact_id)
        .outerjoin(ReadMarker, my_marker)
        .where(
            Mention.agent_id == agent.agent_id,
            Conversation.status.in_((Status.OPEN, Status.SNOOZED)),
            Message.seq > func.coalesce(ReadMarker.seq, 0),
        )
        .order_by(Message.created_at.desc(), Message.id)
        .limit(MAX_NEWS)
    )
    found = await session.execute(query)
    return [_mention(note, contact_name) for note, contact_name in found]


def _mention(note: Message, contact_name: str) -> News:
    title = f"{note.author_name}, about {contact_name}"
    return News(note.conversation_id, note.seq, title, note.text[:_NOTE_CHARS])
