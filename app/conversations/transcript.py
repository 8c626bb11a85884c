"""A conversation to take away, as text or as a page of its own; pure.

The page escapes everything anybody wrote and holds no script, style or foreign address.
"""

from collections.abc import Iterator, Sequence
from html import escape

from app.clock import as_wire
from app.models import Message
from app.vocabulary import Role

_NAMES = {Role.CUSTOMER: "Customer", Role.BOT: "Bot", Role.AGENT: "Agent", Role.SYSTEM: "Notice"}
_REDACTED = "(redacted)"


def as_text(title: str, messages: Sequence[Message]) -> str:
    """Lines of `[time] who: what`; more lines of one message are indented."""
    lines = [title, ""]
    for message, who, text in _said(messages):
        indented = text.replace("\n", "\n    ")
        lines.append(f"[{as_wire(message.created_at)}] {who}: {indented}")
    return "\n".join(lines) + "\n"


def as_html(title: str, messages: Sequence[Message]) -> str:
    """A whole document."""
    items = [
        f"<dt>{escape(who)} <time>{as_wire(message.created_at)}</time></dt>"
        f"<dd>{escape(text).replace(chr(10), '<br>')}</dd>"
        for message, who, text in _said(messages)
    ]
    shown = escape(title)
    return (
        '<!doctype html>\n<html lang="en">\n<head><meta charset="utf-8">'
        f"<title>{shown}</title></head>\n<body><h1>{shown}</h1>\n<dl>\n"
        + "\n".join(items)
        + "\n</dl></body>\n</html>\n"
    )


def _said(messages: Sequence[Message]) -> Iterator[tuple[Message, str, str]]:
    for message in messages:
        text = _REDACTED if message.redacted_at is not None else message.text
        if text:
            yield message, message.author_name or _NAMES[message.role], text
