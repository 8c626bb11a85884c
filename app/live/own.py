"""A customer's own conversations as their widget lists them."""

from collections.abc import Sequence
from uuid import UUID

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from app.clock import as_wire
from app.events import JsonObject
from app.live.attendance import Team
from app.models import Agent, Conversation, ReadMarker
from app.vocabulary import Control


async def summaries(
    session: AsyncSession, own: Sequence[Conversation], contact_id: UUID | None, team: Team
) -> list[JsonObject]:
    """Each with how far the customer has read, and who answers it."""
    if not own:
        return []
    read = select(ReadMarker.conversation_id, ReadMarker.seq).where(
        ReadMarker.reader_id == contact_id,
        ReadMarker.conversation_id.in_([one.id for one in own]),
    )
    read_seqs = {row[0]: row[1] for row in await session.execute(read)}
    answering = {one.assignee_id for one in own if one.control is Control.HUMAN}
    named = select(Agent.id, Agent.name).where(Agent.id.in_(answering - {None}))
    names = {row[0]: row[1] for row in await session.execute(named)}
    return [_summary(one, read_seqs.get(one.id, 0), names, team) for one in own]


def _summary(
    conversation: Conversation, read_seq: int, names: dict[UUID, str], team: Team
) -> JsonObject:
    told: JsonObject = {
        "id": str(conversation.id),
        "last_seq": conversation.last_seq,
        "status": conversation.status.value,
        "control": conversation.control.value,
        "epoch": conversation.control_epoch,
        "subject": conversation.subject,
        "at": as_wire(conversation.last_message_at),
        "read": read_seq,
    }
    agent_id = conversation.assignee_id
    if agent_id is not None and agent_id in names:
        told["assignee"] = {"id": str(agent_id), "name": names[agent_id]}
        told["here"] = agent_id in team.present
    return told
