"""Who drafts: constraints where only one continuation is possible, and the engine's speculators.

Their drafts are merged into one tree a request; a budget says whom to ask and which nodes to keep.
"""

from collections.abc import Sequence

import torch

from inference.batch import Kept, Part, Tree
from inference.speculation.base import (
    MAX_NODES,
    Draft,
    DraftRequest,
    Features,
    FeatureWish,
    Outcome,
    Speculator,
)
from inference.speculation.tree import (
    Limits,
    Proposal,
    Scored,
    likeliest,
    likeliest_chain,
    merge,
    prune,
)

CONSTRAINT = "constraint"
"""The name of what a guide or grammar drafts."""


class Drafting:
    """The engine's speculators, and what each has proposed in this step."""

    def __init__(self, speculators: Sequence[Speculator], vocab_size: int) -> None:
        self._speculators = list(speculators)
        self._bits = {one.name: 2 << index for index, one in enumerate(speculators)}
        self._names = _Names([CONSTRAINT, *self._bits])
        self._vocab_size = vocab_size
        self._drafts: dict[str, dict[str, Draft]] = {one.name: {} for one in speculators}
        self._forced: dict[str, Draft] = {}
        aux = sorted({layer for one in speculators for layer in one.wants.aux_layers})
        self.wants = FeatureWish(any(one.wants.hidden for one in speculators), tuple(aux))

    def open(self, parts: Sequence[Part]) -> None:
        """Take back the room of parts that nobody is going to draft for."""
        for part in parts:
            if not part.draft_room:
                continue
            forced = _forced(part)
            if forced:
                self._forced[part.sequence.request_id] = forced
            elif not self._speculators:
                part.draft_room = 0

    def draft(self, parts: Sequence[Part]) -> None:
        """Fill in the tree of every part that has room for one."""
        parts = [part for part in parts if part.draft_room]
        if not parts:
            return
        requests = [_request(part) for part in parts]
        for speculator in self._speculators:
            drafts = speculator.propose(requests)
            self._drafts[speculator.name] = {
                request.request_id: draft for request, draft in zip(requests, drafts, strict=True)
            }
        for part in parts:
            proposal = self._merge(part)
            part.tree = self._prune(part, proposal)
        self._forced.clear()

    def observe(self, kept: Sequence[Kept], features: Features) -> None:
        """Tell everyone what became of the step's requests."""
        for speculator in self._speculators:
            drafts = self._drafts[speculator.name]
            outcomes = [
                _outcome(one, speculator.name, drafts.pop(one.part.sequence.request_id, Draft()))
                for one in kept
            ]
            speculator.observe(outcomes, self._features(speculator.wants, features))

    def forget(self, request_id: str) -> None:
        """The request has ended, or lost its blocks."""
        for speculator in self._speculators:
            self._drafts[speculator.name].pop(request_id, None)
            speculator.forget(request_id)

    def _merge(self, part: Part) -> Proposal:
        request_id = part.sequence.request_id
        drafts = []
        forced = self._forced.get(request_id)
        if forced is not None:
            drafts.append(Scored(1, forced, is_certain=True))
        for name, of_requests in self._drafts.items():
            draft = of_requests.get(request_id)
            if draft:
                drafts.append(Scored(self._bits[name], draft))
        constraint, state = part.sequence.constraint, part.sequence.constraint_state
        return merge(drafts, Limits(part.most_depth, self._vocab_size, constraint, state))

    def _prune(self, part: Part, proposal: Proposal) -> Tree:
        room = part.draft_room
        kept = likeliest(proposal, room)
        if part.num_known + len(kept) > MAX_NODES:  # more rows than a mask has bits
            kept = likeliest_chain(proposal)[:room]
        return prune(proposal, kept, self._names)

    def _features(self, wants: FeatureWish, features: Features) -> Features:
        if features.aux is None or wants.aux_layers == self.wants.aux_layers:
            return features
        width = features.hidden.shape[1]
        places = [self.wants.aux_layers.index(layer) * width for layer in wants.aux_layers]
        own = [features.aux[:, place : place + width] for place in places]
        return Features(features.hidden, torch.cat(own, 1) if own else None)


class _Names(dict[int, str]):
    """The joined names of each combination of drafters' bits, made when first asked for."""

    def __init__(self, names: Sequence[str]) -> None:
        super().__init__()
        self._single = names

    def __missing__(self, bits: int) -> str:
        self[bits] = "+".join(name for index, name in enumerate(self._single) if bits >> index & 1)
        return self[bits]


def _request(part: Part) -> DraftRequest:
    sequence = part.sequence
    assert sequence.table is not None
    return DraftRequest(
        sequence.request_id,
        sequence.salt,
        sequence.token_ids,
        part.draft_room,
        sequence.table.block_ids,
        sequence.num_public,
    )


def _forced(part: Part) -> Draft:
    sequence = part.sequence
    if sequence.constraint is None:
        return Draft()
    ids = sequence.constraint.forced(sequence.constraint_state)[: part.draft_room]
    return Draft.chain(ids, [1.0] * len(ids))


def _outcome(kept: Kept, name: str, draft: Draft) -> Outcome:
    part, sequence = kept.part, kept.part.sequence
    assert sequence.table is not None
    first_node = kept.first_row + part.num_known
    # The last token was drawn from the last of these rows, whether it was drafted or not.
    computed = kept.path[: max(0, kept.num_tokens - 1)]
    rows = (*range(kept.first_row, first_node), *(first_node + node for node in computed))
    return Outcome(
        request_id=sequence.request_id,
        salt=sequence.salt,
        token_ids=sequence.token_ids,
        block_ids=sequence.table.block_ids,
        start=part.start,
        rows=rows,
        draft=draft,
        num_accepted=sum(name in part.tree.drafted_by[node].split("+") for node in kept.path),
    )
