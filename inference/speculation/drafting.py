"""Who drafts: constraints where only one continuation is possible, and the engine's speculators.

Their drafts are merged into one tree a request; a budget says whom to ask and which nodes to keep.
"""

import logging
import time
from collections.abc import Sequence
from itertools import repeat
from typing import NamedTuple

import torch

from inference.batch import CONSTRAINT, Batch, Kept, Part
from inference.speculation.acceptance import Acceptance
from inference.speculation.base import (
    Draft,
    DraftRequest,
    Features,
    FeatureWish,
    Outcome,
    Speculator,
)
from inference.speculation.budget import Budget, Load
from inference.speculation.candidates import MOST_SHARED_ROWS
from inference.speculation.record import Record
from inference.speculation.tree import (
    Limits,
    Proposal,
    Scored,
    likeliest,
    likeliest_chain,
    merge,
    prune,
)
from kernels.reference import MASK_ROWS

logger = logging.getLogger(__name__)

MOST_CERTAIN_ROWS = 47
"""Drafted rows of a step up to which certain tokens may be more than were offered. For one reader
up to 31 instead of 15 made quotes 4 to 10 % faster, 47 no more; with many a row more takes as long
as in the next step. With a known token they fill a shape of the recorded graphs."""
_NO_DRAFT = Draft()


class Drafting:
    """The engine's speculators, and what each has proposed in this step."""

    def __init__(self, speculators: Sequence[Speculator], budget: Budget, vocab_size: int) -> None:
        self._speculators = list(speculators)
        self._budget = budget
        self._vocab_size = vocab_size
        self._bits = {one.name: 2 << index for index, one in enumerate(speculators)}
        assert len(self._bits) == len(speculators), "two speculators have the same name"
        self._names = _Names([CONSTRAINT, *self._bits])
        self._acceptance = {one.name: Acceptance() for one in speculators}
        self._asked: frozenset[str] = frozenset()
        self._load = Load(0, 0)
        self._forced: dict[str, Draft] = {}
        self._drafts: dict[str, dict[str, Draft]] = {one.name: {} for one in speculators}
        self._untold: dict[str, dict[str, _News]] = {one.name: {} for one in speculators}
        """By speculator and request, for those who want to know the latest only."""
        aux = sorted({layer for one in speculators for layer in one.wants.aux_layers})
        self.wants = FeatureWish(any(one.wants.hidden for one in speculators), tuple(aux))
        self.record = Record()

    def open(self, batch: Batch) -> None:
        """Choose whom to ask, and take back the room of parts that nobody drafts for."""
        parts = batch.parts
        self._forced.clear()
        offered = sum(part.draft_room for part in parts)
        spare = max(0, min(batch.spare_rows, MOST_CERTAIN_ROWS - offered))
        for part in parts:
            if part.draft_room and part.sequence.constraint is not None:
                forced = _forced(part, spare)
                if forced:
                    spare -= max(0, len(forced) - part.draft_room)
                    part.draft_room = max(part.draft_room, len(forced))
                    self._forced[part.sequence.request_id] = forced
        self._load = Load(
            sum(part.num_known for part in parts),
            sum(part.samples for part in parts),
            is_forced=bool(self._forced),
            num_rounds=batch.num_rounds,
        )
        self._asked = self._budget.ask(self._load)
        if not self._asked:
            for part in parts:
                if part.sequence.request_id not in self._forced:
                    part.draft_room = 0

    def draft(self, parts: Sequence[Part]) -> None:
        """Fill in the tree of every part that has room for one."""
        parts = [part for part in parts if part.draft_room]
        if not parts:
            return
        start = time.perf_counter()
        propose_s = self._propose([part for part in parts if not self._is_settled(part)])
        proposals = [self._merge(part) for part in parts]
        kept = self._choose(parts, proposals)
        for part, proposal, nodes in zip(parts, proposals, kept, strict=True):
            if nodes:
                part.tree = prune(proposal, nodes, self._names)
        merge_s = time.perf_counter() - start - sum(propose_s.values())
        for name, seconds in propose_s.items():
            own_s = seconds + merge_s / len(propose_s)
            self._budget.note_draft(name, len(parts), own_s)
            self.record.note_draft(name, own_s)

    def note_step(self, num_rows: int, seconds: float, num_rounds: int = 1) -> None:
        """So many forward passes of these rows are done, with their verification."""
        self._budget.note_step(num_rows, seconds, num_rounds)

    def observe(self, kept: Sequence[Kept], features: Features) -> None:
        """Tell everyone what became of the step's requests."""
        for one in kept:
            self.record.note(one)
        self._budget.note_gain(sum(one.num_tokens for one in kept))
        # What is kept for later keeps all of a step's states.
        is_short = features.hidden.shape[0] <= MOST_SHARED_ROWS
        for speculator in list(self._speculators):
            name, wants = speculator.name, speculator.wants
            drafts = self._judge(name, kept)
            if not wants.outcomes:
                continue
            news = list(map(_News, kept, drafts, repeat(features)))
            untold = self._untold[name]
            if wants.only_latest and is_short:
                for new in news:
                    untold[new.kept.part.sequence.request_id] = new
                continue
            for new in news if untold else ():
                untold.pop(new.kept.part.sequence.request_id, None)
            self._tell(speculator, news)

    def _tell(self, speculator: Speculator, news: Sequence["_News"]) -> None:
        """What became of some requests, step by step."""
        by_step: dict[int, list[_News]] = {}
        for new in news:
            by_step.setdefault(id(new.features), []).append(new)
        try:
            for own in by_step.values():
                outcomes = [_outcome(new.kept, speculator.name, new.draft) for new in own]
                features = self._features(speculator.wants, own[0].features)
                speculator.observe(outcomes, features)
        except Exception:
            self._retire(speculator)

    def _judge(self, name: str, kept: Sequence[Kept]) -> list[Draft]:
        """What this speculator had drafted for each, compared with what came."""
        drafts, acceptance = self._drafts[name], self._acceptance[name]
        if not drafts:
            return [_NO_DRAFT] * len(kept)
        result: list[Draft] = []
        for one in kept:
            sequence = one.part.sequence
            draft = drafts.pop(sequence.request_id, _NO_DRAFT)
            if draft.token_ids:
                came = sequence.token_ids[len(sequence.token_ids) - one.num_tokens :]
                acceptance.judge(sequence.request_id, draft, came)
            result.append(draft)
        return result

    def forget(self, request_id: str) -> None:
        """The request has ended, or lost its blocks."""
        for speculator in self._speculators:
            self._drafts[speculator.name].pop(request_id, None)
            self._untold[speculator.name].pop(request_id, None)
            self._acceptance[speculator.name].forget(request_id)
            speculator.forget(request_id)

    def _is_settled(self, part: Part) -> bool:
        """Whether a constraint's draft leaves nothing to guess."""
        forced = self._forced.get(part.sequence.request_id)
        return forced is not None and len(forced) >= min(part.draft_room, part.most_depth)

    def _propose(self, parts: Sequence[Part]) -> dict[str, float]:
        """Ask those chosen; the seconds of each."""
        seconds: dict[str, float] = {}
        requests = [request_of(part) for part in parts]
        for speculator in list(self._speculators) if requests else ():
            if speculator.name not in self._asked:
                continue
            start = time.perf_counter()
            if self._ask(speculator, requests) is not None:
                seconds[speculator.name] = time.perf_counter() - start
        return seconds

    def _ask(self, speculator: Speculator, requests: Sequence[DraftRequest]) -> list[Draft] | None:
        """A speculator's drafts; None of one that is broken, which drafts no more."""
        untold = self._untold[speculator.name]
        if untold:
            self._tell(speculator, list(untold.values()))
            untold.clear()
        if speculator not in self._speculators:
            return None
        try:
            drafts = speculator.propose(requests)
        except Exception:
            self._retire(speculator)
            return None
        self._drafts[speculator.name] = {
            request.request_id: draft
            for request, draft in zip(requests, drafts, strict=True)
            if draft.token_ids
        }
        return drafts

    def _retire(self, speculator: Speculator) -> None:
        """Go on without one that is broken: a guess less costs speed only."""
        fields = {"speculator": speculator.name}
        logger.exception("a speculator failed and drafts no more", extra=fields)
        self._speculators.remove(speculator)
        self._drafts[speculator.name].clear()
        self._untold[speculator.name].clear()

    def _merge(self, part: Part) -> Proposal:
        request_id = part.sequence.request_id
        drafts = []
        forced = self._forced.get(request_id)
        if forced is not None:
            drafts.append(Scored(1, forced, is_certain=True))
        for name, of_requests in self._drafts.items():
            draft = of_requests.get(request_id)
            if draft is not None:
                ratios = self._acceptance[name].ratios(request_id)
                drafts.append(Scored(self._bits[name], draft, ratios))
        constraint, state = part.sequence.constraint, part.sequence.constraint_state
        return merge(drafts, Limits(part.most_depth, self._vocab_size, constraint, state))

    def _choose(self, parts: Sequence[Part], proposals: Sequence[Proposal]) -> list[list[int]]:
        """The nodes of each proposal to verify: the likeliest of all, as many as the budget says.

        Stable sorting keeps parents before children of equal survival.
        """
        allowed = [_allowed(part, one) for part, one in zip(parts, proposals, strict=True)]
        nodes = [
            (proposals[at].survivals[node], at, node)
            for at, own in enumerate(allowed)
            for node in own
        ]
        if self._asked:
            names = ((one, self._names[proposals[at].drafters[node]]) for one, at, node in nodes)
            self._budget.note_nodes(self._asked, len(parts), names)
        nodes.sort(key=lambda node: -node[0])
        granted = self._budget.grant(self._load, [survival for survival, _, _ in nodes])
        if granted == len(nodes):
            return allowed
        kept: list[list[int]] = [[] for _ in parts]
        for _, at, node in nodes[:granted]:
            kept[at].append(node)
        return [sorted(own) for own in kept]

    def _features(self, wants: FeatureWish, features: Features) -> Features:
        """The features with those layers only that a speculator has asked for."""
        if features.aux is None or wants.aux_layers == self.wants.aux_layers:
            return features
        width = features.hidden.shape[1]
        places = [self.wants.aux_layers.index(layer) * width for layer in wants.aux_layers]
        own = [features.aux[:, place : place + width] for place in places]
        return Features(features.hidden, torch.cat(own, 1) if own else None)


class _News(NamedTuple):
    """What became of one request in one step, and of what one speculator had drafted for it."""

    kept: Kept
    draft: Draft
    features: Features


class _Names(dict[int, str]):
    """The joined names of each combination of drafters' bits, made when first asked for."""

    def __init__(self, names: Sequence[str]) -> None:
        super().__init__()
        self._single = names

    def __missing__(self, bits: int) -> str:
        self[bits] = "+".join(name for index, name in enumerate(self._single) if bits >> index & 1)
        return self[bits]


def request_of(part: Part) -> DraftRequest:
    """What a speculator may know of a part's request."""
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


def _forced(part: Part, spare: int) -> Draft:
    """What must come, up to the offered room and, for somebody who waits, the spare behind it."""
    sequence = part.sequence
    assert sequence.constraint is not None
    room = part.draft_room + (0 if sequence.is_background else spare)
    ids = sequence.constraint.forced(sequence.constraint_state)[: min(room, part.most_depth)]
    return Draft.chain(ids, [1.0] * len(ids))


def _allowed(part: Part, proposal: Proposal) -> list[int]:
    """The nodes there are slots for, and bits in a mask."""
    nodes = likeliest(proposal, part.draft_room)
    if part.num_known + len(nodes) <= MASK_ROWS:
        return nodes
    return likeliest_chain(proposal)[: part.draft_room]


def _num_accepted(kept: Kept, name: str) -> int:
    drafted_by = kept.part.tree.drafted_by
    return sum(name in drafted_by[node].split("+") for node in kept.path)


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
        num_accepted=0 if part.tree.is_own else _num_accepted(kept, name),
    )
