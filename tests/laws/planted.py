"""Speculators whose acceptance is known in advance."""

import random
from collections.abc import Sequence

from inference.speculation.base import Draft, DraftRequest, Features, FeatureWish, Outcome

Answers = Sequence[tuple[tuple[int, ...], Sequence[int]]]
"""Prompts with what is said to them; a prompt may stand there with several answers."""


class Planted:
    """Knows the right continuation of every prompt and drafts it, each token right with `p_right`.

    p_right 1 is an oracle, 0 never drafts a right token, in between anything may happen.
    """

    def __init__(
        self,
        answers: Answers,
        p_right: float,
        vocab_size: int,
        name: str = "planted",
        seed: int = 7,
    ) -> None:
        self.name = name
        self.wants = FeatureWish()
        self._answers = answers
        self._p_right = p_right
        self._vocab_size = vocab_size
        self.random = random.Random(seed)

    def propose(self, requests: Sequence[DraftRequest]) -> list[Draft]:
        return [self.draft(request, self._right(request)) for request in requests]

    def observe(self, outcomes: Sequence[Outcome], features: Features) -> None:
        for outcome in outcomes:
            check(outcome, features)

    def forget(self, request_id: str) -> None:
        pass

    def draft(self, request: DraftRequest, right: Sequence[int]) -> Draft:
        ids = [self.blur(one) for one in right[: request.room]]
        return Draft.chain(ids, [max(0.01, self._p_right)] * len(ids))

    def blur(self, token_id: int) -> int:
        """The right token, or else any other."""
        return token_id if self.random.random() < self._p_right else self.other(token_id)

    def other(self, token_id: int) -> int:
        """Any token but this one."""
        return (token_id + self.random.randrange(1, self._vocab_size)) % self._vocab_size

    def _right(self, request: DraftRequest) -> Sequence[int]:
        ids = tuple(request.token_ids)
        for prompt, answer in self._answers:
            whole = (*prompt, *answer)
            if len(ids) >= len(prompt) and whole[: len(ids)] == ids:
                return whole[len(ids) :]
        return ()


class PlantedTree(Planted):
    """Drafts trees: at each depth up to three guesses, one of them right with `p_right`.

    With duplicates: some nodes repeat a sibling's token, as a careless head would.
    """

    def draft(self, request: DraftRequest, right: Sequence[int]) -> Draft:
        ids: list[int] = []
        parents: list[int] = []
        spine = -1
        for token_id in right:
            guesses = [self.other(token_id) for _ in range(self.random.randrange(3))]
            guesses.insert(self.random.randrange(len(guesses) + 1), self.blur(token_id))
            if self.random.random() < 0.3:
                guesses.append(self.random.choice(guesses))
            first = len(ids)
            ids += guesses
            parents += [spine] * len(guesses)
            if ids[first:].count(token_id) == 0 and self.random.random() < 0.7:
                break
            spine = first + self.random.randrange(len(guesses))
            if token_id in guesses:
                spine = first + guesses.index(token_id)
        scores = [self.random.uniform(0.05, 1.0) for _ in ids]
        room = request.room
        return Draft(tuple(ids[:room]), tuple(parents[:room]), tuple(scores[:room]))


def check(outcome: Outcome, features: Features) -> None:
    """What every speculator may rely on."""
    assert 0 <= outcome.num_accepted <= len(outcome.draft)
    assert len(outcome.rows) >= 1
    assert max(outcome.rows) < features.hidden.shape[0]
    assert list(outcome.rows) == sorted(set(outcome.rows))
    last = outcome.start + len(outcome.rows) - 1
    assert last < len(outcome.token_ids)
    assert last // 16 < len(outcome.block_ids)


class Blind:
    """Drafts random trees over a small vocabulary, with no idea of what is right."""

    name = "blind"
    wants = FeatureWish()

    def __init__(self, vocab_size: int, widths: Sequence[int], seed: int = 3) -> None:
        self._vocab_size, self._widths = vocab_size, widths
        self._random = random.Random(seed)

    def propose(self, requests: Sequence[DraftRequest]) -> list[Draft]:
        return [self._draft(request.room) for request in requests]

    def observe(self, outcomes: Sequence[Outcome], features: Features) -> None:
        for outcome in outcomes:
            check(outcome, features)

    def forget(self, request_id: str) -> None:
        pass

    def _draft(self, room: int) -> Draft:
        ids: list[int] = []
        parents: list[int] = []
        level = [-1]
        for width in self._widths:
            below: list[int] = []
            for parent in level:
                for _ in range(width):  # siblings may repeat
                    below.append(len(ids))
                    ids.append(self._random.randrange(self._vocab_size))
                    parents.append(parent)
            level = below
        scores = [self._random.uniform(0.01, 0.9) for _ in ids]
        return Draft(tuple(ids[:room]), tuple(parents[:room]), tuple(scores[:room]))
