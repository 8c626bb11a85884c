"""What one process tells another: events by their ids, and what is not stored as it is."""

from collections.abc import Iterator
from dataclasses import dataclass
from uuid import UUID

from app.events import (
    AnswerEnded,
    BegunAnswer,
    ContactChanged,
    ControlChanged,
    Mentioned,
    SessionEnded,
)

MOST_CHARS = 1_000
"""Of a text in one note: PostgreSQL takes 8,000 bytes, and JSON may need 6 for a character."""


@dataclass(frozen=True)
class EventNoted:
    """An event was stored; whoever has somebody to tell reads it."""

    workspace_id: UUID
    conversation_id: UUID
    seq: int


@dataclass(frozen=True)
class TextGrown:
    """More of a running answer has been shown, from this character on."""

    conversation_id: UUID
    generation_id: UUID
    offset: int
    text: str


@dataclass(frozen=True)
class Passed:
    """A frame that one reader's socket sent to the others of the conversation."""

    conversation_id: UUID
    frame: str
    is_from_agent: bool


@dataclass(frozen=True)
class Invited:
    """A customer has begun a conversation; their other tabs join it."""

    token_hash: str
    conversation_id: UUID


@dataclass(frozen=True)
class AnswersAsked:
    """A process has come: what answers are running?"""


@dataclass(frozen=True)
class LogsAsked:
    """Notes were lost: read what was stored meanwhile."""


Happened = BegunAnswer | ControlChanged | AnswerEnded | Mentioned | SessionEnded | ContactChanged
Note = Happened | EventNoted | TextGrown | Passed | Invited | AnswersAsked | LogsAsked

NOTES: dict[str, type[Note]] = {
    kind.__name__: kind
    for kind in (
        BegunAnswer,
        ControlChanged,
        AnswerEnded,
        Mentioned,
        SessionEnded,
        ContactChanged,
        EventNoted,
        TextGrown,
        Passed,
        Invited,
        AnswersAsked,
        LogsAsked,
    )
}


def pieces(text: str, start: int) -> Iterator[tuple[int, str]]:
    """What lies behind `start` in pieces that fit into notes, each with its place; may be none."""
    for offset in range(start, len(text), MOST_CHARS):
        yield offset, text[offset : offset + MOST_CHARS]
