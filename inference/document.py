"""What a workspace gives the engine to draft from."""

import msgspec


class Document(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A text of a workspace that answers may repeat: an article, a canned reply, a past answer.

    `key` names it within its workspace; learned again, it is replaced. One that `is_lasting` is
    forgotten only when a full workspace has nothing else left to forget.
    """

    key: str
    content: str | tuple[int, ...]
    """Text, or token ids of the engine's own vocabulary."""
    is_lasting: bool = False
