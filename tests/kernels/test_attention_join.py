"""Parts of a context joined: as `reference.paged_attention` over the whole of it would have it."""

import pytest
import torch

from kernels import attention_join


@pytest.mark.parametrize("num_splits, width", [(2, 16), (5, 80), (33, 20)])
def test_parts_join_to_the_softmax_of_the_whole(num_splits: int, width: int) -> None:
    generator = torch.Generator().manual_seed(0)
    rows, heads, keys = 3, 2, 4
    shape = num_splits, rows, heads
    scores = torch.randn(*shape, keys, generator=generator, dtype=torch.float64) * 40
    values = torch.randn(num_splits, keys, width, generator=generator, dtype=torch.float64)
    greatest = scores.amax(-1)
    shares = torch.exp2(scores - greatest[..., None])
    partial = torch.einsum("pthk,pkd->pthd", shares, values)
    sums = torch.stack([greatest, shares.sum(-1)])
    empty = num_splits // 2
    sums[0, empty, 0], sums[1, empty, 0], partial[empty, 0] = float("-inf"), 0, float("nan")
    scores[empty, 0] = float("-inf")

    output = torch.full((rows, heads, width), float("nan"), dtype=torch.float64)
    attention_join.launch(partial, sums, output)

    whole = (scores.movedim(0, 2).flatten(2) * 0.6931471805599453).softmax(-1)
    expected = torch.einsum("thk,kd->thd", whole, values.flatten(0, 1))
    torch.testing.assert_close(output, expected, atol=1e-12, rtol=1e-12)
