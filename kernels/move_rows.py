"""Move the keys and values of accepted rows to the slots of their positions.

A tree of drafts is computed in scratch slots; the accepted path then closes up behind the known
tokens. Rows only ever move towards the front, so sources ascend and none is overwritten before it
is read, were they moved one by one in order.

Cost: memory bound, 4·M·L·G·D elements moved; M is at most the depth of the tree.
"""

import torch

from kernels import reference


def move_rows(
    cache: torch.Tensor,  # [L, 2, N, S, G, D], changed in place
    sources: torch.Tensor,  # [M] int64 slots
    targets: torch.Tensor,  # [M] int64 slots
) -> None:
    """Copy slot `sources[i]` to slot `targets[i]` in every layer, as `reference.move_rows`."""
    if cache.is_cuda:
        reference.move_rows(cache, sources, targets)
    else:
        _move_on_cpu(cache, sources, targets)


def _move_on_cpu(cache: torch.Tensor, sources: torch.Tensor, targets: torch.Tensor) -> None:
    # index_select copies whole rows; indexing by a tensor goes by element.
    flat = cache.view(cache.shape[0] * 2, cache.shape[2] * cache.shape[3], -1)
    flat.index_copy_(1, targets, flat.index_select(1, sources))


__all__ = ["move_rows", "reference"]
