"""A thread as lines for a note or a ticket; pure."""

from collections.abc import Iterator, Sequence

from app.clock import as_wire
from app.models import Message
from app.vocabulary import Role

_NAMES = {Role.CUSTOMER: "Customer", Role.BOT: "Bot", Role.AGENT: "Agent", Role.SYSTEM: "Notice"}


def as_text(title: str, messages: Sequence[Message]) -> str:
    """Lines of `[time] who: what`; more lines of one message are indented."""
    lines = [title, ""]
    for message, who, text in _said(messages):
        indented = text.replace("\n", "\n    ")
        lines.append(f"[{as_wire(message.created_at)}] {who}: {indented}")
    return "\n".join(lines) + "\n"


def _said(messages: Sequence[Message]) -> Iterator[tuple[Message, str, str]]:
    for message in messages:
        if message.text:
            yield message, message.author_name or _NAMES[message.role], message.text
