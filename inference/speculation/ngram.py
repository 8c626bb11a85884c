"""Prompt lookup: the text continues as it did the last time these words stood in it.

Saxena, "Prompt Lookup Decoding" (2023). Each request has an index of its own tokens, which grows
with them, so a look-up costs the same in a long conversation as in a short one.
"""

from collections.abc import Sequence

from inference.speculation.base import Draft, DraftRequest, Features, FeatureWish, Outcome

LONGEST, SHORTEST = 4, 2
# How often the token behind a repeated n-gram repeats too, by the n-gram's length, and the tokens
# behind that one; where to start from before the engine has counted.
FIRST_SCORES = {2: 0.4, 3: 0.55, 4: 0.7}
NEXT_SCORE = 0.85


class NgramSpeculator:
    """Drafts for each request from its own prompt and output."""

    name = "ngram"
    wants = FeatureWish(outcomes=False)

    def __init__(self) -> None:
        self._indexes: dict[str, _Index] = {}

    def propose(self, requests: Sequence[DraftRequest]) -> list[Draft]:
        """The continuation of the longest known n-gram at each request's end."""
        return [self._propose(request) for request in requests]

    def observe(self, outcomes: Sequence[Outcome], features: Features) -> None:
        """Nothing is learned that the next request for a draft does not show."""

    def forget(self, request_id: str) -> None:
        """Drop the request's index."""
        self._indexes.pop(request_id, None)

    def _propose(self, request: DraftRequest) -> Draft:
        index = self._indexes.setdefault(request.request_id, _Index())
        index.grow(request.token_ids)
        return index.continuation(request.token_ids, request.room)


class _Index:
    """Where each n-gram of one request's tokens last ended."""

    def __init__(self) -> None:
        self._ends: dict[tuple[int, ...], int] = {}
        self._num_indexed = 0

    def grow(self, token_ids: Sequence[int]) -> None:
        """Index every n-gram that ends before the last token: the last one is what is looked up."""
        for end in range(max(self._num_indexed, SHORTEST), len(token_ids)):
            for length in range(SHORTEST, min(LONGEST, end) + 1):
                self._ends[tuple(token_ids[end - length : end])] = end
        self._num_indexed = len(token_ids)

    def continuation(self, token_ids: Sequence[int], room: int) -> Draft:
        for length in range(min(LONGEST, len(token_ids)), SHORTEST - 1, -1):
            end = self._ends.get(tuple(token_ids[-length:]))
            if end is not None:
                ids = token_ids[end : end + room]
                return Draft.chain(ids, [FIRST_SCORES[length]] + [NEXT_SCORE] * (len(ids) - 1))
        return Draft()
