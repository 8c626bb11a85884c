"""Medusa: heads that each guess one place further, independently of one another.

Cai et al., "Medusa: Simple LLM Inference Acceleration Framework with Multiple Decoding Heads"
(arXiv 2401.10774). The tree is static: its nodes are ranks, which a step fills with the tokens of
these ranks. Medusa's own acceptance rule changes the output, so it is not here: verification is
the same as for every other speculator.
"""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import torch
from torch.nn import functional

from inference.model.layers import Linear
from inference.speculation.base import (
    Draft,
    DraftRequest,
    Features,
    FeatureWish,
    Outcome,
    TargetFacts,
)
from inference.speculation.candidates import DrawnStates, check_fit, likeliest_tree
from inference.speculation.medusa_format import (
    Choices,
    MedusaConfig,
    MedusaHead,
    MedusaWeights,
    is_medusa,
    load_medusa,
)
from inference.speculation.vocabulary_head import Best, VocabularyHead


def matches(folder: Path, config: Mapping[str, Any]) -> bool:
    """Whether the folder, whose config.json is `config`, holds Medusa heads."""
    return is_medusa(folder, config)


def load(folder: Path, facts: TargetFacts) -> "MedusaSpeculator":
    """The Medusa heads of a folder.

    Raises:
        ModelLoadError: they are broken, or made for another width or vocabulary.
    """
    weights, config = load_medusa(folder)
    check_fit(folder, "hidden states of width", config.hidden_size, facts.hidden_size)
    check_fit(folder, "a vocabulary of size", config.vocab_size, facts.vocab_size)
    return MedusaSpeculator(weights, config, facts)


class MedusaSpeculator:
    """Drafts the static tree, or its likeliest nodes where there is less room."""

    name = "medusa"
    wants = FeatureWish(hidden=True, only_latest=True)

    def __init__(
        self,
        weights: MedusaWeights,
        config: MedusaConfig,
        facts: TargetFacts,
    ) -> None:
        device = facts.device
        self._heads = [_Head(one, facts) for one in weights.heads]
        self._token_map = None if weights.token_map is None else weights.token_map.to(device)
        num_rows = weights.heads[0].output.shape[0]
        self._tree = _StaticTree(config.choices, len(self._heads), num_rows, device)
        self._states = DrawnStates()

    @torch.inference_mode()
    def propose(self, requests: Sequence[DraftRequest]) -> list[Draft]:
        """The tree behind each request's last token; empty before its first."""
        drafts = [Draft()] * len(requests)
        ready = self._states.ready(requests)
        if not ready:
            return drafts
        ids, log_probs = self._guess(torch.stack(list(ready.values())))
        rows = self._tree.fill(ids, log_probs)
        for index, (token_ids, paths) in zip(ready, rows, strict=True):
            room = requests[index].room
            drafts[index] = likeliest_tree(token_ids, self._tree.parents, paths, room)
        return drafts

    def observe(self, outcomes: Sequence[Outcome], features: Features) -> None:
        """Remember the state that each request's last token was drawn from."""
        self._states.observe(outcomes, features.hidden)

    def forget(self, request_id: str) -> None:
        """Drop the request's state."""
        self._states.forget(request_id)

    def _guess(
        self,
        hidden: torch.Tensor,  # [B, W]
    ) -> tuple[torch.Tensor, torch.Tensor]:  # both [B, H, R]
        """Of each head that the tree needs, the likeliest tokens with their log-probabilities."""
        guesses = []
        for head in self._heads[: self._tree.depth]:
            best = head.best(hidden, self._tree.width)
            guesses.append((best.token_ids, best.log_probs))
        ids, log_probs = (torch.stack(one, 1) for one in zip(*guesses, strict=True))
        return ids if self._token_map is None else self._token_map[ids], log_probs


class _Head:
    def __init__(self, weights: MedusaHead, facts: TargetFacts) -> None:
        dtype, device = facts.wide_dtype, facts.device
        self._dtype = dtype
        self._blocks = [
            Linear(
                block.weight.to(device, dtype),
                None if block.bias is None else block.bias.to(device, dtype),
            )
            for block in weights.blocks
        ]
        self._output = VocabularyHead(weights.output, facts)

    def best(self, x: torch.Tensor, num_best: int) -> Best:  # x: [B, W]
        x = x.to(self._dtype)
        for block in self._blocks:
            x = x + functional.silu(block(x))
        return self._output.best(x, num_best)


class _StaticTree:
    """The nodes that the heads can fill, parents before children."""

    def __init__(
        self, choices: Choices, num_heads: int, num_tokens: int, device: torch.device
    ) -> None:
        paths = sorted(
            (path for path in choices if len(path) <= num_heads and max(path) < num_tokens),
            key=len,
        )
        places = {path: place for place, path in enumerate(paths)}
        self.depth = max(map(len, paths))
        self.width = 1 + max(map(max, paths))
        self.parents = [places.get(path[:-1], -1) for path in paths]
        ranks = [self.width * (len(path) - 1) + path[-1] for path in paths]
        self._ranks = torch.tensor(ranks, device=device)  # [N] into H * R
        self._is_above = torch.zeros(len(paths), len(paths), dtype=torch.float64, device=device)
        for place, path in enumerate(paths):
            for depth in range(len(path)):
                self._is_above[places[path[: depth + 1]], place] = 1.0

    def fill(
        self,
        ids: torch.Tensor,  # [B, H, R]
        log_probs: torch.Tensor,  # [B, H, R]
    ) -> list[tuple[list[int], list[float]]]:
        """For each request the nodes' tokens and the log-probabilities of their paths."""
        tokens = ids.flatten(1)[:, self._ranks]
        paths = log_probs.flatten(1)[:, self._ranks].double() @ self._is_above
        # Ids as float64, which holds them exactly, so that all comes to the host in one copy.
        rows = torch.stack([tokens.double(), paths], 1).tolist()
        return [([int(one) for one in row[0]], row[1]) for row in rows]
