"""IBM's MLP speculator: each guess is conditioned on the one before it.

Wertheimer et al., "Accelerating Production LLMs with Combined Token/Embedding Speculators"
(arXiv 2404.19124). It drafts the published tree of candidates, and needs no keys and values, so a
shared prefix or a preemption costs it nothing.
"""

import logging
import threading
from collections.abc import Mapping, Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

import torch

from inference.speculation.base import (
    MAX_NODES,
    Draft,
    DraftRequest,
    Features,
    FeatureWish,
    Outcome,
    TargetFacts,
)
from inference.speculation.candidates import DrawnStates, check_fit, likeliest_tree
from inference.speculation.draft_vocabulary import read_draft_vocabulary
from inference.speculation.mlp_format import (
    MlpConfig,
    MlpWeights,
    is_mlp_speculator,
    load_mlp_speculator,
)
from inference.speculation.mlp_graphs import Expand, Levels, RecordedExpansion
from inference.speculation.mlp_model import MlpModel
from kernels.grow_branches import Branches, grow_branches
from kernels.native.attention import NativeKernels
from kernels.native.mlp import MlpShape, MlpStageWeights, NativeMlp, suits

logger = logging.getLogger(__name__)

LEAST_SURVIVAL = 0.03
"""On a CPU no row is so cheap that a less likely path pays, so its stages are saved."""

Tree = tuple[list[int], list[int], list[float]]
"""Token ids, parents and log-probabilities of the paths, node by node."""


def matches(folder: Path, config: Mapping[str, Any]) -> bool:
    """Whether the folder, whose config.json is `config`, holds an MLP speculator."""
    return is_mlp_speculator(config)


def load(folder: Path, facts: TargetFacts) -> "MlpSpeculator":
    """The MLP speculator of a folder.

    Raises:
        ModelLoadError: it is broken, or made for another width or vocabulary.
    """
    weights, config = load_mlp_speculator(folder)
    check_fit(folder, "hidden states of width", config.emb_dim, facts.hidden_size)
    check_fit(folder, "a vocabulary of size", config.vocab_size, facts.vocab_size)
    return MlpSpeculator(
        weights, config, facts, draft_ids=read_draft_vocabulary(folder, config.vocab_size)
    )


class MlpSpeculator:
    """Drafts the likeliest `n_candidates` paths as one tree, for all requests together.

    The published expansion carries every branch to the last stage (72 behind 6, 4, 3), and each
    reads a whole vocabulary head. Here `max_branches` live on, by default as many as become
    candidates: that costs 2/5 as much, and over random heads of every confidence the trees hold at
    least 98.4 % of what those of the full expansion do, mostly 99.7 %. With `draft_ids` [K] its
    heads guess among these tokens only.
    """

    name = "mlp"
    wants = FeatureWish(hidden=True, only_latest=True)

    def __init__(
        self,
        weights: MlpWeights,
        config: MlpConfig,
        facts: TargetFacts,
        max_branches: int | None = None,
        draft_ids: torch.Tensor | None = None,
    ) -> None:
        weights = weights if draft_ids is None else weights.among(draft_ids)
        self._draft_ids = draft_ids
        self._weights: MlpWeights | None = weights
        """Until it is known what is to run them."""
        self._config, self._facts = config, facts
        # Its heads stay in torch: where there are kernels, the whole proposal leaves it.
        self._model: MlpModel | None = MlpModel(
            weights, config, replace(facts, native=lambda: None), draft_ids
        )
        self._recorded: RecordedExpansion | None = None
        self._native: NativeMlp | None = None
        self._packing: threading.Thread | None = None
        self._max_branches = max_branches or config.n_candidates
        self._states = DrawnStates()

    @torch.inference_mode()
    def propose(self, requests: Sequence[DraftRequest]) -> list[Draft]:
        """The tree of candidates behind each request's last token; empty before its first."""
        drafts = [Draft()] * len(requests)
        ready = self._states.ready(requests)
        if not ready:
            return drafts
        hidden = torch.stack(list(ready.values()))
        last_ids = [requests[index].token_ids[-1] for index in ready]
        rooms = [min(MAX_NODES, requests[index].room) for index in ready]
        for index, draft in zip(ready, self._draft(hidden, last_ids, rooms), strict=True):
            drafts[index] = draft
        return drafts

    def observe(self, outcomes: Sequence[Outcome], features: Features) -> None:
        """Remember the state that each request's last token was drawn from."""
        self._states.observe(outcomes, features.hidden)

    def forget(self, request_id: str) -> None:
        """Drop the request's state."""
        self._states.forget(request_id)

    def _draft(
        self, hidden: torch.Tensor, last_ids: Sequence[int], rooms: Sequence[int]
    ) -> list[Draft]:
        """In one C++ call once the target runs so, until then in torch."""
        self._begin_packing()
        model = self._model  # before the other is looked for, which takes its place
        if self._native is not None:
            trees = self._native.propose(hidden.float(), last_ids, rooms)
            return [Draft(*tree) for tree in trees]
        assert model is not None
        depth = min(model.num_stages, max(rooms))
        ids = torch.tensor(last_ids, device=hidden.device)
        levels = self._expansion(model, hidden, ids)(hidden, ids, depth)
        found = [_tree(levels.sizes, *row) for row in levels.rows.tolist()]
        return [likeliest_tree(*tree, room) for tree, room in zip(found, rooms, strict=True)]

    def is_packed(self) -> bool:
        """Whether the C++ call has its weights, where it is to have any; else packing begins."""
        self._begin_packing()
        return self._packing is None or not self._packing.is_alive()

    def finish_packing(self) -> None:
        """Until the C++ call has its weights, where it is to have any."""
        self._begin_packing()
        if self._packing is not None:
            self._packing.join()

    def _begin_packing(self) -> None:
        """In a thread of its own: it takes as long as many steps."""
        kernels, weights = self._facts.native(), self._weights
        if kernels is None or weights is None:
            return
        self._weights = None
        stages = [MlpStageWeights(*one) for one in weights.stages()]
        is_wide = self._facts.dtype == torch.float64
        if self._facts.device.type != "cpu" or is_wide or not suits(stages):
            return

        def pack() -> None:
            try:
                self._native = self._pack(kernels, stages)
            except Exception:  # at the edge of a thread: proposals stay in torch
                logger.exception("the weights of an MLP speculator cannot be packed")
                return
            self._model = None

        self._packing = threading.Thread(target=pack, name="mlp-kernels", daemon=True)
        self._packing.start()

    def _pack(self, kernels: NativeKernels, stages: Sequence[MlpStageWeights]) -> NativeMlp:
        config = self._config
        shape = MlpShape(
            widths=config.top_k_tokens_per_head,
            num_branches=self._max_branches,
            num_candidates=config.n_candidates,
            is_scaled=config.scale_input,
            state_weight=config.state_weight,
            token_weight=config.token_weight,
            least_survival=LEAST_SURVIVAL,
        )
        dtype = torch.float32 if stages[0].head.dtype == torch.float32 else torch.bfloat16
        return NativeMlp(kernels, stages, shape, dtype, self._draft_ids)

    def _expansion(self, model: MlpModel, hidden: torch.Tensor, last_ids: torch.Tensor) -> Expand:
        """How a proposal runs in torch: recorded, where the target's steps are."""
        expand = partial(self._expand, model)
        record = self._facts.record
        if record is None:
            return expand
        if self._recorded is None:
            self._recorded = RecordedExpansion(expand, record, hidden, last_ids)
        return self._recorded

    def _expand(
        self,
        model: MlpModel,
        hidden: torch.Tensor,  # [B, W]
        last_ids: torch.Tensor,  # [B]
        depth: int,
    ) -> Levels:
        """Run `depth` stages; the likeliest branches of each live on, the last being candidates."""
        state, levels = model.first_state(hidden), list[Branches]()
        ids, log_probs = last_ids[:, None], torch.zeros_like(last_ids[:, None]).double()
        for stage in range(depth):
            width = self._config.top_k_tokens_per_head[stage]
            state, best = model.advance(stage, state, ids, width)
            is_last = stage == depth - 1
            limit = self._config.n_candidates if is_last else self._max_branches
            shape = *log_probs.shape, best.token_ids.shape[1]
            level = grow_branches(
                best.token_ids.view(shape), best.log_probs.view(shape), log_probs, limit
            )
            levels.append(level)
            ids, log_probs = level.token_ids, level.log_probs
            if not is_last:
                places = level.parents[..., None].expand(-1, -1, state.shape[2])
                state = state.gather(1, places)
        return _flat(levels)


def _flat(levels: list[Branches]) -> Levels:
    # As float64, which holds ids exactly, so that all comes to the host in one copy.
    columns = [
        torch.cat([level.token_ids for level in levels], 1).double(),
        torch.cat([level.parents for level in levels], 1).double(),
        torch.cat([level.log_probs for level in levels], 1),
    ]
    return Levels(torch.stack(columns, 1), tuple(level.parents.shape[1] for level in levels))


def _tree(
    sizes: tuple[int, ...], ids: list[float], parents: list[float], log_probs: list[float]
) -> Tree:
    """One request's nodes on the paths that live to the end."""
    first, alive = len(ids) - sizes[-1], set(range(len(ids) - sizes[-1], len(ids)))
    parent_of: dict[int, int] = {}
    for size_above in sizes[-2::-1]:
        first -= size_above
        parent_of |= {node: first + int(parents[node]) for node in alive}
        alive = {parent_of[node] for node in alive}
    parent_of |= dict.fromkeys(alive, -1)
    nodes = sorted(parent_of)
    places = {-1: -1} | {node: place for place, node in enumerate(nodes)}
    return (
        [int(ids[node]) for node in nodes],
        [places[parent_of[node]] for node in nodes],
        [log_probs[node] for node in nodes],
    )
