"""Prompt lookup: the text continues as it did the last time these words stood in it.

Saxena, "Prompt Lookup Decoding" (2023).
"""

from collections.abc import Sequence

from inference.speculation.base import Draft, DraftRequest, Features, FeatureWish, Outcome
from inference.speculation.own_text import OwnText

LONGEST = 4
# How often the token behind a repeated n-gram repeats too, by the n-gram's length, and the tokens
# behind that one; where to start from before the engine has counted.
FIRST_SCORES = {2: 0.4, 3: 0.55, 4: 0.7}
NEXT_SCORE = 0.85


class NgramSpeculator:
    """Drafts for each request from its own prompt and output."""

    name = "ngram"
    wants = FeatureWish(outcomes=False)

    def __init__(self) -> None:
        self._texts: dict[str, OwnText] = {}

    def propose(self, requests: Sequence[DraftRequest]) -> list[Draft]:
        """The continuation of the longest known n-gram at each request's end."""
        return [self._propose(request) for request in requests]

    def observe(self, outcomes: Sequence[Outcome], features: Features) -> None:
        """Nothing is learned that the next request for a draft does not show."""

    def forget(self, request_id: str) -> None:
        """Drop the request's text."""
        self._texts.pop(request_id, None)

    def _propose(self, request: DraftRequest) -> Draft:
        text = self._texts.setdefault(request.request_id, OwnText())
        text.read(request.token_ids)
        found = text.find(LONGEST)
        if found is None:
            return Draft()
        places, length = found
        last = int(places[-1])
        ids: list[int] = text.ids[last : min(text.num_read, last + request.room)].tolist()
        return Draft.chain(ids, [FIRST_SCORES[length]] + [NEXT_SCORE] * (len(ids) - 1))
