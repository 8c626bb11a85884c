import mmap

import pytest
import torch

from kernels import reference, store_kv
from kernels.reference import SCALE_BYTES


@pytest.mark.parametrize("tokens, groups, width", [(1, 1, 64), (7, 2, 80), (33, 3, 16)])
def test_kernel_stores_what_the_reference_stores(tokens: int, groups: int, width: int) -> None:
    generator = torch.Generator().manual_seed(tokens)
    whole = torch.randn(tokens, groups * 3, width, generator=generator)
    key, value = whole[:, :groups], whole[:, groups : 2 * groups]  # rows apart, as in fused qkv
    value = value.contiguous() if tokens > 7 else value
    slots = torch.randperm(5 * 16, generator=generator)[:tokens]
    slots[tokens // 2] = -1 if tokens > 1 else slots[0]
    expected = torch.full((2, 5, 16, groups, width), float("nan"))
    stored = expected.clone()

    reference.store_kv(key, value, expected, slots)
    store_kv.launch(key, value, stored, slots)

    torch.testing.assert_close(stored, expected, atol=0, rtol=0, equal_nan=True)


def test_cpu_path_stores_what_the_reference_stores() -> None:
    key, value = torch.randn(2, 9, 2, 16).unbind()
    slots = torch.randperm(64)[:9]
    expected, stored = torch.zeros(2, 2, 4, 16, 2, 16).unbind()

    reference.store_kv(key, value, expected, slots)
    store_kv.store_kv(key, value, stored, slots)

    torch.testing.assert_close(stored, expected, atol=0, rtol=0)


@pytest.mark.parametrize("dtype", [torch.float64, torch.float32, torch.float16])
@pytest.mark.parametrize("kind", [torch.int8, torch.float8_e4m3fn])
def test_kernel_packs_what_the_reference_packs(kind: torch.dtype, dtype: torch.dtype) -> None:
    generator = torch.Generator().manual_seed(3)
    sizes = 10.0 ** torch.randint(-3, 3, (9, 3, 20), generator=generator)
    key, value = ((torch.randn(9, 3, 20, generator=generator) * sizes).to(dtype) for _ in range(2))
    key[0, 1], value[4, 2, 5], value[5, 0, 7] = 0.0, float("nan"), float("inf")
    slots = torch.randperm(16, generator=generator)[:9]
    slots[7] = -1
    shape = 2, 4, 4, 3, 20 + SCALE_BYTES
    expected, stored = (torch.full(shape, 77, dtype=torch.int8).view(kind) for _ in range(2))

    reference.store_kv(key, value, expected, slots)
    store_kv.launch(key, value, stored, slots)

    found, wanted = (reference.unpack_rows(one, torch.float64) for one in (stored, expected))
    is_sound = wanted.isfinite().all(-1)
    assert int((~is_sound).sum()) == 2
    assert torch.equal(stored.view(torch.int8)[is_sound], expected.view(torch.int8)[is_sound])
    assert not found[~is_sound].isfinite().any()


def test_halves_of_a_step_go_to_the_even_neighbour() -> None:
    # The largest makes the scale 1, so that the others lie between two bytes.
    whole = torch.tensor([127.0, 0.5, 1.5, -0.5, -2.5, 3.5, 126.5, -126.5])
    eighths = torch.tensor([448.0, 17.0, 19.0, -21.0, 2**-10, 3 * 2**-10, -(2**-6), 0.0146484375])
    for kind, row in ((torch.int8, whole), (torch.float8_e4m3fn, eighths)):
        stored = torch.zeros(2, 1, 1, 1, 8 + SCALE_BYTES, dtype=torch.int8).view(kind)

        store_kv.launch(row.view(1, 1, 8), -row.view(1, 1, 8), stored, torch.zeros(1).long())

        expected = reference.pack_rows(torch.stack([row, -row]), kind).view(torch.int8)
        assert torch.equal(stored.view(torch.int8).view(2, -1), expected)
        assert expected[0, -SCALE_BYTES:].view(torch.float32) == 1.0


def test_slots_beyond_32_bits() -> None:
    # 5 GB of addresses, of which a few pages are ever touched.
    slots, row = 1 << 24, 128 + SCALE_BYTES
    key, value = torch.randn(2, 1, 1, 128).unbind()
    few = torch.zeros(2, 1, 1, 1, row, dtype=torch.int8)
    with mmap.mmap(-1, 2 * slots * row) as memory:
        cache = torch.frombuffer(memory, dtype=torch.int8).view(2, slots // 16, 16, 1, row)

        store_kv.launch(key, value, cache, torch.tensor([slots - 1]))
        store_kv.launch(key, value, few, torch.tensor([0]))

        assert torch.equal(cache[:, -1, -1], few[:, 0, 0])
        assert bool(few[:, 0, 0, 0, :-SCALE_BYTES].any(-1).all())
        del cache
