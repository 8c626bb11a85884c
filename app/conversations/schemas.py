"""What crosses the wire about conversations, strict; the same objects in frames and in REST."""

from typing import Any, Self
from uuid import UUID

from pydantic import BaseModel, ConfigDict

from app.clock import as_wire
from app.conversations.repository import ConversationRow
from app.events import EventStored
from app.models import Message, Rating
from app.vocabulary import (
    AnsweredBy,
    Chip,
    Control,
    Feedback,
    MessageKind,
    MessageState,
    Priority,
    Role,
    Status,
    Visibility,
)

JsonObject = dict[str, Any]


class Wire(BaseModel):
    """Unknown fields are errors, fields do not change."""

    model_config = ConfigDict(extra="forbid", frozen=True)


class Citation(Wire):
    """The sentence of an article that an answer quotes; `[1]` in the text is `marker` 1."""

    marker: int
    article_id: UUID
    version: int
    title: str
    paragraph: int
    quote: str
    url: str


class Person(Wire):
    """An agent as others see them."""

    id: UUID
    name: str


class FileOut(Wire):
    """A file that came with a message; `size` in bytes."""

    id: UUID
    name: str
    type: str
    size: int


class MessageOut(Wire):
    """A message as the protocol shows it; optional fields are left out when empty."""

    id: UUID
    s: int
    role: Role
    kind: MessageKind
    state: MessageState
    text: str
    author: Person | None = None
    cid: str | None = None
    gen: UUID | None = None
    visibility: Visibility | None = None
    citations: list[Citation]
    chips: list[Chip]
    files: list[FileOut] | None = None
    feedback: Feedback | None = None
    """The button under a bot's answer that was pressed."""
    at: str

    @classmethod
    def of(cls, message: Message) -> Self:
        """The message as it is now."""
        author = None
        if message.author_agent_id is not None:
            author = Person(id=message.author_agent_id, name=message.author_name or "")
        is_internal = message.visibility is Visibility.INTERNAL
        return cls(
            id=message.id,
            s=message.seq,
            role=message.role,
            kind=message.kind,
            state=message.state,
            text=message.text,
            author=author,
            cid=message.client_msg_id,
            gen=message.generation_id,
            visibility=Visibility.INTERNAL if is_internal else None,
            citations=message.citations,
            chips=message.chips,
            files=message.files or None,
            feedback=message.feedback,
            at=as_wire(message.created_at),
        )

    @classmethod
    def at_birth(cls, message: Message) -> Self:
        """The message as it was created: a bot's is empty, however far it has come since."""
        born = cls.of(message)
        if message.generation_id is None:
            return born
        blank: JsonObject = {
            "state": MessageState.STREAMING,
            "text": "",
            "citations": [],
            "chips": [],
            "feedback": None,
        }
        return born.model_copy(update=blank)

    def wire(self) -> JsonObject:
        """As JSON values, without what is not there."""
        return self.model_dump(mode="json", exclude_none=True)


class ContactOut(Wire):
    """The customer as agents see them."""

    name: str
    blocked: bool = False


class LabelOut(Wire):
    """A label; the colour is a name of the palette."""

    name: str
    colour: str


class RatingOut(Wire):
    """What the customer thinks of a conversation; without a score they were asked only."""

    score: int | None = None
    comment: str | None = None
    about: AnsweredBy | None = None
    """Who had the last word."""

    @classmethod
    def of(cls, rating: Rating) -> Self:
        """The rating as it is now."""
        return cls(score=rating.score, comment=rating.comment or None, about=rating.answered_by)

    def wire(self) -> JsonObject:
        """As JSON values, without what is not there."""
        return self.model_dump(mode="json", exclude_none=True)


class ConversationOut(Wire):
    """A conversation in a snapshot."""

    id: UUID
    number: int
    status: Status
    control: Control
    epoch: int
    last_seq: int
    contact: ContactOut
    assignee: Person | None = None
    subject: str
    priority: Priority
    labels: list[LabelOut]
    until: str | None = None
    """While snoozed: when it comes back; absent: when the customer writes."""
    rating: RatingOut | None = None
    """There from the moment the customer was asked."""

    @classmethod
    def of(cls, row: ConversationRow) -> Self:
        """The conversation as it is now."""
        return cls.model_validate(cls._fields(row))

    @classmethod
    def _fields(cls, row: ConversationRow) -> JsonObject:
        conversation = row.conversation
        assignee = None
        if conversation.assignee_id is not None:
            assignee = Person(id=conversation.assignee_id, name=row.assignee_name or "")
        return {
            "id": conversation.id,
            "number": conversation.number,
            "status": conversation.status,
            "control": conversation.control,
            "epoch": conversation.control_epoch,
            "last_seq": conversation.last_seq,
            "contact": ContactOut(
                name=row.contact.name, blocked=row.contact.blocked_at is not None
            ),
            "assignee": assignee,
            "subject": conversation.subject,
            "priority": conversation.priority,
            "labels": [LabelOut(name=label.name, colour=label.colour) for label in row.labels],
            "until": as_wire(conversation.snoozed_until) if conversation.snoozed_until else None,
            "rating": _rating(row),
        }

    def wire(self) -> JsonObject:
        """As JSON values, without what is not there."""
        return self.model_dump(mode="json", exclude_none=True)


def _rating(row: ConversationRow) -> RatingOut | None:
    if row.rating is not None:
        return RatingOut.of(row.rating)
    return RatingOut() if row.conversation.rating_asked_at is not None else None


class EventOut(Wire):
    """A stored event, shaped like its frame."""

    t: str
    c: UUID
    s: int
    id: UUID
    at: str
    d: JsonObject

    @classmethod
    def of(cls, event: EventStored) -> Self:
        """The event as its frame shows it."""
        return cls(
            t=event.type.value,
            c=event.conversation_id,
            s=event.seq,
            id=event.event_id,
            at=as_wire(event.at),
            d=event.data,
        )


class EventPage(Wire):
    """Events after the asked one, oldest first; `last_seq` is where the conversation stood."""

    data: list[EventOut]
    last_seq: int
    has_more: bool
