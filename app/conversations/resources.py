"""Conversations and messages as the REST API shows and takes them."""

from typing import Annotated, ClassVar, Self
from uuid import UUID

from pydantic import ConfigDict, Field, StringConstraints, model_validator

from app.api.values import (
    Body,
    Email,
    Flag,
    Line,
    Locale,
    Moment,
    PatchBody,
    Reference,
    Resource,
    Whole,
)
from app.contacts.resources import Attribute
from app.conversations.repository import ConversationRow
from app.conversations.schemas import Citation, FileOut, LabelOut, Person, RatingOut
from app.models import Agent, Contact, Message
from app.vocabulary import (
    AgentRole,
    Control,
    Feedback,
    MessageKind,
    MessageState,
    Priority,
    Resolution,
    Role,
    Side,
    Status,
    TakeoverMode,
    Visibility,
)

MAX_SUBJECT_CHARS = 120
MessageText = Annotated[
    str, StringConstraints(strip_whitespace=True, min_length=1, max_length=100_000)
]
Subject = Annotated[
    str, StringConstraints(strip_whitespace=True, min_length=1, max_length=MAX_SUBJECT_CHARS)
]
MessageReference = Annotated[
    str, StringConstraints(strip_whitespace=True, min_length=1, max_length=64)
]
LabelName = Annotated[
    str,
    StringConstraints(strip_whitespace=True, to_lower=True, min_length=1, max_length=40),
]
_REFERENCE = "What your system calls it; sent again, nothing is made twice."


class ContactRef(Resource):
    """The customer of a conversation."""

    id: UUID
    name: str
    email: str | None
    external_id: str | None
    blocked: bool

    @classmethod
    def of(cls, contact: Contact) -> "ContactRef":
        """The contact as it is now."""
        return ContactRef(
            id=contact.id,
            name=contact.name,
            email=contact.email,
            external_id=contact.external_id,
            blocked=contact.blocked_at is not None,
        )


class ExpandedContact(ContactRef):
    """The customer of a conversation, with all that is known of them."""

    locale: str | None
    attributes: dict[str, Attribute]
    created_at: Moment
    blocked_at: Moment | None

    @classmethod
    def whole(cls, contact: Contact) -> Self:
        """The contact as it is now."""
        return cls(
            **ContactRef.of(contact).model_dump(),
            locale=contact.locale,
            attributes=contact.attributes,
            created_at=contact.created_at,
            blocked_at=contact.blocked_at,
        )


class ExpandedAgent(Person):
    """Who has a conversation, with what other systems may want to know."""

    email: str
    role: AgentRole
    is_active: bool

    @classmethod
    def whole(cls, agent: Agent) -> Self:
        """The agent as they are now."""
        return cls(
            id=agent.id,
            name=agent.name,
            email=agent.email,
            role=agent.role,
            is_active=agent.disabled_at is None,
        )


class ConversationResource(Resource):
    """A conversation as it is now."""

    id: UUID
    number: int = Field(description="Counted within the company, for people.")
    external_ref: str | None
    inbox_id: UUID
    status: Status
    control: Control = Field(description="Who answers: the bot, the queue, or a human.")
    control_epoch: int = Field(description="Raised whenever the word passes.")
    waiting_on: Side = Field(description="Whose turn it is.")
    waiting_since: Moment | None
    contact: ExpandedContact | ContactRef
    assignee: ExpandedAgent | Person | None
    subject: str
    locale: str
    priority: Priority
    labels: list[LabelOut]
    snoozed_until: Moment | None
    last_seq: int = Field(description="Of its newest event.")
    last_message_at: Moment
    created_at: Moment
    resolved_at: Moment | None
    resolution: Resolution | None
    handoff_reason: str | None
    merged_into_id: UUID | None
    rating: RatingOut | None
    messages: "list[MessageResource] | None" = Field(
        default=None, description="The newest, oldest first, where `expand` asks for them."
    )

    @classmethod
    def of(cls, row: ConversationRow) -> Self:
        """The conversation as it is now."""
        one = row.conversation
        assignee = None
        if one.assignee_id is not None:
            assignee = Person(id=one.assignee_id, name=row.assignee_name or "")
        return cls(
            id=one.id,
            number=one.number,
            external_ref=one.external_ref,
            inbox_id=one.inbox_id,
            status=one.status,
            control=one.control,
            control_epoch=one.control_epoch,
            waiting_on=one.waiting_on,
            waiting_since=one.waiting_since,
            contact=ContactRef.of(row.contact),
            assignee=assignee,
            subject=one.subject,
            locale=one.locale,
            priority=one.priority,
            labels=[LabelOut(name=label.name, colour=label.colour) for label in row.labels],
            snoozed_until=one.snoozed_until,
            last_seq=one.last_seq,
            last_message_at=one.last_message_at,
            created_at=one.created_at,
            resolved_at=one.resolved_at,
            resolution=one.resolution,
            handoff_reason=one.handoff_reason,
            merged_into_id=one.merged_into_id,
            rating=RatingOut.of(row.rating) if row.rating else None,
        )


class MessageResource(Resource):
    """A message as it is now."""

    id: UUID
    conversation_id: UUID
    seq: int = Field(description="Its place among the events of the conversation.")
    external_ref: str | None = Field(
        description="What your system calls it; of one from widget or dashboard, what that does."
    )
    role: Role
    kind: MessageKind
    visibility: Visibility = Field(description="Internal ones reach agents only.")
    state: MessageState
    text: str
    author: Person | None
    citations: list[Citation]
    files: list[FileOut]
    feedback: Feedback | None
    created_at: Moment
    redacted_at: Moment | None

    @classmethod
    def of(cls, message: Message) -> Self:
        """The message as it is now."""
        author = None
        if message.author_agent_id is not None:
            author = Person(id=message.author_agent_id, name=message.author_name or "")
        return cls(
            id=message.id,
            conversation_id=message.conversation_id,
            seq=message.seq,
            external_ref=message.client_msg_id,
            role=message.role,
            kind=message.kind,
            visibility=message.visibility,
            state=message.state,
            text=message.text,
            author=author,
            citations=message.citations,
            files=message.files,
            feedback=message.feedback,
            created_at=message.created_at,
            redacted_at=message.redacted_at,
        )


class NewContact(Body):
    """Whose conversation it is: one you know by id, or by your own id or e-mail, or a new one."""

    id: UUID | None = None
    external_id: Reference | None = None
    email: Email | None = None
    name: Line | None = None
    locale: Locale | None = None


class FirstMessage(Body):
    """What the customer wrote."""

    text: MessageText
    external_ref: MessageReference | None = Field(default=None, description=_REFERENCE)


class NewConversation(Body):
    """A conversation that begins with a customer's message."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {
                    "external_ref": "ticket-4711",
                    "contact": {"external_id": "c-42", "email": "kim@example.org", "name": "Kim"},
                    "message": {"text": "Where is my parcel?"},
                    "priority": "high",
                    "labels": ["delivery"],
                }
            ]
        }
    )

    contact: NewContact
    message: FirstMessage
    external_ref: Reference | None = Field(default=None, description=_REFERENCE)
    inbox_id: UUID | None = Field(default=None, description="Absent: the company's first site.")
    control: Control | None = Field(
        default=None,
        description="`queue`: a person answers, not the bot. Absent: as the site is set.",
    )
    subject: Subject | None = Field(
        default=None, description="Absent: the first words of the message."
    )
    locale: Locale | None = None
    priority: Priority = Priority.NORMAL
    labels: list[LabelName] = Field(default_factory=list, max_length=20)

    @model_validator(mode="after")
    def _may_begin(self) -> Self:
        if self.control is Control.HUMAN:
            raise ValueError("a conversation begins with bot or queue; take it over afterwards")
        return self


class ConversationPatch(PatchBody):
    """What is to change; what is absent stays."""

    model_config = ConfigDict(
        json_schema_extra={"examples": [{"priority": "urgent", "labels": ["delivery", "vip"]}]}
    )
    clears: ClassVar[frozenset[str]] = frozenset({"external_ref"})

    subject: Subject | None = None
    priority: Priority | None = None
    labels: list[LabelName] | None = Field(
        default=None, max_length=20, description="All of them; unknown ones are made."
    )
    external_ref: Reference | None = Field(default=None, description="`null` takes it away.")


class NewMessageBody(Body):
    """A message: the customer's, an agent's to the customer, or a note for agents."""

    model_config = ConfigDict(
        json_schema_extra={"examples": [{"role": "agent", "text": "It left our house today."}]}
    )

    role: Role = Field(default=Role.CUSTOMER, description="`customer` or `agent`.")
    visibility: Visibility = Field(
        default=Visibility.PUBLIC, description="`internal` makes an agent's message a note."
    )
    text: MessageText
    external_ref: MessageReference | None = Field(default=None, description=_REFERENCE)
    agent_id: UUID | None = Field(
        default=None, description="In whose name an agent's message is; absent: the key's maker."
    )

    @model_validator(mode="after")
    def _fits(self) -> Self:
        if self.role not in (Role.CUSTOMER, Role.AGENT):
            raise ValueError("only customers and agents write")
        if self.role is Role.CUSTOMER and (
            self.visibility is Visibility.INTERNAL or self.agent_id is not None
        ):
            raise ValueError("a customer writes no notes and in nobody's name")
        return self


class ActingAgent(Body):
    """In whose name it happens."""

    agent_id: UUID | None = Field(default=None, description="Absent: the key's maker.")


class Takeover(ActingAgent):
    """A human takes the word."""

    control_epoch: Whole | None = Field(
        default=None, ge=0, le=2**31 - 1, description="As you read it: of two only the first wins."
    )
    mode: TakeoverMode = TakeoverMode.STOP


class Release(ActingAgent):
    """The bot gets the word back."""

    control_epoch: Whole | None = Field(default=None, ge=0, le=2**31 - 1)
    answers_last: Flag = Field(default=False, description="Whether it answers what was said last.")


class Assignment(ActingAgent):
    """To whom the conversation is given; `null` gives it to the queue."""

    model_config = ConfigDict(
        json_schema_extra={"examples": [{"to_agent_id": "01a1ff93-b279-752f-ba06-8e2bd65f555e"}]}
    )

    to_agent_id: UUID | None


class Snooze(ActingAgent):
    """Until when it is put aside; absent: until the customer writes."""

    until: Moment | None = None


class Merge(Body):
    """Where it goes on."""

    model_config = ConfigDict(
        json_schema_extra={"examples": [{"into_id": "01a1ff93-b279-752f-ba06-8e2bd65f555e"}]}
    )

    into_id: UUID


class RatingBody(Body):
    """What the customer thinks of it."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"score": 5, "comment": "Quick."}]})

    score: Whole = Field(ge=1, le=5)
    comment: Annotated[str, StringConstraints(max_length=2_000)] = ""


class SummaryOut(Resource):
    """What was asked and what the bot said, word for word."""

    text: str
    up_to_seq: int
