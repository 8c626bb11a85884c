"""Frames from the server, built and encoded once for everybody who gets them."""

from typing import Any
from uuid import UUID

import msgspec

from app.clock import as_wire
from app.events import EventStored

JsonObject = dict[str, Any]
_encoder = msgspec.json.Encoder()


def encode(frame: JsonObject) -> str:
    """The JSON text of a frame."""
    return _encoder.encode(frame).decode()


def ephemeral(kind: str, data: JsonObject, conversation_id: UUID | None = None) -> str:
    """A frame that is not stored."""
    frame: JsonObject = {"t": kind}
    if conversation_id is not None:
        frame["c"] = str(conversation_id)
    frame["d"] = data
    return encode(frame)


def stored(event: EventStored) -> str:
    """A stored event as a frame."""
    return encode(
        {
            "t": event.type.value,
            "c": str(event.conversation_id),
            "s": event.seq,
            "id": str(event.event_id),
            "at": as_wire(event.at),
            "d": event.data,
        }
    )


def skipped(event: EventStored) -> str:
    """The place of an event that is not for this reader, so that its counter has no hole."""
    frame = {"t": "skipped", "c": str(event.conversation_id), "s": event.seq, "d": {}}
    return encode(frame)
