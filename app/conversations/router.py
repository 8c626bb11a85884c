"""The reading side of `/v1`: conversations, one with its thread, and its events."""

from datetime import datetime
from typing import Annotated
from uuid import UUID

from fastapi import Query

from app.api.keys import ApiCaller, require
from app.api.routes import api_router
from app.api.scopes import Scope
from app.conversations import service
from app.conversations.repository import ConversationRow, Filter, Place
from app.conversations.schemas import (
    ConversationDetail,
    ConversationPage,
    ConversationWithMessages,
    EventOut,
    EventPage,
    MessageOut,
    PageMeta,
)
from app.dependencies import PartsDep, SnapshotDep
from app.security import Secrets
from app.vocabulary import Control, Status

router = api_router("/conversations", "conversations")

Reads = Annotated[ApiCaller, require(Scope.CONVERSATIONS_READ)]

Limit = Annotated[int, Query(ge=1, le=100)]


@router.get("")
async def list_conversations(
    caller: Reads,
    parts: PartsDep,
    session: SnapshotDep,
    status: Status | None = None,
    control: Control | None = None,
    assignee: UUID | None = None,
    limit: Limit = 25,
    cursor: Annotated[str | None, Query(max_length=400)] = None,
) -> ConversationPage:
    """Conversations by their last message, newest first."""
    chosen = Filter(caller.workspace_id, status=status, control=control, assignee_id=assignee)
    after = _read_place(parts.secrets, cursor) if cursor else None
    rows, has_more = await service.list_conversations(session, chosen, after, limit)
    next_cursor = _cursor(parts.secrets, rows[-1]) if has_more else None
    return ConversationPage(
        data=[ConversationDetail.of(row) for row in rows],
        meta=PageMeta(has_more=has_more, next_cursor=next_cursor),
    )


@router.get("/{conversation_id}", response_model_exclude_none=True)
async def get_conversation(
    conversation_id: UUID, caller: Reads, session: SnapshotDep
) -> ConversationWithMessages:
    """One conversation with its messages."""
    snapshot = await service.read_snapshot(session, caller.agent, conversation_id)
    return ConversationWithMessages(
        conversation=ConversationDetail.of(snapshot.row),
        messages=[MessageOut.of(message) for message in snapshot.messages],
    )


@router.get("/{conversation_id}/events")
async def list_events(
    conversation_id: UUID,
    caller: Reads,
    session: SnapshotDep,
    after: Annotated[int, Query(ge=0)] = 0,
    limit: Annotated[int, Query(ge=1, le=500)] = 100,
) -> EventPage:
    """What happened after event `after`, oldest first, as in the socket's frames."""
    log = await service.read_events(
        session, caller.agent, conversation_id, after=after, limit=limit
    )
    return EventPage(
        data=[EventOut.of(event) for event in log.events],
        last_seq=log.last_seq,
        has_more=log.has_more,
    )


def _cursor(secrets: Secrets, row: ConversationRow) -> str:
    last = row.conversation
    return secrets.seal_cursor([last.last_message_at.isoformat(), str(last.id)])


def _read_place(secrets: Secrets, cursor: str) -> Place:
    moment, conversation_id = secrets.open_cursor(cursor)
    return Place(datetime.fromisoformat(moment), UUID(conversation_id))
