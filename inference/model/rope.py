"""Rotary positions: the frequencies of every scaling that a table of fixed angles can hold.

Angles are computed in float32 as transformers does, so that long contexts see the angles the model
was trained with.
"""

import importlib
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import torch

from kernels.reference import Angles

DEFAULT_BASE = 10_000.0
FIRST_LEN = 4096
FIXED_KINDS = {"default", "linear", "dynamic", "yarn", "longrope", "llama3"}


@dataclass(frozen=True)
class Rope:
    """Frequencies of each rotated pair, and what cosines and sines are multiplied by."""

    inverse_frequencies: tuple[float, ...]
    magnitude: float
    max_len: int
    """Positions up to which the angles hold: dynamic and longrope change theirs beyond, also those
    of tokens long computed, which no cache of keys can follow."""


def read_rope(raw: Mapping[str, Any], head_dim: int) -> Rope | None:
    """The rotary part of a `config.json`; None if it rotates parts of heads, or not as we can."""
    # Files of transformers 4 call it rope_scaling and keep the base outside.
    parameters = dict(raw.get("rope_parameters") or raw.get("rope_scaling") or {})
    kind = parameters.setdefault("rope_type", parameters.get("type", "default"))
    base = parameters.setdefault("rope_theta", raw.get("rope_theta") or DEFAULT_BASE)
    longest = int(raw["max_position_embeddings"])
    partial = parameters.get("partial_rotary_factor", raw.get("partial_rotary_factor"))
    if kind not in FIXED_KINDS or partial not in (None, 1, 1.0):
        return None
    if kind == "default":
        frequencies = 1.0 / base ** (torch.arange(0, head_dim, 2, dtype=torch.float) / head_dim)
        return Rope(tuple(frequencies.tolist()), 1.0, longest)
    parameters["original_max_position_embeddings"] = raw.get(
        "original_max_position_embeddings"
    ) or parameters.get("original_max_position_embeddings", longest)
    shape = _Shape(parameters, head_dim, longest, raw["hidden_size"], raw["num_attention_heads"])
    # Loaded only now: most checkpoints need none of it, and it takes half a second.
    known = importlib.import_module("transformers.modeling_rope_utils").ROPE_INIT_FUNCTIONS
    frequencies, magnitude = known[kind](shape)
    if kind == "longrope":
        longest = min(longest, int(parameters["original_max_position_embeddings"]))
    return Rope(tuple(frequencies.tolist()), float(magnitude), longest)


class RotaryTable:
    """Cosines and sines of every position that was ever covered.

    It grows by doubling: the whole length of a model made for a million positions would take
    hundreds of MB, and most engines never hold one so long.
    """

    def __init__(self, rope: Rope, dtype: torch.dtype, device: torch.device) -> None:
        self._rope, self._dtype, self._device = rope, dtype, device
        self._fill(min(rope.max_len, FIRST_LEN))

    def cover(self, length: int) -> None:
        """Make sure of all positions below `length`; beyond the model's own length lie none."""
        length = min(length, self._rope.max_len)
        if length > self.cos.shape[0]:
            self._fill(min(self._rope.max_len, 1 << (length - 1).bit_length()))

    def angles(self, positions: torch.Tensor) -> Angles:
        """The table, and where in it rows of these positions [T] read."""
        return Angles(self.cos, self.sin, positions)

    def at(self, positions: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        """Cosines and sines [T, D / 2] of these positions."""
        return self.cos[positions], self.sin[positions]

    def _fill(self, length: int) -> None:
        frequencies = torch.tensor(self._rope.inverse_frequencies, dtype=torch.float)
        angles = torch.outer(torch.arange(length, dtype=torch.float), frequencies)
        magnitude, target = self._rope.magnitude, (self._device, self._dtype)
        self.cos = (angles.cos() * magnitude).to(*target)  # [length, D / 2]
        self.sin = (angles.sin() * magnitude).to(*target)  # [length, D / 2]


@dataclass
class _Shape:
    """What transformers' functions read of its own configuration objects."""

    rope_parameters: dict[str, Any]
    head_dim: int
    max_position_embeddings: int
    hidden_size: int
    num_attention_heads: int

    def standardize_rope_params(self) -> None:
        """Nothing is left to do."""
