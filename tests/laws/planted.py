"""Speculators whose acceptance is known in advance."""

import random
from collections.abc import Mapping, Sequence

from inference.speculation.base import DraftRequest


class Planted:
    """Knows the right continuation of every prompt and drafts it, each token right with `p_right`.

    p_right 1 is an oracle, 0 never drafts a right token, in between anything may happen.
    """

    def __init__(
        self, answers: Mapping[tuple[int, ...], Sequence[int]], p_right: float, vocab_size: int
    ) -> None:
        self._answers = answers
        self._p_right = p_right
        self._vocab_size = vocab_size
        self._random = random.Random(7)

    def propose(self, requests: Sequence[DraftRequest]) -> list[tuple[int, ...]]:
        return [self._propose(request) for request in requests]

    def observe(self, request_id: str, num_drafted: int, num_accepted: int) -> None:
        assert 0 <= num_accepted <= num_drafted

    def forget(self, request_id: str) -> None:
        pass

    def _propose(self, request: DraftRequest) -> tuple[int, ...]:
        ids = tuple(request.token_ids)
        for prompt, answer in self._answers.items():
            whole = (*prompt, *answer)
            if whole[: len(ids)] == ids:
                right = whole[len(ids) : len(ids) + request.room]
                return tuple(self._blur(one) for one in right)
        return ()

    def _blur(self, token_id: int) -> int:
        if self._random.random() < self._p_right:
            return token_id
        return (token_id + self._random.randrange(1, self._vocab_size)) % self._vocab_size
