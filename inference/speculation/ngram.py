"""Prompt lookup: the text continues as it did the last time these words stood in it.

Saxena, "Prompt Lookup Decoding" (2023). Each request has an index of its own tokens, which grows
with them, so a look-up costs the same in a long conversation as in a short one.
"""

from collections.abc import Sequence

from inference.speculation.base import DraftRequest

LONGEST, SHORTEST = 4, 2
# Below this share of accepted tokens a draft costs more than it brings; then look again now and
# then.
LEAST_ACCEPTANCE = 0.2
PAUSE_STEPS = 8


class NgramSpeculator:
    """Drafts for each request from its own prompt and output."""

    def __init__(self) -> None:
        self._indexes: dict[str, _Index] = {}

    def propose(self, requests: Sequence[DraftRequest]) -> list[tuple[int, ...]]:
        """The continuation of the longest known n-gram at each request's end."""
        return [self._propose(request) for request in requests]

    def observe(self, request_id: str, num_drafted: int, num_accepted: int) -> None:
        """Follow the request's acceptance; drafting pauses while it does not pay."""
        if request_id in self._indexes:
            self._indexes[request_id].observe(num_accepted / num_drafted)

    def forget(self, request_id: str) -> None:
        """Drop the request's index."""
        self._indexes.pop(request_id, None)

    def _propose(self, request: DraftRequest) -> tuple[int, ...]:
        index = self._indexes.setdefault(request.request_id, _Index())
        index.grow(request.token_ids)
        return index.continuation(request.token_ids, request.room)


class _Index:
    """Where each n-gram of one request's tokens last ended, and whether guessing pays."""

    def __init__(self) -> None:
        self._ends: dict[tuple[int, ...], int] = {}
        self._num_indexed = 0
        self._acceptance = 1.0
        self._pause = 0

    def grow(self, token_ids: Sequence[int]) -> None:
        """Index every n-gram that ends before the last token: the last one is what is looked up."""
        for end in range(max(self._num_indexed, SHORTEST), len(token_ids)):
            for length in range(SHORTEST, min(LONGEST, end) + 1):
                self._ends[tuple(token_ids[end - length : end])] = end
        self._num_indexed = len(token_ids)

    def continuation(self, token_ids: Sequence[int], room: int) -> tuple[int, ...]:
        if self._pause:
            self._pause -= 1
            return ()
        for length in range(min(LONGEST, len(token_ids)), SHORTEST - 1, -1):
            end = self._ends.get(tuple(token_ids[-length:]))
            if end is not None:
                return tuple(token_ids[end : end + room])
        return ()

    def observe(self, acceptance: float) -> None:
        self._acceptance += 0.3 * (acceptance - self._acceptance)
        if self._acceptance < LEAST_ACCEPTANCE:
            self._pause, self._acceptance = PAUSE_STEPS, 0.5
