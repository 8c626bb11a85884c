"""The queries about conversations, in terms of models."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any
from uuid import UUID

from sqlalchemy import Select, case, select, update
from sqlalchemy.exc import IntegrityError
from sqlalchemy.ext.asyncio import AsyncSession

from app.models import (
    Agent,
    Contact,
    Conversation,
    ConversationEvent,
    ConversationLabel,
    Label,
    Message,
    Rating,
    ReadMarker,
    Workspace,
)
from app.vocabulary import EventType, Status, Visibility


@dataclass(frozen=True)
class ConversationRow:
    """A conversation with the names people see."""

    conversation: Conversation
    contact: Contact
    assignee_name: str | None
    rating: Rating | None = None
    labels: tuple[Label, ...] = ()

    @property
    def contact_name(self) -> str:
        """As agents see it."""
        return self.contact.name


@dataclass(frozen=True)
class LoggedEvent:
    """A stored event and, if it is about one, its message as it is now."""

    event: ConversationEvent
    message: Message | None
    rating: Rating | None = None
    """Of an event that tells it."""


class Conversations:
    """Looks up and adds; changes of a conversation go through `ledger` and `control`."""

    def __init__(self, session: AsyncSession) -> None:
        self._session = session

    async def next_number(self, workspace_id: UUID) -> int:
        """The number of a new conversation in its workspace."""
        raised = (
            update(Workspace)
            .where(Workspace.id == workspace_id)
            .values(last_number=Workspace.last_number + 1)
            .returning(Workspace.last_number)
            .execution_options(synchronize_session=False)
        )
        return (await self._session.execute(raised)).scalar_one()

    async def lock_contact(self, contact_id: UUID) -> None:
        """Only one new conversation of a contact is opened at a time."""
        query = select(Contact.id).where(Contact.id == contact_id).with_for_update()
        await self._session.execute(query)

    async def find_open_id(self, contact_id: UUID, inbox_id: UUID) -> UUID | None:
        """The newest conversation of this contact that has not ended."""
        query = (
            select(Conversation.id)
            .where(
                Conversation.contact_id == contact_id,
                Conversation.inbox_id == inbox_id,
                Conversation.status.in_([Status.OPEN, Status.SNOOZED]),
            )
            .order_by(Conversation.last_message_at.desc(), Conversation.id.desc())
            .limit(1)
        )
        return (await self._session.scalars(query)).one_or_none()

    async def find_sent(self, conversation_id: UUID, client_msg_id: str | None) -> Message | None:
        """The message somebody sent under this id in the conversation; none without an id."""
        if client_msg_id is None:
            return None
        query = select(Message).where(
            Message.conversation_id == conversation_id, Message.client_msg_id == client_msg_id
        )
        return (await self._session.scalars(query)).one_or_none()

    async def find_sent_by_contact(
        self, contact_id: UUID, client_msg_id: str | None
    ) -> Message | None:
        """The message sent under this id in any conversation of the contact; none without an id."""
        if client_msg_id is None:
            return None
        query = (
            select(Message)
            .join(Conversation, Conversation.id == Message.conversation_id)
            .where(Conversation.contact_id == contact_id, Message.client_msg_id == client_msg_id)
            .limit(1)
        )
        return (await self._session.scalars(query)).one_or_none()

    async def row(self, conversation: Conversation) -> ConversationRow:
        """The conversation with its names."""
        query = rows().where(Conversation.id == conversation.id)
        [row] = await self.labelled([as_row((await self._session.execute(query)).one())])
        return row

    async def labels(self, conversation_ids: Sequence[UUID]) -> dict[UUID, tuple[Label, ...]]:
        """The labels of each, by name."""
        query = (
            select(ConversationLabel.conversation_id, Label)
            .join(Label, Label.id == ConversationLabel.label_id)
            .where(ConversationLabel.conversation_id.in_(conversation_ids))
            .order_by(Label.name)
        )
        found: dict[UUID, tuple[Label, ...]] = dict.fromkeys(conversation_ids, ())
        for conversation_id, label in await self._session.execute(query):
            found[conversation_id] += (label,)
        return found

    async def labelled(self, rows: Sequence[ConversationRow]) -> list[ConversationRow]:
        """The same rows with their labels."""
        labels = await self.labels([row.conversation.id for row in rows])
        return [replace(row, labels=labels[row.conversation.id]) for row in rows]

    async def ids_of(self, contact_id: UUID) -> list[UUID]:
        """All conversations of a contact, in any inbox."""
        query = select(Conversation.id).where(Conversation.contact_id == contact_id)
        return list(await self._session.scalars(query))

    async def of_contact(self, contact_id: UUID, inbox_id: UUID, limit: int) -> list[Conversation]:
        """A customer's own, newest first."""
        query = (
            select(Conversation)
            .where(Conversation.contact_id == contact_id, Conversation.inbox_id == inbox_id)
            .order_by(Conversation.last_message_at.desc(), Conversation.id.desc())
            .limit(limit)
        )
        return list(await self._session.scalars(query))

    async def messages(self, conversation_id: UUID, *, with_internal: bool) -> list[Message]:
        """The whole thread, oldest first."""
        query = select(Message).where(Message.conversation_id == conversation_id)
        if not with_internal:
            query = query.where(Message.visibility == Visibility.PUBLIC)
        return list(await self._session.scalars(query.order_by(Message.seq)))

    async def raise_marker(self, conversation_id: UUID, reader_id: UUID, seq: int) -> None:
        """Remember that a reader has come as far as `seq`, never less."""
        mine = (ReadMarker.conversation_id == conversation_id, ReadMarker.reader_id == reader_id)
        further = case((ReadMarker.seq < seq, seq), else_=ReadMarker.seq)
        raising = update(ReadMarker).where(*mine).values(seq=further).returning(ReadMarker.id)
        raising = raising.execution_options(synchronize_session=False)
        if (await self._session.execute(raising)).first() is not None:
            return
        marker = ReadMarker(conversation_id=conversation_id, reader_id=reader_id, seq=seq)
        try:
            async with self._session.begin_nested():
                self._session.add(marker)
        except IntegrityError:  # another tab's was first
            await self._session.execute(raising)

    async def events_after(self, conversation_id: UUID, seq: int, limit: int) -> list[LoggedEvent]:
        """The next events of the log with the messages they are about."""
        query = (
            logged_events()
            .where(
                ConversationEvent.conversation_id == conversation_id, ConversationEvent.seq > seq
            )
            .order_by(ConversationEvent.seq)
            .limit(limit)
        )
        return [LoggedEvent(*found) for found in await self._session.execute(query)]


def logged_events() -> Select[ConversationEvent, Message, Rating]:
    """What a `LoggedEvent` is made of."""
    return (
        select(ConversationEvent, Message, Rating)
        .outerjoin(Message, Message.id == ConversationEvent.message_id)
        .outerjoin(
            Rating,
            (Rating.conversation_id == ConversationEvent.conversation_id)
            & (ConversationEvent.type == EventType.CSAT_ANSWERED),
        )
    )


def rows() -> Select[Conversation, Contact, str, Rating]:
    """What `as_row` reads."""
    return (
        select(Conversation, Contact, Agent.name, Rating)
        .join(Contact, Contact.id == Conversation.contact_id)
        .outerjoin(Agent, Agent.id == Conversation.assignee_id)
        .outerjoin(Rating, Rating.conversation_id == Conversation.id)
    )


def as_row(found: Any) -> ConversationRow:
    """Without its labels."""
    conversation, contact, assignee_name, rating = found
    return ConversationRow(conversation, contact, assignee_name, rating)
