"""One conversation beside the list: its contact, who could take it, and unsent texts."""

from dataclasses import dataclass
from uuid import UUID

from sqlalchemy import or_, select
from sqlalchemy.ext.asyncio import AsyncSession

from app import access
from app.conversations.repository import ConversationRow, Conversations
from app.copilot.reading import Reader
from app.copilot.service import suggest_labels
from app.dashboard.earlier import earlier_conversations
from app.dashboard.inbox import badge, look, read_labels, read_people
from app.models import Agent, CannedReply, Conversation, Draft, Label
from app.speakers import SignedInAgent
from app.vocabulary import DraftKind


@dataclass(frozen=True)
class Opened:
    """What the page of a conversation shows around its thread."""

    row: ConversationRow
    badge: str
    look: str
    earlier: tuple[Conversation, ...]
    """The contact's other conversations, newest first."""
    colleagues: tuple[Agent, ...]
    """Who can have it, this agent too."""
    labels: tuple[Label, ...]
    """All of the company's."""
    canned: tuple[CannedReply, ...]
    drafts: dict[DraftKind, str]
    fitting: tuple[Label, ...] = ()
    """Labels that may fit and are not on it."""


async def read_opened(
    session: AsyncSession, agent: SignedInAgent, conversation_id: UUID, reader: Reader
) -> Opened:
    """The conversation beside the list.

    Raises:
        NotFound: unknown, or of another company.
    """
    found = await access.conversation(session, agent, conversation_id)
    row = await Conversations(session).row(found)
    labels = await read_labels(session, agent.workspace_id)
    may_label = agent.may_converse
    suggested = await suggest_labels(session, agent, found.id, reader) if may_label else ()
    fitting = {one.name for one in suggested}
    return Opened(
        row,
        badge(found, row.assignee_name),
        look(found),
        earlier=await earlier_conversations(session, found),
        colleagues=await read_people(session, agent.workspace_id),
        labels=labels,
        canned=await _canned(session, agent),
        drafts=await _drafts(session, agent, found.id),
        fitting=tuple(label for label in labels if label.name in fitting),
    )


async def _canned(session: AsyncSession, agent: SignedInAgent) -> tuple[CannedReply, ...]:
    usable = (
        select(CannedReply)
        .where(
            CannedReply.workspace_id == agent.workspace_id,
            or_(
                CannedReply.owner_agent_id.is_(None),
                CannedReply.owner_agent_id == agent.agent_id,
            ),
        )
        .order_by(CannedReply.shortcut)
    )
    return tuple(await session.scalars(usable))


async def _drafts(
    session: AsyncSession, agent: SignedInAgent, conversation_id: UUID
) -> dict[DraftKind, str]:
    mine = select(Draft.kind, Draft.body).where(
        Draft.conversation_id == conversation_id, Draft.agent_id == agent.agent_id
    )
    kept = {row.kind: row.body for row in await session.execute(mine)}
    return {kind: kept.get(kind, "") for kind in DraftKind}
