"""Prompt lookup: the text continues as it did the last time these words stood in it.

Saxena, "Prompt Lookup Decoding" (2023).
"""

from collections.abc import Sequence

import numpy as np

from inference.speculation.base import Draft, DraftRequest, Features, FeatureWish, Outcome

LONGEST, SHORTEST = 4, 2
# How often the token behind a repeated n-gram repeats too, by the n-gram's length, and the tokens
# behind that one; where to start from before the engine has counted.
FIRST_SCORES = {2: 0.4, 3: 0.55, 4: 0.7}
NEXT_SCORE = 0.85
FIRST_ROOM = 1024


class NgramSpeculator:
    """Drafts for each request from its own prompt and output."""

    name = "ngram"
    wants = FeatureWish(outcomes=False)

    def __init__(self) -> None:
        self._texts: dict[str, _Text] = {}

    def propose(self, requests: Sequence[DraftRequest]) -> list[Draft]:
        """The continuation of the longest known n-gram at each request's end."""
        return [self._propose(request) for request in requests]

    def observe(self, outcomes: Sequence[Outcome], features: Features) -> None:
        """Nothing is learned that the next request for a draft does not show."""

    def forget(self, request_id: str) -> None:
        """Drop the request's text."""
        self._texts.pop(request_id, None)

    def _propose(self, request: DraftRequest) -> Draft:
        text = self._texts.setdefault(request.request_id, _Text())
        text.read(request.token_ids)
        return text.continuation(request.room)


class _Text:
    """One request's tokens.

    A scan of them for the last two is faster than an index, up to some hundred thousand: it takes
    microseconds, where an index of a prompt takes about a microsecond a token before it is of use.
    """

    def __init__(self) -> None:
        self._ids = np.empty(FIRST_ROOM, dtype=np.int32)
        self._num_read = 0

    def read(self, token_ids: Sequence[int]) -> None:
        first, self._num_read = self._num_read, len(token_ids)
        if self._num_read > len(self._ids):
            self._ids = np.resize(self._ids, 2 * self._num_read)
        self._ids[first : self._num_read] = token_ids[first:]

    def continuation(self, room: int) -> Draft:
        """Behind the last place where the longest n-gram of the end stood before."""
        num, ids = self._num_read, self._ids
        if num <= SHORTEST:
            return Draft()
        is_found = (ids[1 : num - 1] == ids[num - 1]) & (ids[: num - 2] == ids[num - 2])
        places = np.flatnonzero(is_found) + SHORTEST  # of the tokens that followed
        if not places.size:
            return Draft()
        length = SHORTEST
        while length < LONGEST:
            earlier = places[places > length]
            earlier = earlier[ids[earlier - length - 1] == ids[num - length - 1]]
            if not earlier.size:
                break
            places, length = earlier, length + 1
        place = int(places[-1])
        drafted: list[int] = ids[place : min(num, place + room)].tolist()
        return Draft.chain(drafted, [FIRST_SCORES[length]] + [NEXT_SCORE] * (len(drafted) - 1))
