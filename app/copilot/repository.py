"""What the copilot reads of a company's conversations."""

from collections import defaultdict
from uuid import UUID

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from app.copilot.labels import Labelled
from app.models import Conversation, ConversationLabel, Label, Message
from app.vocabulary import MessageKind, Role

MAX_EARLIER = 200
_NUM_MESSAGES = 4
_MAX_CHARS = 1_000


async def read_label_names(session: AsyncSession, workspace_id: UUID) -> list[str]:
    """All labels of the company that this conversation could carry."""
    query = select(Label.name).where(Label.workspace_id == workspace_id).order_by(Label.name)
    return list(await session.scalars(query))


async def read_own_labels(session: AsyncSession, conversation_id: UUID) -> frozenset[str]:
    """Those it carries already."""
    query = (
        select(Label.name)
        .join(ConversationLabel, ConversationLabel.label_id == Label.id)
        .where(ConversationLabel.conversation_id == conversation_id)
    )
    return frozenset(await session.scalars(query))


async def read_labelled(
    session: AsyncSession, workspace_id: UUID, but_id: UUID | None = None
) -> list[Labelled]:
    """The newest conversations with labels, without this one."""
    rows = await session.execute(
        select(ConversationLabel.conversation_id, Label.name)
        .join(Label, Label.id == ConversationLabel.label_id)
        .join(Conversation, Conversation.id == ConversationLabel.conversation_id)
        .where(Conversation.workspace_id == workspace_id, Conversation.id.is_distinct_from(but_id))
        .order_by(Conversation.last_message_at.desc(), Conversation.id)
        .limit(MAX_EARLIER)
    )
    names: dict[UUID, set[str]] = defaultdict(set)
    for conversation_id, name in rows:
        names[conversation_id].add(name)
    texts = await read_texts(session, list(names))
    return [Labelled(texts.get(key, ""), frozenset(labels)) for key, labels in names.items()]


async def read_texts(session: AsyncSession, conversation_ids: list[UUID]) -> dict[UUID, str]:
    """What the customers of these wrote first."""
    rows = await session.execute(
        select(Message.conversation_id, Message.text)
        .where(
            Message.conversation_id.in_(conversation_ids),
            Message.role == Role.CUSTOMER,
            Message.kind == MessageKind.TEXT,
        )
        .order_by(Message.conversation_id, Message.seq)
    )
    said: dict[UUID, list[str]] = defaultdict(list)
    for conversation_id, text in rows:
        if len(said[conversation_id]) < _NUM_MESSAGES:
            said[conversation_id].append(text)
    return {key: "\n".join(texts)[:_MAX_CHARS] for key, texts in said.items()}
