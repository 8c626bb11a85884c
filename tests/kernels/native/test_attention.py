"""The C++ attention against the truth, on the odd sizes."""

import pytest
import torch

from kernels import reference
from kernels.native.attention import NativeKernels
from tests.kernels.test_paged_attention import BLOCK

# bfloat16 keeps 8 bits; float32 sums are taken in another order.
TOLERANCES = {torch.float32: 1e-5, torch.bfloat16: 2e-2, torch.float64: 1e-12}
DTYPES = pytest.mark.parametrize("dtype", TOLERANCES, ids=str)


def close(ours: torch.Tensor, truth: torch.Tensor, dtype: torch.dtype) -> None:
    tolerance = TOLERANCES[dtype]
    torch.testing.assert_close(ours, truth, atol=tolerance, rtol=tolerance)


@DTYPES
@pytest.mark.parametrize("is_tree", [False, True])
def test_attention_over_ragged_rows(
    kernels: NativeKernels, dtype: torch.dtype, is_tree: bool
) -> None:
    generator = torch.Generator().manual_seed(4)
    rows, contexts = [1, 5, 9, 1, 30], [1, 90, 9, 400, 33]
    needed = [-(-context // BLOCK) for context in contexts]
    tables = torch.zeros(5, max(needed), dtype=torch.long)
    blocks = torch.split(torch.randperm(sum(needed), generator=generator), needed)
    for row, own in zip(tables, blocks, strict=True):
        row[: len(own)] = own
    query = torch.randn(sum(rows), 6, 48, generator=generator).to(dtype)
    cache = torch.randn(2, sum(needed), BLOCK, 2, 48, generator=generator).to(dtype)
    starts, lens = torch.tensor([0, *rows]).cumsum(0), torch.tensor(contexts)
    ancestors = None
    if is_tree:  # each row sees itself and every second row before it
        bits = [sum(1 << j for j in range(i % 2, i + 1, 2)) for count in rows for i in range(count)]
        ancestors = torch.tensor(bits)
    output = torch.full_like(query, float("nan"))
    members = torch.tensor([0, 1, 2, 4])

    kernels.paged_attention(query, cache, tables, starts, lens, members, 0.2, ancestors, output)

    truth = reference.paged_attention(query, cache, tables, starts, lens, 0.2, ancestors)
    assert output[15:16].isnan().all(), "sequence 3 was not asked for"
    close(output[[*range(15), *range(16, 46)]], truth[[*range(15), *range(16, 46)]], dtype)
