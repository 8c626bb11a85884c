"""What every speculator is: it proposes tokens, is told what became of them, and forgets."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol


@dataclass(frozen=True)
class DraftRequest:
    """What a speculator may know of a request it drafts for."""

    request_id: str
    token_ids: Sequence[int]
    """Prompt and output so far; the draft continues it."""
    room: int
    """Most tokens it may propose."""


class Speculator(Protocol):
    """Guesses continuations; whatever it says, verification keeps the output the target's own."""

    def propose(self, requests: Sequence[DraftRequest]) -> list[tuple[int, ...]]:
        """A draft for each request, in order; empty where it has no guess."""
        ...

    def observe(self, request_id: str, num_drafted: int, num_accepted: int) -> None:
        """How many of a request's drafted tokens were accepted."""
        ...

    def forget(self, request_id: str) -> None:
        """The request has ended."""
        ...
