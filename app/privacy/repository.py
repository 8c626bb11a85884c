"""The queries about contacts and what is stored of them."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from sqlalchemy import ColumnElement, delete, func, or_, select, update
from sqlalchemy.ext.asyncio import AsyncSession

from app.errors import NotFound
from app.models import (
    Attachment,
    Contact,
    Conversation,
    Draft,
    Generation,
    KbGap,
    Message,
    Rating,
    ReadMarker,
    VisitorSession,
)
from app.vocabulary import Status

_SHOWN = 50
_ANEW = {"populate_existing": True}


@dataclass(frozen=True)
class ContactRow:
    """A contact and how much there is of them."""

    contact: Contact
    num_conversations: int
    last_at: datetime | None


@dataclass(frozen=True)
class Emptied:
    """What had words until now, as it is without them; messages in their order."""

    messages: Sequence[Message]
    ratings: Sequence[Rating]


class Contacts:
    """Contacts of a company."""

    def __init__(self, session: AsyncSession) -> None:
        self._session = session

    async def rows(self, workspace_id: UUID, words: str = "") -> list[ContactRow]:
        """Those with these words in name, address or id, who wrote last first."""
        last = func.max(Conversation.last_message_at)
        query = (
            select(Contact, func.count(Conversation.id), last)
            .outerjoin(Conversation, Conversation.contact_id == Contact.id)
            .where(Contact.workspace_id == workspace_id)
            .group_by(Contact.id)
            .order_by(last.desc(), Contact.id)
            .limit(_SHOWN)
        )
        if words:
            sought = (Contact.name, Contact.email, Contact.external_id)
            query = query.where(or_(*(one.icontains(words, autoescape=True) for one in sought)))
        return [ContactRow(*found) for found in await self._session.execute(query)]

    async def contact(self, workspace_id: UUID, contact_id: UUID) -> Contact:
        """One of them.

        Raises:
            NotFound: unknown, or another company's.
        """
        found = await self._session.get(Contact, contact_id)
        if found is None or found.workspace_id != workspace_id:
            raise NotFound("There is no such contact.")
        return found

    async def locked(self, workspace_id: UUID, contact_id: UUID) -> Contact:
        """The same, and nobody begins a conversation of theirs until the end of the work.

        Raises:
            NotFound: unknown, or another company's.
        """
        found = await self.contact(workspace_id, contact_id)
        await self._session.refresh(found, with_for_update=True)
        return found

    async def conversations(self, contact_id: UUID) -> Sequence[Conversation]:
        """All of theirs, oldest first."""
        query = select(Conversation).where(Conversation.contact_id == contact_id)
        return (await self._session.scalars(query.order_by(Conversation.number))).all()

    async def messages(self, conversation_id: UUID) -> Sequence[Message]:
        """In order, internal ones too."""
        query = select(Message).where(Message.conversation_id == conversation_id)
        return (await self._session.scalars(query.order_by(Message.seq))).all()

    async def ratings(self, conversation_ids: Sequence[UUID]) -> dict[UUID, Rating]:
        """By conversation."""
        query = select(Rating).where(Rating.conversation_id.in_(conversation_ids))
        return {one.conversation_id: one for one in await self._session.scalars(query)}

    async def expired(self, workspace_id: UUID, before: datetime, limit: int) -> list[UUID]:
        """Conversations that ended before then and still hold words."""
        has_words = (
            select(Message.id)
            .where(Message.conversation_id == Conversation.id, Message.text != "")
            .exists()
        )
        has_files = select(Attachment.id).where(Attachment.conversation_id == Conversation.id)
        query = select(Conversation.id).where(
            Conversation.workspace_id == workspace_id,
            Conversation.status.in_([Status.RESOLVED, Status.ARCHIVED]),
            Conversation.last_message_at < before,
            or_(has_words, has_files.exists()),
        )
        return list(await self._session.scalars(query.limit(limit)))

    async def empty(self, conversation_ids: Sequence[UUID]) -> Emptied:
        """Take all words out of these conversations; times and counts stay for the reports."""
        mine = list(conversation_ids)
        had_words = or_(Message.text != "", func.json_array_length(Message.files) > 0)
        gone = await self._session.scalars(
            select(Message.id).where(Message.conversation_id.in_(mine), had_words)
        )
        message_ids = list(gone)
        said = select(Rating.id).where(Rating.conversation_id.in_(mine), Rating.comment != "")
        rating_ids = list(await self._session.scalars(said))
        blank = {"text": "", "citations": [], "chips": [], "files": []}
        await self._set(Message, Message.conversation_id.in_(mine), blank)
        computed = {"token_ids": None, "context": None, "retrieval": None, "drafted": None}
        await self._set(Generation, Generation.conversation_id.in_(mine), computed)
        await self._set(Conversation, Conversation.id.in_(mine), {"subject": "", "page": None})
        await self._set(Rating, Rating.conversation_id.in_(mine), {"comment": ""})
        for table, column in (
            (Draft, Draft.conversation_id),
            (KbGap, KbGap.conversation_id),
        ):
            await self._session.execute(delete(table).where(column.in_(mine)))
        changed = select(Message).where(Message.id.in_(message_ids)).order_by(Message.seq)
        ratings = select(Rating).where(Rating.id.in_(rating_ids))
        return Emptied(
            (await self._session.scalars(changed, execution_options=_ANEW)).all(),
            (await self._session.scalars(ratings, execution_options=_ANEW)).all(),
        )

    async def forget_sessions(self, contact_id: UUID) -> list[str]:
        """Their widgets start anew; returns the hashes of the tokens they had."""
        own = delete(VisitorSession).where(VisitorSession.contact_id == contact_id)
        return list(await self._session.scalars(own.returning(VisitorSession.token_hash)))

    async def read_on(self, conversation_id: UUID, before_seq: int, seq: int) -> None:
        """Whoever had read as far as `before_seq` has read as far as `seq`."""
        mine = (ReadMarker.conversation_id == conversation_id, ReadMarker.seq >= before_seq)
        await self._session.execute(update(ReadMarker).where(*mine).values(seq=seq))

    async def _set(
        self, table: type, which: ColumnElement[bool], values: Mapping[str, object]
    ) -> None:
        changed = update(table).where(which).values(values)
        await self._session.execute(changed.execution_options(synchronize_session=False))
