"""The likeliest continuations, against a sort of all of them."""

import pytest
import torch

from kernels import reference_speculator as reference
from kernels.dispatch import interpreted
from kernels.grow_branches import grow_branches


@pytest.mark.parametrize("requests, branches, width", [(1, 1, 1), (1, 1, 6), (3, 5, 3), (2, 7, 4)])
@pytest.mark.parametrize("limit", [1, 5])
@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_kernel_keeps_what_the_reference_keeps(
    requests: int, branches: int, width: int, limit: int, dtype: torch.dtype
) -> None:
    generator = torch.Generator().manual_seed(0)
    shape = requests, branches, width
    ids = torch.randint(9999, shape, generator=generator)
    log_probs = -torch.rand(shape, generator=generator).to(dtype)
    paths = -torch.rand(requests, branches, generator=generator, dtype=torch.float64)

    with interpreted():
        kept = grow_branches(ids, log_probs, paths, limit)

    expected = reference.grow_branches(ids, log_probs, paths, limit)
    assert torch.equal(kept.token_ids, expected.token_ids)
    assert torch.equal(kept.parents, expected.parents)
    assert torch.equal(kept.log_probs, expected.log_probs)


def test_of_equal_paths_the_first_lives() -> None:
    ids = torch.arange(6).view(1, 2, 3)

    with interpreted():
        kept = grow_branches(ids, torch.zeros(1, 2, 3), torch.zeros(1, 2).double(), 4)

    assert kept.token_ids.tolist() == [[0, 1, 2, 3]]
    assert kept.parents.tolist() == [[0, 0, 0, 1]]
