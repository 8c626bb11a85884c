import math

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from kernels import reference
from kernels.native.attention import NativeKernels
from kernels.paged_attention import SHORT_ROWS, paged_attention, plan_attention

BLOCK = 4


@st.composite
def ragged(draw: st.DrawFn) -> dict[str, torch.Tensor]:
    """Sequences with 1 to 40 rows at the end of 1 to 90 tokens, on shuffled blocks of 4."""
    rows = draw(st.lists(st.integers(1, 40), min_size=1, max_size=6))
    contexts = [count + draw(st.integers(0, 50)) for count in rows]
    fold, groups = draw(st.sampled_from([1, 2, 3])), draw(st.sampled_from([1, 2]))
    generator = torch.Generator().manual_seed(draw(st.integers(0, 1 << 30)))
    needed = [-(-context // BLOCK) for context in contexts]
    blocks = torch.split(torch.randperm(sum(needed), generator=generator), needed)
    tables = torch.zeros(len(rows), max(needed), dtype=torch.long)
    for row, own in zip(tables, blocks, strict=True):
        row[: len(own)] = own
    random = torch.randn
    return {
        "query": random(sum(rows), fold * groups, 16, generator=generator, dtype=torch.float64),
        "cache": random(
            2, sum(needed), BLOCK, groups, 16, generator=generator, dtype=torch.float64
        ),
        "tables": tables,
        "starts": torch.tensor([0, *rows]).cumsum(0),
        "contexts": torch.tensor(contexts),
    }


@settings(max_examples=80, deadline=None)
@given(case=ragged(), window=st.sampled_from([None, 1, 5, 33, 90]), is_native=st.booleans())
def test_cpu_path_attends_as_the_reference(
    kernels: NativeKernels, case: dict[str, torch.Tensor], window: int | None, is_native: bool
) -> None:
    native = kernels if is_native else None
    plan = plan_attention(case["tables"], case["starts"], case["contexts"], BLOCK, native=native)

    attended = paged_attention(case["query"], case["cache"], plan, 0.3, window)

    expected = reference.paged_attention(
        case["query"],
        case["cache"],
        case["tables"],
        case["starts"],
        case["contexts"],
        0.3,
        window=window,
    )
    torch.testing.assert_close(attended, expected, atol=1e-12, rtol=1e-12)


@pytest.mark.parametrize("softcap", [None, 2.0])
@pytest.mark.parametrize("sink", [None, 0.5])
def test_windows_caps_and_sinks_are_those_of_the_plain_formula(
    softcap: float | None, sink: float | None
) -> None:
    generator = torch.Generator().manual_seed(0)
    query = torch.randn(6, 1, 8, generator=generator, dtype=torch.float64)
    cache = torch.randn(2, 2, BLOCK, 1, 8, generator=generator, dtype=torch.float64)
    plan = plan_attention(torch.tensor([[1, 0]]), torch.tensor([0, 6]), torch.tensor([7]), BLOCK)
    sinks = None if sink is None else torch.tensor([sink], dtype=torch.float64)

    attended = paged_attention(query, cache, plan, 0.7, 3, softcap, sinks)

    key, value = cache[:, [1, 0]].flatten(1, 3)[:, :7]
    for row in range(6):
        seen = slice(max(0, row + 1 - 2), row + 2)  # row i stands at position i + 1
        scores = key[seen] @ query[row, 0] * 0.7
        if softcap is not None:
            scores = softcap * torch.tanh(scores / softcap)
        weights = scores.exp()
        weights = weights / (weights.sum() + (0.0 if sink is None else math.exp(sink)))
        expected = weights @ value[seen]
        torch.testing.assert_close(attended[row, 0], expected, atol=1e-12, rtol=1e-12)


def test_a_tree_in_a_window_sees_by_depth() -> None:
    generator = torch.Generator().manual_seed(0)
    cache = torch.randn(2, 3, BLOCK, 1, 8, generator=generator, dtype=torch.float64)
    query = torch.randn(3, 1, 8, generator=generator, dtype=torch.float64)
    table, starts, contexts = torch.tensor([[2, 0, 1]]), torch.tensor([0, 3]), torch.tensor([9])
    # Rows 1 and 2 are both children of row 0: both stand at position 7, whatever their slots.
    ancestors = torch.tensor([0b001, 0b011, 0b101])

    plan = plan_attention(table, starts, contexts, BLOCK, ancestors)
    attended = paged_attention(query, cache, plan, 1.0, window=4)

    flat = cache[:, [2, 0, 1]].flatten(1, 3)
    for row, seen in enumerate([[3, 4, 5, 6], [4, 5, 6, 7], [4, 5, 6, 8]]):
        key, value = flat[:, seen]
        expected = (key @ query[row, 0]).softmax(0) @ value
        torch.testing.assert_close(attended[row, 0], expected, atol=1e-12, rtol=1e-12)


@pytest.mark.parametrize("rows", [5, SHORT_ROWS + 4])
def test_a_tree_of_rows_sees_only_its_ancestors(rows: int) -> None:
    generator = torch.Generator().manual_seed(0)
    parents = [-1, *(int(torch.randint(0, i, (1,), generator=generator)) for i in range(1, rows))]
    bits: list[int] = []
    for row, parent in enumerate(parents):
        bits.append((bits[parent] if parent >= 0 else 0) | 1 << row)
    context = rows + 10
    query = torch.randn(rows, 4, 8, generator=generator, dtype=torch.float64)
    cache = torch.randn(2, 10, BLOCK, 2, 8, generator=generator, dtype=torch.float64)
    table = torch.randperm(10, generator=generator)[None]
    ancestors = torch.tensor(bits)
    starts, contexts = torch.tensor([0, rows]), torch.tensor([context])

    plan = plan_attention(table, starts, contexts, BLOCK, ancestors)
    attended = paged_attention(query, cache, plan, 0.4)

    expected = reference.paged_attention(query, cache, table, starts, contexts, 0.4, ancestors)
    torch.testing.assert_close(attended, expected, atol=1e-12, rtol=1e-12)
    # The deepest row alone, over a plain chain of its ancestors, sees the same.
    path = [row for row in range(rows) if bits[-1] >> row & 1]
    flat = cache[:, table[0]].flatten(1, 2)
    chain = torch.cat([flat[:, :10], flat[:, [10 + row for row in path]]], 1)
    alone = reference.paged_attention(
        query[-1:],
        chain[:, :, None].transpose(1, 2).reshape(2, 1, -1, 2, 8),
        torch.zeros(1, 1, dtype=torch.long),
        torch.tensor([0, 1]),
        torch.tensor([chain.shape[1]]),
        0.4,
    )
    torch.testing.assert_close(attended[-1:], alone, atol=1e-12, rtol=1e-12)


def test_nothing_beyond_the_context_is_read() -> None:
    cache = torch.randn(2, 3, BLOCK, 1, 8)
    table, starts = torch.tensor([[0, 1, 2]]), torch.tensor([0, 1])
    query = torch.randn(1, 2, 8)
    plan = plan_attention(table, starts, torch.tensor([6]), BLOCK)
    before = paged_attention(query, cache, plan, 1.0)

    cache.flatten(1, 2)[:, 6:] = 1e30

    after = paged_attention(query, cache, plan, 1.0)
    torch.testing.assert_close(after, before, atol=0, rtol=0)
