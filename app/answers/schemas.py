"""What crosses the wire about single questions."""

from typing import Annotated, Literal
from uuid import UUID

from pydantic import AfterValidator, ConfigDict, Field, StringConstraints

from app.answers.ask import Asked, Finding, Option, Reply, Said
from app.api.values import Flag, Locale, has_words
from app.conversations.schemas import Citation, Wire
from app.vocabulary import Role

MAX_QUESTION_CHARS = 4_000
MAX_HISTORY = 10
MAX_ATTRIBUTES = 10
_ROLES = {"user": Role.CUSTOMER, "assistant": Role.BOT}


Text = Annotated[
    str,
    StringConstraints(min_length=1, max_length=MAX_QUESTION_CHARS),
    AfterValidator(has_words),
]
Name = Annotated[str, StringConstraints(min_length=1, max_length=64)]
Value = Annotated[str, StringConstraints(max_length=400)] | int | float | bool | None


class SaidBody(Wire):
    """An earlier message."""

    role: Literal["user", "assistant"]
    text: Text


class Question(Wire):
    """One question with what was said before it."""

    model_config = ConfigDict(
        json_schema_extra={"examples": [{"question": "How do I return a parcel?"}]}
    )

    question: Text
    history: list[SaidBody] = Field(
        default=[], max_length=MAX_HISTORY, description="Oldest first, without the question."
    )
    locale: Locale | None = Field(
        default=None, description="Of the customer; tells the language where the words do not."
    )
    attributes: dict[Name, Value] = Field(
        default={},
        max_length=MAX_ATTRIBUTES,
        description="Yours, told back as they are; no answer is made of them.",
    )
    stream: Flag = False

    def asked(self) -> Asked:
        """As the bot takes it."""
        history = tuple(Said(_ROLES[one.role], one.text) for one in self.history)
        return Asked(self.question, history, self.locale)


class Latency(Wire):
    """Milliseconds from the question; `first` until words could be seen, null without any."""

    first_ms: int | None
    total_ms: int


class OptionOut(Wire):
    """An article that may be meant; ask its `number` or its `title` next, with the history."""

    number: int
    article_id: UUID
    version: int
    title: str
    url: str

    @classmethod
    def of(cls, option: Option) -> "OptionOut":
        """The option as it is sent."""
        return cls(
            number=option.number,
            article_id=option.article_id,
            version=option.version,
            title=option.title,
            url=option.url,
        )


class Answer(Wire):
    """What the bot says to it, and how sure that is."""

    outcome: Finding
    text: str
    citations: list[Citation]
    options: list[OptionOut] = Field(
        description="The articles that `text` asks to choose from; with `clarify`, if at all."
    )
    confidence: float | None = Field(
        description="0 to 1, how likely an article answers it; null where none was asked."
    )
    reason: str
    language: str | None
    latency: Latency
    attributes: dict[str, Value]

    @classmethod
    def of(cls, reply: Reply, attributes: dict[str, Value]) -> "Answer":
        """The reply as it is sent."""
        return cls(
            outcome=reply.finding,
            text=reply.text,
            citations=list(reply.citations),
            options=[OptionOut.of(one) for one in reply.options],
            confidence=reply.confidence,
            reason=reply.reason,
            language=reply.language,
            latency=Latency(first_ms=reply.cost.first_ms, total_ms=reply.cost.total_ms),
            attributes=attributes,
        )
