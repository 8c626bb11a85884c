"""Drafts for rejection sampling: drawn from the draft model's law, as long as decided beforehand.

How many tokens are drafted for whom must not depend on what they turn out to be, or what comes out
would not follow the target any more. So the budget is asked before anything is drawn, with what the
request's drafts have lately been worth at each depth; and what is drawn is verified, all of it.
"""

import time
from collections.abc import Sequence
from dataclasses import replace

from inference.batch import Offer, Part, Tree
from inference.errors import InvalidConfig
from inference.speculation.base import Draft, DraftRequest, Speculator
from inference.speculation.budget import Budget
from inference.speculation.drafting import Drafting, request_of
from inference.speculation.rejection import EXPECTED
from inference.speculation.tree import MOST_SURE, prune
from kernels.reference import MASK_ROWS

DRAFT_MODEL = "draft_model"
LONGEST = 12


class DrawnDrafting(Drafting):
    """One speculator that draws; a constraint's forced tokens stand alone.

    Raises:
        InvalidConfig: the speculators are not one draft model.
    """

    def __init__(self, speculators: Sequence[Speculator], budget: Budget, vocab_size: int) -> None:
        names = [one.name for one in speculators]
        if names != [DRAFT_MODEL]:
            raise InvalidConfig(
                "verification: rejection needs the draws of one draft model; the speculators are "
                f"{', '.join(names) or 'none'}"
            )
        super().__init__(speculators, budget, vocab_size)

    def draft(self, parts: Sequence[Part]) -> None:
        """Fill in the chain of every part that has room for one."""
        wanting = []
        for part in parts:
            if part.sequence.request_id in self._forced:
                self._fill_forced(part)
            elif part.draft_room and self._asked:
                wanting.append(part)
        if not wanting or not self._speculators:
            return
        start = time.perf_counter()
        (speculator,) = self._speculators
        granted = [
            (part, length)
            for part, length in zip(wanting, self._lengths(wanting), strict=True)
            if length
        ]
        requests = [_request(part, length) for part, length in granted]
        drafts = self._ask(speculator, requests) if requests else None
        for (part, _), draft in zip(granted, drafts or (), strict=False):
            part.tree = _chain(part, draft, speculator.name)
        seconds = time.perf_counter() - start
        self._budget.note_draft(speculator.name, len(wanting), seconds)
        self.record.note_draft(speculator.name, seconds)

    def _fill_forced(self, part: Part) -> None:
        proposal = self._merge(part)
        part.tree = prune(proposal, range(min(len(proposal), part.draft_room)), self._names)

    def _lengths(self, parts: Sequence[Part]) -> list[int]:
        """How many tokens to draw for each: the likeliest of all, as many as the budget says."""
        name = self._speculators[0].name
        nodes: list[tuple[float, int]] = []
        for at, part in enumerate(parts):
            ratios = self._acceptance[name].ratios(part.sequence.request_id)
            survival = 1.0
            for depth in range(_most(part)):
                survival *= min(MOST_SURE, EXPECTED * ratios[min(depth, len(ratios) - 1)])
                nodes.append((survival, at))
        self._budget.note_nodes(self._asked, len(parts), ((one, name) for one, _ in nodes))
        nodes.sort(key=lambda node: -node[0])
        lengths = [0] * len(parts)
        for _, at in nodes[: self._budget.grant(self._load, [one for one, _ in nodes])]:
            lengths[at] += 1
        return lengths


def _most(part: Part) -> int:
    return max(0, min(part.draft_room, part.most_depth, LONGEST, MASK_ROWS - part.num_known))


def _request(part: Part, length: int) -> DraftRequest:
    sequence = part.sequence
    return replace(request_of(part), room=length, draw=sequence.params, seed=sequence.seed)


def _chain(part: Part, draft: Draft, name: str) -> Tree:
    """The drawn tokens up to one that the constraint forbids; that one is offered in vain."""
    constraint, state = part.sequence.constraint, part.sequence.constraint_state
    states, num_kept = [], 0
    for token_id in draft.token_ids:
        if constraint is not None:
            if constraint.is_done(state) or not constraint.permits(state, token_id):
                break
            state = constraint.advance(state, token_id)
        states.append(state)
        num_kept += 1
    num_offered = num_kept
    if constraint is None or not constraint.is_done(state):
        num_offered = min(num_kept + 1, len(draft))
    offered = zip(draft.token_ids[:num_offered], draft.laws[:num_offered], strict=False)
    return Tree(
        token_ids=draft.token_ids[:num_kept],
        parents=draft.parents[:num_kept],
        drafted_by=(name,) * num_kept,
        states=tuple(states),
        offers=tuple(Offer(token_id, law) for token_id, law in offered),
    )
