"""The only doors through which an id from outside becomes a row.

Unknown and foreign sound alike: `NotFound`. A lock door also takes the row's lock, so that what
follows in the same work sees nobody else's writes in between (SQLite: the one writer's turn).
"""

from uuid import UUID

from sqlalchemy import Select, select
from sqlalchemy.ext.asyncio import AsyncSession

from app.database import Work
from app.errors import Blocked, Forbidden, NotFound
from app.models import Agent, Contact, Conversation, Inbox
from app.speakers import Customer, SignedInAgent, Speaker


async def conversation(
    session: AsyncSession, speaker: Speaker, conversation_id: UUID
) -> Conversation:
    """A conversation this speaker may read."""
    return await _one(session, _visible(speaker, conversation_id))


async def lock_conversation(work: Work, speaker: Speaker, conversation_id: UUID) -> Conversation:
    """A conversation this speaker may write in, locked.

    Raises:
        NotFound: unknown, or not this speaker's.
        Forbidden: an agent who may only read.
        Blocked: a customer who may not write.
    """
    if isinstance(speaker, SignedInAgent) and not speaker.may_converse:
        raise Forbidden
    found = await _one(work.session, _locked(_visible(speaker, conversation_id)))
    if isinstance(speaker, Customer):
        await contact(work.session, found.contact_id)
    return found


async def lock_any_conversation(work: Work, conversation_id: UUID) -> Conversation:
    """A conversation for the application's own work; the id does not come from outside."""
    own = select(Conversation).where(Conversation.id == conversation_id)
    return await _one(work.session, _locked(own))


async def contact(session: AsyncSession, contact_id: UUID) -> Contact:
    """A contact who may write.

    Raises:
        Blocked: an agent has blocked them.
    """
    found = await session.get_one(Contact, contact_id)
    if found.blocked_at is not None:
        raise Blocked
    return found


async def inbox(session: AsyncSession, public_token: str) -> Inbox:
    """The site behind the token in its page."""
    query = select(Inbox).where(Inbox.public_token == public_token)
    found = (await session.scalars(query)).one_or_none()
    if found is None:
        raise NotFound("There is no such site.")
    return found


async def agent(session: AsyncSession, agent_id: UUID) -> Agent:
    """An account that may sign in."""
    found = await session.get(Agent, agent_id)
    if found is None or found.disabled_at is not None:
        raise NotFound
    return found


def _visible(speaker: Speaker, conversation_id: UUID) -> Select[Conversation]:
    query = select(Conversation).where(
        Conversation.id == conversation_id,
        Conversation.workspace_id == speaker.workspace_id,
    )
    if isinstance(speaker, Customer):
        query = query.where(
            Conversation.contact_id == speaker.contact_id,
            Conversation.inbox_id == speaker.inbox_id,
        )
    return query


def _locked(query: Select[Conversation]) -> Select[Conversation]:
    return query.with_for_update().execution_options(populate_existing=True)


async def _one(session: AsyncSession, query: Select[Conversation]) -> Conversation:
    found = (await session.scalars(query)).one_or_none()
    if found is None:
        raise NotFound
    return found
