"""The best tokens of a head in C++, against torch on the same rounded weights."""

import pytest
import torch

from kernels.native.attention import NativeKernels
from kernels.native.head import NativeHead


@pytest.mark.parametrize("rows, vocabulary, width", [(1, 97, 16), (5, 8192, 130), (33, 1000, 64)])
def test_the_best_are_found_with_their_log_sum(
    kernels: NativeKernels, rows: int, vocabulary: int, width: int
) -> None:
    generator = torch.Generator().manual_seed(rows)
    weight = torch.randn(vocabulary, width, generator=generator)
    x = torch.randn(rows, width, generator=generator)
    scales = weight.abs().amax(1, keepdim=True) / 127
    expected = x @ ((weight / scales).round() * scales).T

    ids, values, log_sums = NativeHead(kernels, weight).best(x, 6)

    torch.testing.assert_close(values, expected.topk(6).values, atol=0.02, rtol=0.0)
    torch.testing.assert_close(values, expected.gather(1, ids), atol=0.02, rtol=0.0)
    torch.testing.assert_close(log_sums, expected.logsumexp(1), atol=0.02, rtol=0.0)
    assert (values.diff(dim=1) <= 0).all()
    assert all(len(set(row)) == 6 for row in ids.tolist())


def test_equal_values_go_to_the_first(kernels: NativeKernels) -> None:
    weight = torch.ones(40, 16)

    ids, _, log_sums = NativeHead(kernels, weight).best(torch.ones(1, 16), 3)

    assert ids.tolist() == [[0, 1, 2]]
    assert log_sums.item() == pytest.approx(16 + torch.tensor(40.0).log().item(), abs=0.02)
