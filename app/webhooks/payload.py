"""What a webhook says: a thin snapshot of the conversation and the event with its `seq`; pure.

At most 20 KB, as Standard Webhooks asks for: a longer message is cut, and `truncated` says so. Who
needs the rest reads it by REST.
"""

import json
from datetime import datetime
from typing import Any

from app.clock import as_wire
from app.events import EventStored
from app.models import Contact, Conversation, JsonObject

MAX_BYTES = 20_000
TEST_TYPE = "webhook.test"
_READ_BY_REST = ("comment",)  # a customer's words that belong to no message
_MARGIN_BYTES = 40  # for the word that says it was cut


def of_event(event: EventStored, conversation: Conversation, contact: Contact) -> str:
    """The body of an event's webhook."""
    data: JsonObject = {
        "event_id": str(event.event_id),
        "seq": event.seq,
        "visibility": event.visibility.value,
        "conversation": _snapshot(conversation, contact),
    }
    said = {name: value for name, value in event.data.items() if name not in _READ_BY_REST}
    return _fitting(_told(event.type.value, event.at, data | said))


def of_test(at: datetime) -> str:
    """The body of a webhook that somebody sends to see whether it arrives."""
    return _written(_told(TEST_TYPE, at, {"text": "This is a test of your webhook."}))


def without_words(body: str) -> str:
    """The same body after its message was erased."""
    told = json.loads(body)
    message = told["data"].get("message")
    if message is not None:
        message.update(text="", citations=[], chips=[])
        message.pop("files", None)
        told["data"]["erased"] = True
    return _written(told)


def without_contact(body: str) -> str:
    """The same body after the contact was erased: their id in the company's own books goes too."""
    told = json.loads(body)
    if "conversation" in told["data"]:
        told["data"]["conversation"]["contact"]["external_id"] = None
    return _written(told)


def _told(kind: str, at: datetime, data: JsonObject) -> JsonObject:
    return {"type": kind, "timestamp": as_wire(at), "data": data}


def _snapshot(conversation: Conversation, contact: Contact) -> JsonObject:
    """Where it stands, without a customer's words or name."""
    assignee = conversation.assignee_id
    return {
        "id": str(conversation.id),
        "number": conversation.number,
        "inbox_id": str(conversation.inbox_id),
        "status": conversation.status.value,
        "control": conversation.control.value,
        "priority": conversation.priority.value,
        "waiting_on": conversation.waiting_on.value,
        "assignee_id": str(assignee) if assignee else None,
        "contact": {"id": str(contact.id), "external_id": contact.external_id},
        "last_seq": conversation.last_seq,
    }


def _fitting(told: JsonObject) -> str:
    body = _written(told)
    beyond = len(body.encode()) - MAX_BYTES
    message = told["data"].get("message")
    if beyond <= 0 or message is None:
        return body
    shorter = dict(message)
    told["data"] |= {"message": shorter, "truncated": True}
    if shorter["citations"]:
        shorter["citations"] = []
        return _fitting(told)
    kept = shorter["text"].encode()[: -(beyond + _MARGIN_BYTES)]
    shorter["text"] = kept.decode(errors="ignore")
    return _written(told)


def _written(told: Any) -> str:
    return json.dumps(told, ensure_ascii=False, separators=(",", ":"))
