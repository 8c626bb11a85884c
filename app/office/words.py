"""What enums and actions are called on the agents' pages; pure.

Programs read `no_evidence`, people read "No article answers the question". A word that is not here
is told without its underscores, so nothing new is ever hidden.
"""

from collections.abc import Mapping
from uuid import UUID

from app.answers.policy import Move
from app.api.scopes import Scope
from app.conversations.lines import why
from app.knowledge.evidence import Verdict
from app.vocabulary import DeliveryState, EventType, HandoffReason

OUTCOMES: Mapping[str, str] = {
    Verdict.ANSWER: "Answered",
    Verdict.UNSURE: "Answered in part",
    Verdict.NOTHING: "No article fits",
    Move.GREETING: "Greeting",
    Move.THANKS: "Thanks",
    Move.GOODBYE: "Goodbye",
    Move.DECLINED: "Wants no person",
    Move.IDENTITY: "Who the bot is",
    Move.ABILITY: "What the bot can do",
    Move.HOLD: "Has a question to come",
    Move.DOUBT: "Doubts the answer",
    Move.UPSET: "Is upset",
    Move.CHAT: "Not our business",
    Move.UNCLEAR: "Says nothing",
    Move.FILE: "Sent a file only",
    Move.HANDOFF: "To a person",
}
EVENTS: Mapping[str, str] = {
    EventType.MESSAGE_CREATED: "A message was written",
    EventType.MESSAGE_COMPLETED: "An answer is whole",
    EventType.MESSAGE_UPDATED: "A message was changed",
    EventType.CONTROL_CHANGED: "Bot, queue or person took over",
    EventType.STATUS_CHANGED: "Opened, snoozed or resolved",
    EventType.ASSIGNEE_CHANGED: "Somebody else has it",
    EventType.LABELS_CHANGED: "Labels were changed",
    EventType.PRIORITY_CHANGED: "The priority was changed",
    EventType.CONTACT_CHANGED: "A contact was changed",
    EventType.NOTE_CREATED: "An internal note was written",
    EventType.CSAT_REQUESTED: "A rating was asked for",
    EventType.CSAT_ANSWERED: "A rating was given",
}
SCOPES: Mapping[str, str] = {
    Scope.CONVERSATIONS_READ: "Read conversations",
    Scope.CONVERSATIONS_WRITE: "Write and change conversations",
    Scope.CONTACTS_READ: "Read contacts",
    Scope.CONTACTS_WRITE: "Change and merge contacts",
    Scope.KB_READ: "Read articles",
    Scope.KB_WRITE: "Write and publish articles",
    Scope.ANSWERS_CREATE: "Ask the bot single questions",
    Scope.LLM_INVOKE: "Use the bare model",
    Scope.WEBHOOKS_READ: "Read webhooks and their log",
    Scope.WEBHOOKS_WRITE: "Change webhooks",
    Scope.REPORTS_READ: "Read reports",
    Scope.ADMIN: "Everything, members and audit log too",
}
AREAS: Mapping[str, str] = {
    "api_key": "API keys",
    "article": "Articles",
    "canned_reply": "Canned replies",
    "connector": "Connectors",
    "contact": "Contacts",
    "gap": "Gaps",
    "identity": "Identity secrets",
    "label": "Labels",
    "member": "Members",
    "message": "Messages",
    "settings": "Company and bot",
    "webhook": "Webhooks",
    "widget": "Widget",
}
"""What the audit log can be narrowed to, by the first word of an action."""
_DELIVERIES: Mapping[str, str] = {
    DeliveryState.WAITING: "Waiting",
    DeliveryState.DELIVERED: "Delivered",
    DeliveryState.FAILED: "Given up",
}
_DRAFTERS = {
    "ngram": "repeats what stands in the request",
    "suffix": "continues from articles and earlier answers",
    "draft_model": "a smaller model",
    "mlp": "a small head of the model, word after word",
    "medusa": "heads of the model, several words at once",
    "eagle": "a one-layer model on the model's own states",
    "constraint": "only one continuation is allowed",
}
_ACRONYMS = {"api": "API", "url": "URL"}


def plain(word: str) -> str:
    """`max_turns` as "Max turns"."""
    words = [_ACRONYMS.get(one, one) for one in word.replace("_", " ").split()]
    text = " ".join(words)
    return text[:1].upper() + text[1:]


def reason_words(reason: str) -> str:
    """Why a person was called."""
    if reason not in [known.value for known in HandoffReason]:
        return plain(reason)
    text = why(HandoffReason(reason))
    return text[:1].upper() + text[1:]


def outcome_words(outcome: str) -> str:
    """What became of a question on the test bench."""
    return OUTCOMES.get(outcome) or plain(outcome)


def event_words(event_type: str) -> str:
    """What a webhook tells of."""
    return EVENTS.get(event_type) or plain(event_type.replace(".", " "))


def scope_words(scope: str) -> str:
    """What a key may do."""
    return SCOPES.get(scope) or plain(scope.replace(":", " "))


def delivery_words(state: str) -> str:
    """How far a delivery is."""
    return _DELIVERIES.get(state) or plain(state)


def deed_words(action: str) -> str:
    """What an entry of the audit log says: `member.role_changed` as "Member: role changed"."""
    thing, _, done = action.partition(".")
    return f"{plain(thing)}: {plain(done).lower()}" if done else plain(thing)


def drafter_words(name: str) -> str:
    """How a speculator comes by its drafts; empty where nothing is known of it."""
    return next((text for key, text in _DRAFTERS.items() if name.startswith(key)), "")


def value_words(value: object) -> str:
    """A setting as the audit log shows it."""
    if value in (None, "", []):
        return "nothing"
    if isinstance(value, bool):
        return "yes" if value else "no"
    return str(value)


def target_words(target: str) -> str:
    """What was acted on; an id is told by its end, which is enough to tell two apart."""
    try:
        return f"…{UUID(target).hex[-8:]}"
    except ValueError:
        return target


FILTERS = {
    "deed": deed_words,
    "delivery": delivery_words,
    "drafter": drafter_words,
    "event_told": event_words,
    "outcome": outcome_words,
    "plain": plain,
    "reason": reason_words,
    "scope": scope_words,
    "target": target_words,
    "told": value_words,
}
