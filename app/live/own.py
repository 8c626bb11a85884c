"""A customer's own conversations as their widget lists them."""

from collections.abc import Sequence
from uuid import UUID

from sqlalchemy import and_, func, select
from sqlalchemy.ext.asyncio import AsyncSession

from app.clock import as_wire
from app.events import JsonObject
from app.live.attendance import Team
from app.models import Agent, Conversation, Message, ReadMarker
from app.vocabulary import Control, Role, Visibility


async def summaries(
    session: AsyncSession, own: Sequence[Conversation], contact_id: UUID | None, team: Team
) -> list[JsonObject]:
    """Each with how far the customer has read, how much is new, and who answers it."""
    if not own:
        return []
    ids = [one.id for one in own]
    read = select(ReadMarker.conversation_id, ReadMarker.seq).where(
        ReadMarker.reader_id == contact_id, ReadMarker.conversation_id.in_(ids)
    )
    read_seqs = {row[0]: row[1] for row in await session.execute(read)}
    unread = await _num_unread(session, ids, contact_id)
    answering = {one.assignee_id for one in own if one.control is Control.HUMAN}
    named = select(Agent.id, Agent.name).where(Agent.id.in_(answering - {None}))
    names = {row[0]: row[1] for row in await session.execute(named)}
    return [
        _summary(one, names, team)
        | {"read": read_seqs.get(one.id, 0), "unread": unread.get(one.id, 0)}
        for one in own
    ]


async def _num_unread(
    session: AsyncSession, ids: Sequence[UUID], contact_id: UUID | None
) -> dict[UUID, int]:
    """What bot and agents have said to the customer since, by conversation."""
    query = (
        select(Message.conversation_id, func.count())
        .outerjoin(
            ReadMarker,
            and_(
                ReadMarker.conversation_id == Message.conversation_id,
                ReadMarker.reader_id == contact_id,
            ),
        )
        .where(
            Message.conversation_id.in_(ids),
            Message.role.in_((Role.BOT, Role.AGENT)),
            Message.visibility == Visibility.PUBLIC,
            Message.seq > func.coalesce(ReadMarker.seq, 0),
        )
        .group_by(Message.conversation_id)
    )
    return {row[0]: row[1] for row in await session.execute(query)}


def _summary(conversation: Conversation, names: dict[UUID, str], team: Team) -> JsonObject:
    told: JsonObject = {
        "id": str(conversation.id),
        "last_seq": conversation.last_seq,
        "status": conversation.status.value,
        "control": conversation.control.value,
        "epoch": conversation.control_epoch,
        "subject": conversation.subject,
        "at": as_wire(conversation.last_message_at),
    }
    agent_id = conversation.assignee_id
    if agent_id is not None and agent_id in names:
        told["assignee"] = {"id": str(agent_id), "name": names[agent_id]}
        told["here"] = agent_id in team.present
    return told
