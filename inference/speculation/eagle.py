"""EAGLE 1, 2 and 3: a decoder layer that guesses the target's next states.

Li et al., "EAGLE: Speculative Sampling Requires Rethinking Feature Uncertainty" (arXiv 2401.15077)
and "EAGLE-3" (arXiv 2503.01840). After each step the keys and values of the rows that were kept are
made of the target's states; a draft then costs a pass of the layer for each level of its tree.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch

from inference.errors import ModelLoadError
from inference.speculation.base import (
    Draft,
    DraftRequest,
    Features,
    FeatureWish,
    Outcome,
    TargetFacts,
)
from inference.speculation.candidates import DrawnStates, check_fit, has_drawn
from inference.speculation.eagle_blocks import EagleBlocks
from inference.speculation.eagle_format import EagleConfig, EagleWeights, is_eagle, load_eagle
from inference.speculation.eagle_model import EagleModel
from inference.speculation.eagle_rows import RowLayout
from inference.speculation.eagle_tree import GrowingTree, ReadRows

DEPTH = 6
CHILDREN = 8
"""Guesses taken behind each node that is read."""


def matches(folder: Path, config: Mapping[str, Any]) -> bool:
    """Whether the folder, whose config.json is `config`, holds an EAGLE head."""
    return is_eagle(folder, config)


def load(folder: Path, facts: TargetFacts) -> "EagleSpeculator":
    """The EAGLE head of a folder.

    Raises:
        ModelLoadError: it is broken, or made for another target.
    """
    weights, config = load_eagle(folder)
    check_fit(folder, "a vocabulary of size", config.vocab_size, facts.vocab_size)
    check_fit(folder, "hidden states of width", config.target_hidden_size, facts.hidden_size)
    if weights.embedding is None or weights.head is None:
        # It shares the target's, which are as wide as the target.
        check_fit(folder, "an embedding or head of width", config.hidden_size, facts.hidden_size)
    return EagleSpeculator(weights, config, _aux_layers(folder, weights, config, facts), facts)


@dataclass
class _Progress:
    """Entries `base` to `stop` of a request are in the cache."""

    base: int
    stop: int


@dataclass(frozen=True)
class _Span:
    """Positions of one request whose entries can be computed, and the states they are read with."""

    outcome: Outcome
    start: int
    stop: int
    waiting: torch.Tensor | None
    """The state of position `start` where it was computed in an earlier step."""


class EagleSpeculator:
    """Keeps the head's keys and values beside the target's, and grows trees from them."""

    name = "eagle"

    def __init__(
        self,
        weights: EagleWeights,
        config: EagleConfig,
        aux_layers: tuple[int, ...],
        facts: TargetFacts,
    ) -> None:
        self.wants = FeatureWish(hidden=not aux_layers, aux_layers=aux_layers)
        self._model = EagleModel(weights, config, facts)
        self._device = facts.device
        self._blocks = EagleBlocks(facts.num_blocks, facts.block_size)
        self._states = DrawnStates()
        self._progress: dict[str, _Progress] = {}

    @torch.inference_mode()
    def observe(self, outcomes: Sequence[Outcome], features: Features) -> None:
        """Take in the target's states of the rows that were kept."""
        states = features.aux if self.wants.aux_layers else features.hidden
        assert states is not None, "the step kept no states of the layers that were wished for"
        spans = [self._span(one, states) for one in outcomes if one.rows]
        spans = [one for one in spans if one.start < one.stop]
        if not spans:
            return
        layout, ends = RowLayout(self._blocks.block_size), list[int]()
        for span in spans:
            ids = span.outcome.token_ids[span.start + 1 : span.stop + 1]
            positions = range(span.start, span.stop)
            layout.add(span.outcome.block_ids, 0, span.start, ids, positions)
            ends.append(len(layout) - 1)
        read = self._model.read_target(_gather(spans, states))
        self._model.absorb(read, layout.rows(self._device))
        drawn = [(one.outcome, end) for one, end in zip(spans, ends, strict=True)]
        drawn = [(one, end) for one, end in drawn if has_drawn(one)]
        self._states.keep([one for one, _ in drawn], [end for _, end in drawn], read)

    @torch.inference_mode()
    def propose(self, requests: Sequence[DraftRequest]) -> list[Draft]:
        """The tree that grows behind each request's last token; empty before its first."""
        drafts = [Draft()] * len(requests)
        ready = self._states.ready(requests)
        if not ready:
            return drafts
        trees = {index: self._new_tree(requests[index]) for index in ready}
        states = self._read_last([requests[index] for index in ready], list(ready.values()))
        self._branch([(tree, -1) for tree in trees.values()], states, 0)
        for _ in range(DEPTH - 1):
            reading = [(index, trees[index].next_rows()) for index in trees]
            active = {index: rows for index, rows in reading if rows is not None}
            if not active:
                break
            guessed = self._read(requests, trees, active, states)
            nodes = [
                (trees[index], node)
                for index, rows in active.items()
                for node in rows.nodes[-rows.num_new :]
            ]
            self._branch(nodes, guessed, states.shape[0])
            states = torch.cat([states, guessed])
        for index, tree in trees.items():
            drafts[index] = tree.draft()
        return drafts

    def forget(self, request_id: str) -> None:
        """Drop the request's place; its blocks' entries stay for whoever shares them."""
        self._states.forget(request_id)
        self._progress.pop(request_id, None)

    def _span(self, outcome: Outcome, states: torch.Tensor) -> _Span:
        """What can be computed of an outcome, entered as if it were."""
        blocks, block_ids, start = self._blocks, outcome.block_ids, outcome.start
        computed = start + len(outcome.rows)
        stop = min(computed, len(outcome.token_ids) - 1)
        waiting = blocks.take_waiting(block_ids, start)
        first = start if waiting is None else start - 1
        if first < stop:
            blocks.record(block_ids, first, stop)
        if stop < computed:
            blocks.wait(block_ids, stop, states[outcome.rows[stop - start]])
        progress = self._progress.get(outcome.request_id)
        if progress is None or progress.stop != first:
            progress = _Progress(blocks.first_whole(block_ids, first), stop)
            self._progress[outcome.request_id] = progress
        progress.stop = stop
        return _Span(outcome, first, stop, waiting)

    def _new_tree(self, request: DraftRequest) -> GrowingTree:
        num_slots = len(request.block_ids) * self._blocks.block_size
        return GrowingTree(request.room, num_slots - len(request.token_ids) + 1)

    def _branch(
        self, nodes: Sequence[tuple[GrowingTree, int]], states: torch.Tensor, first_place: int
    ) -> None:
        """Hang guesses below nodes whose states were guessed."""
        ids, log_probs = self._model.guess(states, CHILDREN)
        # As float64, which holds ids exactly, so that all comes to the host in one copy.
        rows = torch.stack([ids.double(), log_probs.double()], 1).tolist()
        for place, ((tree, node), row) in enumerate(zip(nodes, rows, strict=True), first_place):
            tree.add(node, place, [int(one) for one in row[0]], row[1])

    def _read_last(
        self, requests: Sequence[DraftRequest], states: Sequence[torch.Tensor]
    ) -> torch.Tensor:  # [B, d]
        """Run the layer over each request's last known row, whose guesses are the first level."""
        layout = RowLayout(self._blocks.block_size)
        for request in requests:
            last, base = len(request.token_ids) - 2, self._progress[request.request_id].base
            layout.add(request.block_ids, base, last, request.token_ids[-1:], [last], [1])
        rows = layout.rows(self._device)
        return self._model.forward(torch.stack(list(states)), rows, layout.attention())

    def _read(
        self,
        requests: Sequence[DraftRequest],
        trees: Mapping[int, GrowingTree],
        active: Mapping[int, ReadRows],
        states: torch.Tensor,  # [P, d]
    ) -> torch.Tensor:  # [new rows, d]
        """Run the layer over the trees' rows, in the slots behind the known tokens."""
        layout = RowLayout(self._blocks.block_size)
        places, new = list[int](), list[int]()
        for index, rows in active.items():
            request, tree = requests[index], trees[index]
            known = len(request.token_ids) - 1  # entries of known tokens
            layout.add(
                request.block_ids,
                self._progress[request.request_id].base,
                known + rows.num_settled,
                [tree.token_ids[node] for node in rows.nodes],
                [known - 1 + tree.depths[node] for node in rows.nodes],
                rows.ancestors,
            )
            places += [tree.state_places[node] for node in rows.nodes]
            new += range(len(layout) - rows.num_new, len(layout))
        read = self._model.read_own(states[torch.tensor(places, device=self._device)])
        guessed = self._model.forward(read, layout.rows(self._device), layout.attention())
        return guessed[torch.tensor(new, device=self._device)]


def _gather(spans: Sequence[_Span], states: torch.Tensor) -> torch.Tensor:  # [T, F]
    """The target's state of every row of the spans."""
    rows: list[int] = []
    waiting: list[torch.Tensor] = []
    for span in spans:
        if span.waiting is not None:
            rows.append(states.shape[0] + len(waiting))
            waiting.append(span.waiting)
        first = span.start + (span.waiting is not None)
        rows += span.outcome.rows[: span.stop - first]
    if waiting:
        states = torch.cat([states, torch.stack(waiting)])
    return states.index_select(0, torch.tensor(rows, device=states.device))


def _aux_layers(
    folder: Path, weights: EagleWeights, config: EagleConfig, facts: TargetFacts
) -> tuple[int, ...]:
    """The target's layers behind which EAGLE 3 reads: files name the layer that reads it next.

    Raises:
        ModelLoadError: the target has no such layer, or the head reads another number of them.
    """
    if not config.is_third:
        return ()
    num_layers = facts.num_layers
    ids = config.aux_layer_ids or (2, num_layers // 2, num_layers - 3)
    if not 1 <= min(ids) <= max(ids) <= num_layers:
        raise ModelLoadError(
            folder, f"reads the inputs of layers {list(ids)}; the target's are 1 to {num_layers}"
        )
    num_read = weights.fusion.shape[1] // config.target_hidden_size
    if num_read != len(ids):
        raise ModelLoadError(folder, f"reads {num_read} layers, config.json names {len(ids)}")
    return tuple(one - 1 for one in ids)
