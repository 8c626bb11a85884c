"""How often guesses come true, against how often they were expected to.

A speculator's scores are its own estimates. Accepted guesses divided by expected ones, at each
depth, say how far to believe them: for the request at hand, leaning on what all requests show where
the request has not shown much itself.
"""

from collections.abc import Iterator, Sequence

from inference.speculation.base import Draft

NUM_DEPTHS = 8
"""Deeper nodes are judged with the deepest of these."""
ALL_WEIGHT, ALL_MEMORY = 3.0, 0.98
OWN_WEIGHT, OWN_MEMORY = 3.0, 0.95


class Acceptance:
    """The record of one speculator."""

    def __init__(self) -> None:
        self._all = _Tally(ALL_MEMORY)
        self._own: dict[str, _Tally] = {}

    def ratios(self, request_id: str) -> Sequence[float]:
        """By what a request's scores are to be multiplied, by depth from 1."""
        common = self._all.ratios([1.0] * NUM_DEPTHS, ALL_WEIGHT)
        own = self._own.get(request_id)
        return common if own is None else own.ratios(common, OWN_WEIGHT)

    def judge(self, request_id: str, draft: Draft, token_ids: Sequence[int]) -> None:
        """Compare a draft with the tokens that came, whether its nodes were verified or not."""
        own = self._own.get(request_id)
        if own is None:
            own = self._own[request_id] = _Tally(OWN_MEMORY)
        for depth, score, is_hit in judged(draft, token_ids):
            own.note(depth, score, is_hit)
            self._all.note(depth, score, is_hit)

    def forget(self, request_id: str) -> None:
        """The request has ended."""
        self._own.pop(request_id, None)


def judged(draft: Draft, token_ids: Sequence[int]) -> Iterator[tuple[int, float, bool]]:
    """(depth, score, whether it came true) of every node whose parent came true."""
    places = {-1: 0}
    for node, (token_id, parent, score) in enumerate(
        zip(draft.token_ids, draft.parents, draft.scores, strict=True)
    ):
        depth = places.get(parent)
        if depth is None or depth >= len(token_ids):
            continue
        is_hit = token_id == token_ids[depth]
        if is_hit:
            places[node] = depth + 1
        yield depth + 1, score, is_hit


class _Tally:
    """Expected and true guesses by depth; old ones fade."""

    def __init__(self, memory: float) -> None:
        self._memory = memory
        self._expected = [0.0] * NUM_DEPTHS
        self._true = [0.0] * NUM_DEPTHS

    def note(self, depth: int, score: float, is_hit: bool) -> None:
        at = min(depth, NUM_DEPTHS) - 1
        self._expected[at] = self._expected[at] * self._memory + score
        self._true[at] = self._true[at] * self._memory + is_hit

    def ratios(self, prior: Sequence[float], weight: float) -> list[float]:
        return [
            (true + weight * before) / (expected + weight)
            for true, expected, before in zip(self._true, self._expected, prior, strict=True)
        ]
