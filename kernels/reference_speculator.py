"""The truth of an MLP speculator's step in plain torch: R branches, I inner width, V vocabulary."""

from dataclasses import dataclass

import torch
from torch.nn import functional

GROUP = 64
"""Columns of a head that share a scale."""
HALVES = 2 * GROUP
"""Columns whose halves share bytes."""


@dataclass(frozen=True)
class Mixture:
    """What a stage mixes its state with, and the norm behind it."""

    embedding: torch.Tensor  # [V, I]
    scale: torch.Tensor  # [I]
    shift: torch.Tensor  # [I]
    state_weight: float
    token_weight: float
    eps: float


@dataclass(frozen=True)
class PackedHead:
    """A head in 4 bits a weight, -7 to 7 times a scale for each group of columns.

    Of each 128 columns, padded with zeros, byte j holds column j in its lower half and column
    64 + j in its upper one, both 8 higher than they are.
    """

    nibbles: torch.Tensor  # [V, W / 2] uint8
    scales: torch.Tensor  # [V, W / GROUP] bfloat16
    width: int
    """Columns before padding."""


@dataclass(frozen=True)
class Branches:
    """The branches that live behind a stage, likeliest first."""

    token_ids: torch.Tensor  # [B, L] int64
    parents: torch.Tensor  # [B, L] int64, places among the branches before
    log_probs: torch.Tensor  # [B, L] float64, of the paths


def mlp_state(
    projected: torch.Tensor,  # [R, I]
    token_ids: torch.Tensor,  # [R] int64
    mixture: Mixture,
) -> torch.Tensor:  # [R, I]
    """The state behind each branch: the mix of its projected state and its token, normed, GELU."""
    mixed = functional.embedding(token_ids, mixture.embedding).to(projected.dtype)
    mixed = mixed.mul_(mixture.token_weight).add_(projected, alpha=mixture.state_weight)
    normed = functional.rms_norm(mixed, mixed.shape[-1:], eps=mixture.eps)
    return functional.gelu(torch.addcmul(mixture.shift, normed, mixture.scale))


def pack_head(
    weight: torch.Tensor,  # [V, W]
) -> PackedHead:
    """Round every weight to the nearest of 15 steps of its group."""
    vocab, width = weight.shape
    padded = functional.pad(weight.float(), (0, -width % HALVES))
    groups = padded.view(vocab, -1, GROUP)
    scales = (groups.abs().amax(-1, keepdim=True) / 7).to(torch.bfloat16)
    steps = groups / torch.where(scales > 0, scales.float(), 1.0)
    codes = (steps.round().clamp(-7, 7) + 8).to(torch.uint8).view(vocab, -1, 2, GROUP)
    nibbles = codes[:, :, 0] | codes[:, :, 1] << 4
    return PackedHead(nibbles.flatten(1).contiguous(), scales.squeeze(-1).contiguous(), width)


def unpack_head(head: PackedHead) -> torch.Tensor:  # [V, W] float32
    """The weights that a packed head stands for."""
    vocab = head.nibbles.shape[0]
    bytes_ = head.nibbles.view(vocab, -1, 1, GROUP)
    codes = torch.cat([bytes_ & 15, bytes_ >> 4], 2).float() - 8
    weight = codes.flatten(1, 2) * head.scales.float()[..., None]
    return weight.flatten(1)[:, : head.width]


def head_top_k(
    x: torch.Tensor,  # [R, W]
    head: PackedHead,
    num_best: int,
) -> tuple[torch.Tensor, torch.Tensor]:  # [R, K] int64, [R, K] float32
    """The likeliest tokens of each row, best first, and their log-probabilities."""
    logits = x.float() @ unpack_head(head).T
    values, ids = logits.topk(num_best)
    return ids, values - logits.logsumexp(-1, keepdim=True)


def grow_branches(
    token_ids: torch.Tensor,  # [B, L, K] int64
    log_probs: torch.Tensor,  # [B, L, K], of the tokens behind their branches
    paths: torch.Tensor,  # [B, L] float64, of the branches
    limit: int,
) -> Branches:
    """The `limit` likeliest of all continuations of all branches, or all there are."""
    width = token_ids.shape[2]
    grown = (paths[..., None] + log_probs).flatten(1)  # [B, L K]
    kept_probs, kept = grown.topk(min(limit, grown.shape[1]))
    ids = token_ids.flatten(1).gather(1, kept)
    return Branches(ids, kept.div(width, rounding_mode="floor"), kept_probs)
