"""Layouts of a conversation: which words are the layout's own, and which are a message's.

Only the layout's own words may hold special tokens, so no layout has to trust a message.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

from inference.request import ChatMessage

ROLE_MARKERS = {
    "system": "<|system|>",
    "user": "<|customer|>",
    "assistant": "<|assistant|>",
    "passages": "<|passages|>",
    "agent": "<|agent|>",
}
END_MARKER = "<|end|>"


@dataclass(frozen=True)
class Piece:
    """A stretch of a laid-out conversation: message `message`'s words, or the layout's own."""

    text: str
    message: int | None = None


class Layout(Protocol):
    """One way of writing conversations down."""

    @property
    def stop_strings(self) -> tuple[str, ...]:
        """Texts that begin another's turn, where no token ends an answer."""
        ...

    def pieces(self, messages: Sequence[ChatMessage], *, asks: bool) -> list[Piece]:
        """The conversation in order; with `asks` up to where the answer begins.

        Raises:
            InvalidRequest: this layout has no place for them.
        """
        ...


class MarkerLayout:
    """The product's own models: a turn is its role's marker, its text and the end marker."""

    stop_strings = ()

    def pieces(self, messages: Sequence[ChatMessage], *, asks: bool) -> list[Piece]:
        """Turn by turn; each is encoded alone, since only markers stand between them."""
        pieces: list[Piece] = []
        for index, message in enumerate(messages):
            pieces.append(Piece(ROLE_MARKERS[message.role]))
            pieces += [Piece(message.text, index), Piece(END_MARKER)]
        return [*pieces, Piece(ROLE_MARKERS["assistant"])] if asks else pieces


_LINE_HEADS = {
    "system": "",
    "user": "Customer: ",
    "assistant": "Agent: ",
    "passages": "Passages: ",
    "agent": "Agent: ",
}


class PlainLayout:
    """For models without a chat template: a line a turn, as in a printed dialogue.

    A new line begins a turn, so the lines of one message are indented behind its first.
    """

    stop_strings = ("\nCustomer:", "\nAgent:", "\nPassages:")

    def pieces(self, messages: Sequence[ChatMessage], *, asks: bool) -> list[Piece]:
        """Line by line; the answer goes on behind the last one's head."""
        pieces: list[Piece] = []
        for index, message in enumerate(messages):
            text = "\n  ".join(message.text.splitlines())
            pieces += [Piece(_LINE_HEADS[message.role]), Piece(text, index), Piece("\n")]
        return [*pieces, Piece("Agent:")] if asks else pieces
