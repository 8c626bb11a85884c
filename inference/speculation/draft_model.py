"""A smaller causal language model drafts for a larger one of the same vocabulary.

Leviathan et al., "Fast Inference from Transformers via Speculative Decoding" (2023); Chen et al.,
"Accelerating Large Language Model Decoding with Speculative Sampling" (2023). Its keys and values
lie in blocks of its own, one to one with the target's, so a shared prefix, a preemption and an
exchange need nothing from it but to look what its blocks still hold (`draft_blocks.py`).

It drafts greedily, all requests in one forward a depth, and offers the runners-up of each depth as
leaves, which cost no forward. Prompts are computed when a draft is first wanted, a bounded number
of rows a step: a request waits undrafted until its own are done.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from math import isfinite
from pathlib import Path
from typing import Any, NamedTuple

import torch

from inference.errors import ModelLoadError
from inference.model.spans import Span
from inference.request import SamplingParams
from inference.sampling import probabilities
from inference.speculation.base import (
    Draft,
    DraftRequest,
    Features,
    FeatureWish,
    Outcome,
    TargetFacts,
)
from inference.speculation.draft_blocks import Ledger, Track
from inference.speculation.draft_runner import DraftRunner
from inference.speculation.rejection import DRAFT, EXPECTED, draw_from

MAX_CATCH_UP_ROWS = 512
MAX_PADDING = 128
"""Models of one family pad their vocabularies differently; more than that is another vocabulary."""


@dataclass(frozen=True)
class DraftShape:
    """How far and how wide is drafted."""

    max_depth: int = 12
    num_children: int = 3
    """Guesses at each depth; all but the first are leaves."""
    least_survival: float = 0.1
    """A path less likely than that to be accepted is worth no forward, and no leaf."""


def matches(folder: Path, config: Mapping[str, Any]) -> bool:
    """Whether the folder, whose config.json is `config`, holds a causal language model."""
    names = config.get("architectures") or []
    return any(str(name).endswith(("ForCausalLM", "LMHeadModel")) for name in names)


def load(
    folder: Path, facts: TargetFacts, shape: DraftShape | None = None
) -> "DraftModelSpeculator":
    """The model of a folder, with a cache of as many blocks as the target's.

    Raises:
        ModelLoadError: it cannot be run, or has another vocabulary.
    """
    runner = DraftRunner(folder, facts)
    size = runner.config.vocab_size
    if abs(size - facts.vocab_size) > MAX_PADDING:
        raise ModelLoadError(
            str(folder),
            f"has a vocabulary of size {size}, the target one of {facts.vocab_size}",
        )
    return DraftModelSpeculator(runner, facts, shape or DraftShape())


@dataclass
class _Chain:
    """One request's draft as it grows: a greedy chain, and the runners-up beside it."""

    index: int
    """Of the request."""
    request: DraftRequest
    track: Track
    token_ids: list[int]
    """Known and drafted ones."""
    num_computed: int
    """Leading ones whose keys and values are there."""
    most_depth: int
    least_survival: float
    survival: float = 1.0
    is_sound: bool = True
    """Whether the model's numbers for it are numbers."""
    nodes: list["_Node"] = field(default_factory=list)
    last: int = -1
    """The chain's last node."""
    laws: list[torch.Tensor] = field(default_factory=list)
    """What the tokens of a chain that is drawn were drawn from."""

    @property
    def depth(self) -> int:
        """Drafted tokens on the chain."""
        return len(self.token_ids) - len(self.request.token_ids)

    @property
    def is_worth_more(self) -> bool:
        """Whether a forward behind the last guess pays."""
        is_open = self.is_sound and self.depth < self.most_depth
        # How far is drawn must not depend on what is drawn.
        return is_open and (self.request.draw is not None or self.survival >= self.least_survival)

    def compute(self, num_rows: int) -> Span:
        """Write down the next rows as computed; they are to be, in the coming forward."""
        start, block_ids = self.num_computed, self.request.block_ids
        self.num_computed = start + num_rows
        token_ids = self.token_ids[: self.num_computed]
        self.track.write(token_ids, start, block_ids)
        return Span.chain(token_ids[start:], start, block_ids)

    def guess(self, shares: Sequence[float], token_ids: Sequence[int]) -> None:
        """The likeliest next tokens; the first continues the chain."""
        self.is_sound = all(map(isfinite, shares))
        if not self.is_sound:
            return
        parent, self.last = self.last, len(self.nodes)
        for token_id, share in zip(token_ids, shares, strict=True):
            survival = self.survival * share
            if len(self.nodes) == self.last or survival >= self.least_survival:
                self.nodes.append(_Node(token_id, parent, share, survival))
        self.token_ids.append(token_ids[0])
        self.survival *= shares[0]

    def drawn(self) -> Draft:
        """The chain that was drawn."""
        ids = self.token_ids[len(self.request.token_ids) :]
        return replace(Draft.chain(ids, [EXPECTED] * len(ids)), laws=tuple(self.laws))

    def best(self) -> Draft:
        """The nodes most likely to be accepted, as many as are wanted; parents among them."""
        order = sorted(range(len(self.nodes)), key=lambda node: -self.nodes[node].survival)
        kept = sorted(order[: self.request.room])  # stable: of equals, parents stand before
        places = {-1: -1} | {node: place for place, node in enumerate(kept)}
        nodes = [self.nodes[node] for node in kept]
        return Draft(
            tuple(node.token_id for node in nodes),
            tuple(places[node.parent] for node in nodes),
            tuple(node.score for node in nodes),
        )


class _Node(NamedTuple):
    token_id: int
    parent: int
    score: float
    survival: float


class DraftModelSpeculator:
    """Drafts with a model of its own."""

    name = "draft_model"
    wants = FeatureWish(outcomes=False)

    def __init__(self, runner: DraftRunner, facts: TargetFacts, shape: DraftShape) -> None:
        self.runner = runner
        self._facts = facts
        self._ledger = Ledger(facts.num_blocks, facts.block_size)
        self._tracks: dict[str, Track] = {}
        self._given_up: set[str] = set()
        self._vocab_size = min(runner.config.vocab_size, facts.vocab_size)
        self._shape = shape

    def is_packed(self) -> bool:
        """Whether its weights are, where they are to be; else that begins."""
        return self.runner.is_packed()

    @torch.inference_mode()
    def propose(self, requests: Sequence[DraftRequest]) -> list[Draft]:
        """A greedy chain with runners-up for each request; empty while its prompt is caught up."""
        drafts = [Draft()] * len(requests)
        opened = [self._open(index, request) for index, request in enumerate(requests)]
        for chain in self._drafted([chain for chain in opened if chain is not None]):
            is_drawn = chain.request.draw is not None
            drafts[chain.index] = chain.drawn() if is_drawn else chain.best()
            if not chain.is_sound:
                self._give_up(chain.request)
        return drafts

    def observe(self, outcomes: Sequence[Outcome], features: Features) -> None:
        """Nothing to do: what was accepted stands in the blocks, the rest is overwritten."""

    def forget(self, request_id: str) -> None:
        """Drop what was known of the request's blocks; their contents stay for who shares them."""
        self._tracks.pop(request_id, None)
        self._given_up.discard(request_id)

    def _open(self, index: int, request: DraftRequest) -> _Chain | None:
        """A request's draft before its first guess; None where the model cannot read its text."""
        known, longest = list(request.token_ids), self.runner.config.max_model_len
        if not request.room or len(known) > longest or request.request_id in self._given_up:
            return None
        track = self._tracks.get(request.request_id)
        if track is None:
            num_public_blocks = request.num_public // self._facts.block_size
            track = Track(self._ledger, request.salt, num_public_blocks)
            self._tracks[request.request_id] = track
        most_depth = min(request.room, self._shape.max_depth, longest - len(known) + 1)
        held, least = self._num_held(track, request), self._shape.least_survival
        chain = _Chain(index, request, track, known, held, most_depth, least)
        return chain if max(known[chain.num_computed :]) < self._vocab_size else None

    def _num_held(self, track: Track, request: DraftRequest) -> int:
        """Tokens that need not be computed again; the last one's logits are wanted anyway."""
        held = track.num_held(request.token_ids, request.block_ids)
        return min(held, len(request.token_ids) - 1)

    def _drafted(self, chains: list[_Chain]) -> list[_Chain]:
        """Catch up, and grow the drafts of those that have."""
        # Whoever lacks least goes first, so that nobody waits for another's prompt.
        chains.sort(key=lambda chain: len(chain.token_ids) - chain.num_computed)
        try:
            live = ready = self._catch_up(chains)
            while live:
                live = [chain for chain in live if chain.is_worth_more]
                self._advance(live, [chain.compute(1) for chain in live])
        except Exception:
            # What was written down as computed may not have been.
            self._ledger.clear(range(self._facts.num_blocks))
            raise
        return ready

    def _catch_up(self, chains: Sequence[_Chain]) -> list[_Chain]:
        """Compute what is missing, up to a number of rows; guess where nothing is left."""
        room = MAX_CATCH_UP_ROWS
        ready: list[_Chain] = []
        whole: list[Span] = []
        cut: list[Span] = []
        for chain in chains:
            if len(chain.token_ids) - chain.num_computed > 1:
                # A request before it may be about to compute what they share.
                chain.num_computed = self._num_held(chain.track, chain.request)
            missing = len(chain.token_ids) - chain.num_computed
            if missing <= room:
                ready.append(chain)
                whole.append(chain.compute(missing))
            elif room:
                cut.append(chain.compute(room))
            room = max(0, room - missing)
        self._advance(ready, whole, cut)
        return ready

    def _advance(
        self, chains: Sequence[_Chain], spans: Sequence[Span], others: Sequence[Span] = ()
    ) -> None:
        """Compute the spans of these chains, and those of others, and guess what follows."""
        if not spans and not others:
            return
        logits = self.runner.run([*spans, *others], len(spans))
        if logits is None:
            return
        logits = logits[:, : self._vocab_size]
        drawing = [at for at, chain in enumerate(chains) if chain.request.draw is not None]
        if drawing:
            _draw([chains[at] for at in drawing], logits[drawing].cpu())
        guessing = [at for at, chain in enumerate(chains) if chain.request.draw is None]
        if not guessing:
            return
        shares = logits[guessing].softmax(-1)
        best, token_ids = shares.topk(min(self._shape.num_children, self._vocab_size))
        for at, *guess in zip(guessing, best.tolist(), token_ids.tolist(), strict=True):
            chains[at].guess(*guess)

    def _give_up(self, request: DraftRequest) -> None:
        """Nothing of it may spoil a block's next owner."""
        block_ids = list(request.block_ids)
        self.runner.wipe(block_ids)
        self._ledger.clear(block_ids)
        self._given_up.add(request.request_id)


def _draw(
    chains: Sequence[_Chain],
    logits: torch.Tensor,  # [n, V]
) -> None:
    """Draw the next token of each chain as its request would; greedy ones take the best."""
    best, are_sound = logits.argmax(-1).tolist(), logits.isfinite().all(-1).tolist()
    drawing: list[tuple[int, _Chain, SamplingParams]] = []
    for at, (chain, is_sound) in enumerate(zip(chains, are_sound, strict=True)):
        wanted, chain.is_sound = chain.request.draw, is_sound
        if is_sound and wanted is not None and wanted.temperature > 0:
            drawing.append((at, chain, wanted))
        elif is_sound:
            chain.token_ids.append(best[at])
    if not drawing:
        return
    laws = probabilities(logits[[at for at, _, _ in drawing]], [one for _, _, one in drawing])
    seeds = [chain.request.seed for _, chain, _ in drawing]
    positions = [len(chain.token_ids) for _, chain, _ in drawing]
    drawn = draw_from(laws, seeds, positions, DRAFT)
    for (_, chain, _), token_id, law in zip(drawing, drawn, laws, strict=True):
        chain.token_ids.append(token_id)
        chain.laws.append(law)
