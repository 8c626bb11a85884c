"""The words of the house as enums: one spelling in code, tables, frames and pages."""

from enum import StrEnum


class Status(StrEnum):
    """Where a conversation stands in its life; who speaks in it is `Control`."""

    OPEN = "open"
    SNOOZED = "snoozed"
    RESOLVED = "resolved"
    ARCHIVED = "archived"


class Control(StrEnum):
    """Who answers the customer. Every change raises the conversation's `control_epoch`."""

    BOT = "bot"
    QUEUE = "queue"
    HUMAN = "human"


class Side(StrEnum):
    """Whose turn it is."""

    US = "us"
    CUSTOMER = "customer"


class Priority(StrEnum):
    """How soon a person should look."""

    LOW = "low"
    NORMAL = "normal"
    HIGH = "high"
    URGENT = "urgent"


class DraftKind(StrEnum):
    """What an unsent text will be."""

    REPLY = "reply"
    NOTE = "note"


class Resolution(StrEnum):
    """Who or what ended a conversation."""

    CONFIRMED = "confirmed"
    ASSUMED = "assumed"
    AGENT = "agent"


class Role(StrEnum):
    """Who said a message."""

    CUSTOMER = "customer"
    BOT = "bot"
    AGENT = "agent"
    SYSTEM = "system"


class MessageKind(StrEnum):
    """What a message is for."""

    TEXT = "text"
    NOTE = "note"
    EVENT = "event"


class Visibility(StrEnum):
    """Internal messages reach agents only."""

    PUBLIC = "public"
    INTERNAL = "internal"


class MessageState(StrEnum):
    """A bot message goes from streaming to one of the others; all else is complete at once."""

    STREAMING = "streaming"
    COMPLETE = "complete"
    INTERRUPTED = "interrupted"
    FAILED = "failed"
    RETRACTED = "retracted"


class Chip(StrEnum):
    """Buttons under a bot's answer."""

    HELPED = "helped"
    NOT_HELPED = "not_helped"
    HUMAN = "human"


class Feedback(StrEnum):
    """What a customer thought of one answer: the button they pressed under it."""

    HELPED = "helped"
    NOT_HELPED = "not_helped"


class GenerationState(StrEnum):
    """`streaming` is the one live state; at most one generation of a conversation is live."""

    STREAMING = "streaming"
    DONE = "done"
    CANCELLED = "cancelled"
    FAILED = "failed"
    SUPERSEDED = "superseded"


class Outcome(StrEnum):
    """How an answer ended, for `answer.ended`."""

    COMPLETED = "completed"
    INTERRUPTED = "interrupted"
    RETRACTED = "retracted"
    FAILED = "failed"


class EndReason(StrEnum):
    """Why an answer ended, for `answer.ended`."""

    DONE = "done"
    STOPPED = "stopped"
    TAKEOVER = "takeover"
    SUPERSEDED = "superseded"
    ERROR = "error"
    HANDOFF = "handoff"


class Phase(StrEnum):
    """What the bot is doing before its text arrives, for `answer.status`."""

    SEARCHING = "searching"
    READING = "reading"
    WRITING = "writing"


class HandoffReason(StrEnum):
    """Why a human should look; stored, counted, shown to agents."""

    ASKED = "asked"
    NO_EVIDENCE = "no_evidence"
    POLICY = "policy"
    MAX_TURNS = "max_turns"
    NOT_HELPED = "not_helped"
    ERROR = "error"
    BOT_OFF = "bot_off"
    REOPENED = "reopened"
    TRANSFERRED = "transferred"
    AGENT_AWAY = "agent_away"
    FILES = "files"
    """The bot cannot open what the customer has sent."""


class TakeoverMode(StrEnum):
    """What becomes of a running answer when an agent takes over."""

    STOP = "stop"
    AFTER_ANSWER = "after_answer"


class EventType(StrEnum):
    """The stored events of `care.v1`; each has a place in its conversation's counter."""

    MESSAGE_CREATED = "message.created"
    MESSAGE_COMPLETED = "message.completed"
    MESSAGE_UPDATED = "message.updated"
    CONTROL_CHANGED = "control.changed"
    STATUS_CHANGED = "status.changed"
    ASSIGNEE_CHANGED = "assignee.changed"
    LABELS_CHANGED = "labels.changed"
    PRIORITY_CHANGED = "priority.changed"
    CONTACT_CHANGED = "contact.changed"
    NOTE_CREATED = "note.created"
    CSAT_REQUESTED = "csat.requested"
    CSAT_ANSWERED = "csat.answered"


class ActorKind(StrEnum):
    """Who made an event happen."""

    CUSTOMER = "customer"
    BOT = "bot"
    AGENT = "agent"
    SYSTEM = "system"


class AgentRole(StrEnum):
    """What an agent may do: viewers only read, agents converse, admins and owners also manage."""

    OWNER = "owner"
    ADMIN = "admin"
    AGENT = "agent"
    VIEWER = "viewer"


class AnsweredBy(StrEnum):
    """Whose work a customer's rating is about."""

    BOT = "bot"
    HUMAN = "human"


class ImportState(StrEnum):
    """How far an import of articles is."""

    RUNNING = "running"
    DONE = "done"
    FAILED = "failed"


class ArticleState(StrEnum):
    """Only published articles are searched and shown."""

    DRAFT = "draft"
    PUBLISHED = "published"
    ARCHIVED = "archived"


class EndpointKind(StrEnum):
    """What stands behind an endpoint: somebody's receiver of webhooks, or a ticket system."""

    WEBHOOK = "webhook"
    CONNECTOR = "connector"


class DeliveryState(StrEnum):
    """How far a delivery is; `failed` means given up, not tried in vain once."""

    WAITING = "waiting"
    DELIVERED = "delivered"
    FAILED = "failed"


class TicketSystemKind(StrEnum):
    """The ticket systems a connector speaks to."""

    GENERIC = "generic"
    ROUNDUP = "roundup"
    ZENDESK = "zendesk"
    ZAMMAD = "zammad"
    FRESHDESK = "freshdesk"
    REQUEST_TRACKER = "rt"


class TicketStatus(StrEnum):
    """Whose turn it is in a ticket, in the words that all ticket systems can be told in."""

    NEW = "new"
    OPEN = "open"
    PENDING = "pending"
    """Waiting for the customer."""
    RESOLVED = "resolved"


class BatchState(StrEnum):
    """How far a batch of tickets is."""

    RUNNING = "running"
    DONE = "done"
    CANCELLED = "cancelled"
