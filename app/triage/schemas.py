"""What crosses the wire about tickets to look over."""

from datetime import datetime
from typing import Annotated, Any, Literal
from uuid import UUID

from pydantic import AfterValidator, ConfigDict, Field, StringConstraints

from app.answers.ask import Finding
from app.answers.schemas import OptionOut
from app.api.values import Body, Locale, Reference, Resource, has_words
from app.conversations.schemas import Citation
from app.models import TriageBatch, TriageTicket
from app.privacy.pii import PiiKind
from app.triage.intent_words import Intent
from app.triage.mood import Mood
from app.triage.service import Ticket, Triaged
from app.vocabulary import BatchState, Priority

MAX_TICKET_CHARS = 20_000
MAX_TICKETS = 5_000


class TicketBody(Body):
    """What a customer has written."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [{"text": "My parcel is broken.", "external_ref": "ticket-1"}]
        }
    )

    text: Annotated[
        str,
        StringConstraints(min_length=1, max_length=MAX_TICKET_CHARS),
        AfterValidator(has_words),
    ]
    subject: Annotated[str, StringConstraints(max_length=400)] = ""
    locale: Locale | None = Field(
        default=None, description="Tells the language where the words do not."
    )
    external_ref: Reference | None = Field(default=None, description="Yours, told back.")

    def ticket(self) -> Ticket:
        """As it is looked over."""
        return Ticket(self.text, self.subject, self.locale)


class BatchBody(Body):
    """Tickets to look over when nobody else wants the engine."""

    model_config = ConfigDict(
        json_schema_extra={"examples": [{"tickets": [{"text": "My parcel is broken."}]}]}
    )

    tickets: list[TicketBody] = Field(min_length=1, max_length=MAX_TICKETS)
    name: Annotated[str, StringConstraints(max_length=200)] = ""


class LanguageOut(Resource):
    """ISO 639-1; null where nothing tells."""

    code: str | None
    confidence: float


class IntentOut(Resource):
    """What is wanted."""

    name: Intent
    confidence: float


class PriorityOut(Resource):
    """How soon a person should look, and the rule that says so."""

    level: Priority
    reason: str


class SentimentOut(Resource):
    """How it sounds; `score` is -1 to 1."""

    mood: Mood
    score: float


class LabelOut(Resource):
    """One of the workspace's labels."""

    name: str
    confidence: float


class PiiOut(Resource):
    """Personal data at `[start, end)` of a field."""

    field: Literal["subject", "text"]
    kind: PiiKind
    start: int
    end: int


class SuggestedReply(Resource):
    """What could be replied, from the articles."""

    text: str
    citations: list[Citation]
    options: list[OptionOut] = Field(description="As in `/v1/answers`.")
    confidence: float | None


class TriageOut(Resource):
    """A ticket looked over."""

    external_ref: str | None
    language: LanguageOut
    intent: IntentOut
    priority: PriorityOut
    sentiment: SentimentOut | None = Field(description="Null in a language the rules do not know.")
    labels: list[LabelOut]
    pii: list[PiiOut]
    summary: str = Field(description="Sentences of the ticket, word for word.")
    suggested_reply: SuggestedReply | None
    outcome: Finding
    reason: str = Field(description="Why there is a suggestion, or none.")

    @classmethod
    def of(cls, external_ref: str | None, triaged: Triaged) -> "TriageOut":
        """As it is sent."""
        found, reply = triaged.sorted, triaged.reply
        mood = found.sentiment
        places = (("subject", found.pii_in_subject), ("text", found.pii_in_text))
        suggested = SuggestedReply(
            text=reply.text,
            citations=list(reply.citations),
            options=[OptionOut.of(one) for one in reply.options],
            confidence=reply.confidence,
        )
        return cls(
            external_ref=external_ref,
            language=LanguageOut(code=found.language.code, confidence=found.language.confidence),
            intent=IntentOut(name=found.intent.intent, confidence=found.intent.confidence),
            priority=PriorityOut(level=found.urgency.priority, reason=found.urgency.reason),
            sentiment=SentimentOut(mood=mood.mood, score=mood.score) if mood else None,
            labels=[LabelOut(name=one.name, confidence=one.confidence) for one in found.labels],
            pii=[
                PiiOut(field=field, kind=one.kind, start=one.start, end=one.end)  # type: ignore[arg-type]  # one of two
                for field, all_found in places
                for one in all_found
            ],
            summary=found.summary,
            suggested_reply=suggested if triaged.has_suggestion else None,
            outcome=reply.finding,
            reason=reply.reason,
        )


class BatchOut(Resource):
    """How far a batch is."""

    id: UUID
    name: str
    state: BatchState
    num_total: int
    num_done: int
    num_failed: int
    created_at: datetime
    finished_at: datetime | None

    @classmethod
    def of(cls, batch: TriageBatch) -> "BatchOut":
        """As it is now."""
        return cls(
            id=batch.id,
            name=batch.name,
            state=batch.state,
            num_total=batch.num_total,
            num_done=batch.num_done,
            num_failed=batch.num_failed,
            created_at=batch.created_at,
            finished_at=batch.finished_at,
        )


class ResultOut(Resource):
    """A ticket of a batch: its result, or why there is none; both null while it waits."""

    position: int
    external_ref: str | None
    result: dict[str, Any] | None = Field(description="As `POST /v1/triage` answers.")
    error: str | None

    @classmethod
    def of(cls, ticket: TriageTicket) -> "ResultOut":
        """As it is now."""
        return cls(
            position=ticket.position,
            external_ref=ticket.external_ref,
            result=ticket.result,
            error=ticket.error,
        )
