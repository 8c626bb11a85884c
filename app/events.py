"""What happened, as frozen dataclasses, and the way it reaches those who listen.

A service adds events to the outbox of its unit of work; `database.py` delivers them after the
commit, in the order they were added. Listeners are plain functions that must not wait: they put
something on a queue or start a task. One that raises is logged and disturbs nobody. What must not
be lost with the process is written down before the commit, by those who asked for `within`.
"""

import logging
from collections import defaultdict
from collections.abc import Awaitable, Callable, Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, TypeVar
from uuid import UUID

from app.vocabulary import Control, EndReason, EventType, Outcome, Role, Visibility

log = logging.getLogger(__name__)

JsonObject = dict[str, Any]


@dataclass(frozen=True)
class Event:
    """Something that happened."""


@dataclass(frozen=True)
class InWorkspace(Event):
    """Something that happened in a workspace."""

    workspace_id: UUID


@dataclass(frozen=True)
class ArticlesChanged(InWorkspace):
    """An article was published, changed or withdrawn."""


@dataclass(frozen=True)
class ContactChanged(InWorkspace):
    """A contact has another name or address now, and lists show it."""


@dataclass(frozen=True)
class SessionEnded(InWorkspace):
    """A customer has logged out; `token_hash` is of the session that is no more."""

    token_hash: str


@dataclass(frozen=True)
class TextsErased(InWorkspace):
    """Messages have lost their words, and whoever learned from them is to forget them."""

    message_ids: tuple[UUID, ...]


@dataclass(frozen=True)
class ContactErased(InWorkspace):
    """Whoever keeps who a contact is, in any of these conversations, is to forget it."""

    contact_id: UUID
    conversation_ids: tuple[UUID, ...]


@dataclass(frozen=True)
class InConversation(InWorkspace):
    """Something that happened in a conversation."""

    conversation_id: UUID


@dataclass(frozen=True)
class EventStored(InConversation):
    """A stored event as its watchers see it; `data` is the frame's `d`."""

    event_id: UUID
    seq: int
    type: EventType
    visibility: Visibility
    at: datetime
    data: JsonObject


@dataclass(frozen=True)
class MessagePosted(InConversation):
    """Somebody wrote; the bot answers when a customer did and `control` is the bot's.

    `epoch` is what `begin_answer` wants back.
    """

    message_id: UUID
    seq: int
    role: Role
    text: str
    control: Control
    epoch: int


@dataclass(frozen=True)
class ControlChanged(InConversation):
    """Somebody else answers from now on; what carries an older epoch is stale."""

    control: Control
    epoch: int


@dataclass(frozen=True)
class BegunAnswer(InConversation):
    """An answer has begun, and with it the right to write one bot message.

    It lasts while the generation is live and the conversation's epoch stays `epoch`.
    """

    generation_id: UUID
    message_id: UUID
    epoch: int


@dataclass(frozen=True)
class AnswerEnded(InConversation):
    """A generation is over, whoever ended it; whoever still writes it should stop."""

    generation_id: UUID
    message_id: UUID
    outcome: Outcome
    reason: EndReason


@dataclass(frozen=True)
class DraftTyped(InWorkspace):
    """A customer is typing; without `text` no more. What it says is stored and logged nowhere."""

    inbox_id: UUID
    writer_id: UUID
    """Of the socket; it stands for a conversation that has not begun."""
    conversation_id: UUID | None
    text: str


@dataclass(frozen=True)
class JobStored(Event):
    """There is something to do at `run_at`, for whichever worker comes first."""

    run_at: datetime


@dataclass(frozen=True)
class AnswerWanted(InConversation):
    """An agent has given the conversation back and asks the bot to answer what was said last."""

    epoch: int


@dataclass(frozen=True)
class Mentioned(InConversation):
    """An internal note names an agent."""

    agent_id: UUID
    by: str


EventT = TypeVar("EventT", bound=Event)
Handler = Callable[[Any], None]
WorkT = TypeVar("WorkT")
Preparer = Callable[[Any, Any], Awaitable[None]]


class Dispatcher:
    """Hands each event to the functions that asked for its type."""

    def __init__(self) -> None:
        self._handlers: dict[type[Event], list[Handler]] = defaultdict(list)
        self._preparers: dict[type[Event], list[Preparer]] = defaultdict(list)

    def on(self, kind: type[EventT], handler: Callable[[EventT], None]) -> None:
        """From now on call `handler` for every event of exactly this type."""
        self._handlers[kind].append(handler)

    def within(
        self, kind: type[EventT], prepare: Callable[[WorkT, Sequence[EventT]], Awaitable[None]]
    ) -> None:
        """From now on call `prepare` with all events of this type before they are committed.

        What it writes in the unit of work is stored together with what happened, or not at all.
        """
        self._preparers[kind].append(prepare)

    async def prepare(self, work: object, events: Sequence[Event]) -> None:
        """Call every preparer whose type of event is there; one that raises undoes the work."""
        for kind, preparers in self._preparers.items():
            chosen = [event for event in events if type(event) is kind]
            for prepare in preparers if chosen else ():
                await prepare(work, chosen)

    def deliver(self, events: Iterable[Event]) -> None:
        """Call every handler of every event, in order."""
        for event in events:
            for handler in self._handlers[type(event)]:
                try:
                    handler(event)
                except Exception:
                    log.exception("event handler failed", extra={"event": type(event).__name__})
