"""Packed rows: bytes and a scale, wherever keys and values are stored, moved or read."""

import math
from collections.abc import Callable

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from kernels import reference, store_kv
from kernels.move_rows import move_rows
from kernels.native.attention import NativeKernels
from kernels.paged_attention import paged_attention, plan_attention
from kernels.reference import SCALE_BYTES, pack_rows, unpack_rows

BLOCK = 4
Store = Callable[[torch.Tensor, torch.Tensor, torch.Tensor, torch.Tensor], None]


@settings(max_examples=100, deadline=None)
@given(
    width=st.integers(1, 33),
    size=st.floats(1e-20, 1e20),
    dtype=st.sampled_from([torch.float64, torch.float32, torch.bfloat16]),
    seed=st.integers(0, 1 << 30),
)
def test_an_element_is_off_by_half_a_step_at_most(
    width: int, size: float, dtype: torch.dtype, seed: int
) -> None:
    generator = torch.Generator().manual_seed(seed)
    x = (torch.randn(3, 2, width, generator=generator, dtype=torch.float64) * size).to(dtype)

    packed = pack_rows(x)
    read = unpack_rows(packed, torch.float64)

    assert packed.shape == (3, 2, width + SCALE_BYTES)
    step = x.double().abs().amax(-1, keepdim=True) / 127
    assert bool(((read - x.double()).abs() <= step * (0.5 + 1e-4)).all())
    torch.testing.assert_close(unpack_rows(pack_rows(-x), torch.float64), -read, atol=0, rtol=0)


def test_zeros_stay_zeros_and_the_largest_is_hit() -> None:
    x = torch.tensor([[0.0, 0.0, 0.0], [0.0, -2.0, 0.25]])

    read = unpack_rows(pack_rows(x), torch.float32)

    assert read[0].tolist() == [0, 0, 0]
    assert read[1, 0] == 0
    assert math.isclose(read[1, 1], -2.0, rel_tol=1e-6)
    assert not unpack_rows(torch.zeros(5, 3 + SCALE_BYTES, dtype=torch.int8), torch.float32).any()


@pytest.mark.parametrize("bad", [float("nan"), float("inf"), float("-inf")])
def test_what_is_not_a_number_is_not_one_when_it_is_read(bad: float) -> None:
    x = torch.tensor([[1.0, bad, 2.0], [1.0, 2.0, 3.0]])

    read = unpack_rows(pack_rows(x), torch.float32)

    assert not read[0].isfinite().any()
    assert read[1].isfinite().all()


@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16])
@pytest.mark.parametrize("store", [reference.store_kv, store_kv.store_kv, store_kv.launch])
def test_rows_are_packed_when_they_are_stored(store: Store, dtype: torch.dtype) -> None:
    whole = torch.randn(9, 6, 20, generator=torch.Generator().manual_seed(0)).to(dtype)
    key, value = whole[:, :2], whole[:, 2:4]  # rows apart, as in fused qkv
    slots = torch.randperm(16)[:9]
    cache = torch.zeros(2, 4, BLOCK, 2, 20 + SCALE_BYTES, dtype=torch.int8)

    store(key, value, cache, slots)

    flat = cache.view(2, 16, 2, -1)
    torch.testing.assert_close(flat[0, slots], pack_rows(key), atol=0, rtol=0)
    torch.testing.assert_close(flat[1, slots], pack_rows(value), atol=0, rtol=0)
    assert cache.count_nonzero() == flat[:, slots].count_nonzero()


def test_packed_rows_move_with_their_scales() -> None:
    cache = pack_rows(torch.randn(3, 2, 4, BLOCK, 2, 8))
    before = cache.flatten(2, 3).clone()

    move_rows(cache, torch.tensor([5, 6, 11]), torch.tensor([4, 5, 6]))

    torch.testing.assert_close(cache.flatten(2, 3)[:, :, [4, 5, 6]], before[:, :, [5, 6, 11]])


@pytest.mark.parametrize("kind", [torch.int8, torch.float8_e4m3fn])
@pytest.mark.parametrize("window", [None, 5])
@pytest.mark.parametrize("is_tree", [False, True])
@pytest.mark.parametrize(
    "dtype, tolerance", [(torch.float64, 1e-12), (torch.float32, 1e-5), (torch.bfloat16, 2e-2)]
)
def test_attention_over_packed_rows_is_that_over_what_they_hold(
    kernels: NativeKernels,
    dtype: torch.dtype,
    tolerance: float,
    is_tree: bool,
    window: int | None,
    kind: torch.dtype,
) -> None:
    rows, contexts = [1, 5, 40], [30, 5, 61]  # single, short and long runs
    generator = torch.Generator().manual_seed(0)
    query = torch.randn(sum(rows), 4, 16, generator=generator, dtype=torch.float64).to(dtype)
    kept = torch.randn(2, 40, BLOCK, 2, 16, generator=generator, dtype=torch.float64)
    cache = pack_rows(kept, kind)
    tables = torch.randperm(40, generator=generator)[: 3 * 13].view(3, 13)
    tables = torch.cat([tables, tables[:, :3]], 1)
    starts, lens = torch.tensor([0, *rows]).cumsum(0), torch.tensor(contexts)
    ancestors = torch.cat([(2 << torch.arange(count)) - 1 for count in rows]) if is_tree else None
    if ancestors is not None:
        ancestors[3] = 0b101  # the second sequence's third row hangs on its first

    plan = plan_attention(tables, starts, lens, BLOCK, ancestors, native=kernels)
    attended = paged_attention(query, cache, plan, 0.3, window)

    held = unpack_rows(cache, torch.float64)
    for asked, values in ((query, cache), (query.double(), held)):
        expected = reference.paged_attention(
            asked, values, tables, starts, lens, 0.3, ancestors, window
        )
        torch.testing.assert_close(
            attended.double(), expected.double(), atol=tolerance, rtol=tolerance
        )
