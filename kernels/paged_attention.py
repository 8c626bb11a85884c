"""Attention over the paged cache; prefill, decode and verify differ in their row counts only.

On a GPU all of it is one Triton kernel. On the CPU short query runs (decode and verify rows) go
through the C++ kernel, which reads every key once per (sequence, key/value head) where it lies;
without it, and for long runs (prefill chunks), through torch's fused attention.
"""

import torch

from kernels import attention_tiles, reference
from kernels.attention_on_cpu import attend_long, attend_short
from kernels.attention_plan import SHORT_ROWS, AttentionPlan, plan_attention
from kernels.attention_tiles import Scores
from kernels.dispatch import runs_triton
from kernels.native.attention import suits


def paged_attention(
    query: torch.Tensor,  # [T, H, D]
    cache: torch.Tensor,  # [2, N, S, G, D]; a packed type: packed rows
    plan: AttentionPlan,
    scale: float,
    window: int | None = None,
    softcap: float | None = None,
    sinks: torch.Tensor | None = None,  # [H]
) -> torch.Tensor:  # [T, H, D]
    """Attention of every row of the step over its sequence; see `reference.paged_attention`.

    A window costs nothing until a context outgrows it.
    """
    if window is not None and window >= plan.longest:
        window = None
    if runs_triton(query):
        return attention_tiles.launch(query, cache, plan, Scores(scale, window, softcap, sinks))
    return _attend_on_cpu(query, cache, plan, Scores(scale, window, softcap, sinks))


def _attend_on_cpu(
    query: torch.Tensor, cache: torch.Tensor, plan: AttentionPlan, scores: Scores
) -> torch.Tensor:
    # Capped scores, sinks, and trees in a window are rare enough for the reference.
    is_rare = scores.softcap is not None or scores.sinks is not None
    if is_rare or (scores.window is not None and plan.ancestors is not None):
        return reference.paged_attention(
            query,
            cache,
            plan.block_tables,
            plan.query_starts,
            plan.context_lens,
            scores.scale,
            plan.ancestors,
            scores.window,
            scores.softcap,
            scores.sinks,
        )
    output = torch.empty_like(query)
    can_read = cache.dtype == query.dtype and suits(query)  # the C++ kernel reads no packed rows
    if plan.short.numel() and plan.native is not None and scores.window is None and can_read:
        plan.native.paged_attention(
            query,
            cache,
            plan.block_tables,
            plan.query_starts,
            plan.context_lens,
            plan.short,
            scores.scale,
            plan.ancestors,
            output,
        )
    elif plan.short.numel():
        attend_short(query, cache, plan.padded, scores.scale, scores.window, output)
    for run in plan.long:
        attend_long(query, cache, run, scores.scale, scores.window, output)
    return output


__all__ = ["SHORT_ROWS", "AttentionPlan", "paged_attention", "plan_attention"]
