"""A world of known costs and known acceptance for the budget to serve; no clock, no model."""

import random
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from inference.speculation.acceptance import Acceptance
from inference.speculation.base import Draft
from inference.speculation.budget import Load, MeasuredBudget
from inference.speculation.tree import Limits, Proposal, Scored, likeliest, merge

DEPTH = 8
Curve = Callable[[int], float]


@dataclass
class Drafter:
    """Every guess comes true with `p_right`, whatever it claims; it has one `rate` of the time."""

    name: str
    p_right: float
    claims: float
    seconds_each: float = 2e-6
    seconds_fixed: float = 0.0
    rate: float = 1.0


@dataclass
class Step:
    """What one step of the world was."""

    asked: frozenset[str]
    num_rows: int
    num_tokens: int
    seconds: float


class World:
    """Serves a number of requests for ever, with the budget in charge of drafting."""

    def __init__(
        self,
        curve: Curve,
        drafters: Sequence[Drafter],
        noise: float = 0.0,
        hold_ups: float = 0.0,
        seed: int = 5,
        rounds: tuple[int, Curve] | None = None,
    ) -> None:
        """`hold_ups` of the steps take four times as long.

        With `rounds` a plain step gives so many tokens in one call, each at such a price. Worlds of
        one seed are disturbed alike at the same steps, whatever is drafted in them.
        """
        self.curve, self.drafters = curve, list(drafters)
        self._noise, self._hold_ups = noise, hold_ups
        self._num_rounds, self._round_curve = rounds or (1, curve)
        self._random, self._weather = random.Random(seed), random.Random(seed)
        self._acceptance = {one.name: Acceptance() for one in drafters}
        self.budget = MeasuredBudget([one.name for one in drafters])
        self.budget.start({rows: curve(rows) for rows in (1, 2, 4, 8, 16, 32, 64)})

    def run(self, num_requests: int, num_steps: int, prompt_rows: int = 0) -> list[Step]:
        return [self.step(num_requests, prompt_rows) for _ in range(num_steps)]

    def run_tokens(self, num_requests: int, num_tokens: int) -> list[Step]:
        """As many steps as give each request so many tokens."""
        steps: list[Step] = []
        while sum(step.num_tokens for step in steps) < num_requests * num_tokens:
            steps.append(self.step(num_requests))
        return steps

    def step(self, num_requests: int, prompt_rows: int = 0) -> Step:
        num_rounds = 1 if prompt_rows else self._num_rounds
        load = Load(num_requests + prompt_rows, num_requests, num_rounds=num_rounds)
        asked = self.budget.ask(load)
        if num_rounds > 1 and not asked:
            return self._run_rounds(num_requests)
        truths = [
            [self._random.randrange(1000) for _ in range(DEPTH + 1)] for _ in range(num_requests)
        ]
        seconds = 0.0
        drafts: list[list[tuple[int, Draft]]] = [[] for _ in truths]
        for bit, drafter in enumerate(self.drafters):
            if drafter.name in asked:
                own = drafter.seconds_fixed + drafter.seconds_each * num_requests
                self.budget.note_draft(drafter.name, num_requests, own)
                seconds += own
                for guesses, truth in zip(drafts, truths, strict=True):
                    if self._random.random() < drafter.rate:
                        guesses.append((bit, self._draft(drafter, truth)))
        proposals = [self._merge(str(number), guesses) for number, guesses in enumerate(drafts)]
        kept = self._choose(load, asked, proposals)
        num_tokens = 0
        for number, truth in enumerate(truths):
            accepted = _accepted(proposals[number], kept[number], truth)
            num_tokens += accepted + 1
            for bit, guess in drafts[number]:
                name = self.drafters[bit].name
                self._acceptance[name].judge(str(number), guess, truth[: accepted + 1])
        num_rows = load.num_rows + sum(map(len, kept))
        forward = self.curve(num_rows) * self._disturbance()
        self.budget.note_step(num_rows, forward)
        self.budget.note_gain(num_tokens)
        return Step(asked, num_rows, num_tokens, seconds + forward)

    def _run_rounds(self, num_requests: int) -> Step:
        """Only some are begun now and then, as where an answer ends."""
        count = self._num_rounds if self._random.random() < 0.8 else 2
        each = self._round_curve(num_requests)
        seconds = sum(each * self._disturbance() for _ in range(count))
        self.budget.note_step(num_requests, seconds, count)
        self.budget.note_gain(num_requests * count)
        return Step(frozenset(), num_requests, num_requests * count, seconds)

    def _disturbance(self) -> float:
        slow = 4.0 if self._weather.random() < self._hold_ups else 1.0
        return slow * (1.0 + self._noise * self._weather.random())

    def _draft(self, drafter: Drafter, truth: Sequence[int]) -> Draft:
        ids = [
            token_id
            if self._random.random() < drafter.p_right
            else 2000 + self._random.randrange(1000)
            for token_id in truth[:DEPTH]
        ]
        return Draft.chain(ids, [drafter.claims] * DEPTH)

    def _merge(self, name: str, drafts: Sequence[tuple[int, Draft]]) -> Proposal:
        scored = [
            Scored(1 << bit, draft, self._acceptance[self.drafters[bit].name].ratios(name))
            for bit, draft in drafts
        ]
        return merge(scored, Limits(most_depth=DEPTH, vocab_size=10_000))

    def _choose(
        self, load: Load, asked: frozenset[str], proposals: Sequence[Proposal]
    ) -> list[set[int]]:
        nodes = [
            (proposal.survivals[node], number, node)
            for number, proposal in enumerate(proposals)
            for node in likeliest(proposal, 15)
        ]
        nodes.sort(key=lambda one: -one[0])
        if asked:
            named = ((one, self._names(proposals[at].drafters[node])) for one, at, node in nodes)
            self.budget.note_nodes(asked, len(proposals), named)
        granted = self.budget.grant(load, [survival for survival, _, _ in nodes])
        kept: list[set[int]] = [set() for _ in proposals]
        for _, number, node in nodes[:granted]:
            kept[number].add(node)
        return kept

    def _names(self, bits: int) -> str:
        return "+".join(one.name for at, one in enumerate(self.drafters) if bits >> at & 1)


def speed(steps: Sequence[Step]) -> float:
    """Tokens per second."""
    return sum(step.num_tokens for step in steps) / sum(step.seconds for step in steps)


def best_fixed_speed(curve: Curve, drafter: Drafter, num_requests: int) -> float:
    """Tokens per second of the best draft length of a drafter that always has a draft."""
    speeds = [num_requests / curve(num_requests)]
    for length in range(1, DEPTH + 1):
        tokens = num_requests * sum(drafter.p_right**depth for depth in range(length + 1))
        drafting = drafter.seconds_fixed + drafter.seconds_each * num_requests
        speeds.append(tokens / (drafting + curve(num_requests * (length + 1))))
    return max(speeds)


def _accepted(proposal: Proposal, kept: set[int], truth: Sequence[int]) -> int:
    node, depth = -1, 0
    children = {(proposal.parents[one], proposal.token_ids[one]): one for one in kept}
    while depth < len(truth) and (node, truth[depth]) in children:
        node = children[node, truth[depth]]
        depth += 1
    return depth
