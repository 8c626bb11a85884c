"""Drafts of several speculators as one tree: merge, score, prune.

An equal token behind an equal path is one node, whoever drafted it. A node's survival is the
estimated probability that it is accepted: the product of the conditional ones along its path. A
parent survives at least as often as its children, so the best n nodes of any number of trees are
trees again.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from inference.batch import Tree
from inference.constraints.base import Constraint, State
from inference.speculation.base import Draft

MOST_SURE = 0.98
"""No speculator is believed beyond this; only a constraint knows what comes."""
LEAST_SURE = 1e-4


@dataclass(frozen=True)
class Scored:
    """One drafter's guess, and how its scores at each depth are to be corrected."""

    bit: int
    """The drafter's own."""
    draft: Draft
    ratios: Sequence[float] = (1.0,)
    """Accepted per estimated, by depth from 1; the last one holds for all that is deeper."""
    is_certain: bool = False
    """Whether its scores are no estimates."""


@dataclass(frozen=True)
class Limits:
    """What bounds a tree besides its worth."""

    most_depth: int
    vocab_size: int
    constraint: Constraint | None = None
    start: State = None
    """The constraint's state before the first drafted token."""


@dataclass
class Proposal:
    """The merged tree of one request, parents before children, as it grows."""

    token_ids: list[int] = field(default_factory=list)
    parents: list[int] = field(default_factory=list)
    depths: list[int] = field(default_factory=list)
    drafters: list[int] = field(default_factory=list)
    """The bits of those who drafted a node."""
    chances: list[float] = field(default_factory=list)
    """Of a node, given that its parent was accepted."""
    survivals: list[float] = field(default_factory=list)
    states: list[State] = field(default_factory=list)

    def __len__(self) -> int:
        return len(self.token_ids)


def merge(drafts: Sequence[Scored], limits: Limits) -> Proposal:
    """One tree of all drafts, without what the limits or the constraint rule out.

    Where drafters agree they are taken as independent witnesses: a node is missed only if all of
    them are wrong. The chances of siblings are scaled down where they add up to more than 1.
    """
    proposal = Proposal()
    nodes: dict[tuple[int, int], int] = {}
    for scored in drafts:
        _add(proposal, nodes, scored, limits)
    _share(proposal)
    return proposal


def prune(proposal: Proposal, kept: Sequence[int], names: Mapping[int, str]) -> Tree:
    """The kept nodes, which hold their parents, the likeliest path first.

    So the path that is accepted most often needs no row to be moved. `names` has one for every
    combination of drafters' bits.
    """
    order = _likeliest_first(proposal, kept)
    place = {node: at for at, node in enumerate(order)}
    place[-1] = -1
    return Tree(
        token_ids=tuple(proposal.token_ids[node] for node in order),
        parents=tuple(place[proposal.parents[node]] for node in order),
        drafted_by=tuple(names[proposal.drafters[node]] for node in order),
        states=tuple(proposal.states[node] for node in order),
    )


def likeliest(proposal: Proposal, num_nodes: int) -> list[int]:
    """The nodes most likely to be accepted, which hold their parents, in the proposal's order."""
    if len(proposal) <= num_nodes:
        return list(range(len(proposal)))
    survivals = proposal.survivals
    # Stable: of equal survival, parents stand before their children.
    best = sorted(range(len(proposal)), key=lambda node: -survivals[node])
    return sorted(best[:num_nodes])


def likeliest_chain(proposal: Proposal) -> list[int]:
    """The path along the likeliest child of each node."""
    best: dict[int, int] = {}
    for node, parent in enumerate(proposal.parents):
        known = best.get(parent)
        if known is None or proposal.survivals[node] > proposal.survivals[known]:
            best[parent] = node
    path: list[int] = []
    last = -1
    while last in best:
        last = best[last]
        path.append(last)
    return path


def _add(
    proposal: Proposal, nodes: dict[tuple[int, int], int], scored: Scored, limits: Limits
) -> None:
    draft, last = scored.draft, len(scored.ratios) - 1
    places: list[int | None] = []
    for token_id, own_parent, score in zip(
        draft.token_ids, draft.parents, draft.scores, strict=True
    ):
        parent = -1 if own_parent < 0 else places[own_parent]
        if parent is None:
            places.append(None)
            continue
        depth = 1 if parent < 0 else proposal.depths[parent] + 1
        node = nodes.get((parent, token_id))
        if node is None:
            node = _new_node(proposal, parent, token_id, depth, limits)
            if node is not None:
                nodes[parent, token_id] = node
        places.append(node)
        if node is None:
            continue
        chance = score
        if not scored.is_certain:
            chance = min(MOST_SURE, max(LEAST_SURE, score * scored.ratios[min(depth - 1, last)]))
        _agree(proposal, node, scored.bit, chance)


def _new_node(
    proposal: Proposal, parent: int, token_id: int, depth: int, limits: Limits
) -> int | None:
    """A node without a drafter yet; None where it can never be accepted."""
    if depth > limits.most_depth or not 0 <= token_id < limits.vocab_size:
        return None
    state: State = None
    if limits.constraint is not None:
        before = limits.start if parent < 0 else proposal.states[parent]
        if limits.constraint.is_done(before) or not limits.constraint.permits(before, token_id):
            return None
        state = limits.constraint.advance(before, token_id)
    proposal.token_ids.append(token_id)
    proposal.parents.append(parent)
    proposal.depths.append(depth)
    proposal.drafters.append(0)
    proposal.chances.append(0.0)
    proposal.states.append(state)
    return len(proposal.token_ids) - 1


def _agree(proposal: Proposal, node: int, bit: int, chance: float) -> None:
    if proposal.drafters[node] & bit:  # a draft that says the same twice is no second witness
        proposal.chances[node] = max(proposal.chances[node], chance)
        return
    proposal.drafters[node] |= bit
    proposal.chances[node] = 1.0 - (1.0 - proposal.chances[node]) * (1.0 - chance)


def _share(proposal: Proposal) -> None:
    sums: dict[int, float] = {}
    for parent, chance in zip(proposal.parents, proposal.chances, strict=True):
        sums[parent] = sums.get(parent, 0.0) + chance
    for parent, chance in zip(proposal.parents, proposal.chances, strict=True):
        before = 1.0 if parent < 0 else proposal.survivals[parent]
        proposal.survivals.append(before * chance / max(1.0, sums[parent]))


def _likeliest_first(proposal: Proposal, kept: Sequence[int]) -> list[int]:
    if all(proposal.parents[node] == node - 1 for node in kept):
        return list(kept)  # a chain stands in order
    children: dict[int, list[int]] = {}
    for node in kept:
        children.setdefault(proposal.parents[node], []).append(node)
    order: list[int] = []
    waiting = [-1]
    while waiting:
        node = waiting.pop()
        if node >= 0:
            order.append(node)
        # The likeliest is pushed last, so it comes off next.
        own = children.get(node, [])
        waiting += sorted(own, key=lambda child: proposal.survivals[child])
    return order
