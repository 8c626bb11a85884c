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


def test_slots_beyond_32_bits() -> None:
    # 9 GB of addresses, of which a few pages are ever touched.
    slots, width = 1 << 22, 256
    with mmap.mmap(-1, 2 * slots * width * 4) as memory:
        cache = torch.frombuffer(memory, dtype=torch.float32).view(2, slots // 16, 16, 1, width)
        key, value = torch.randn(2, 1, 1, width).unbind()

        store_kv.launch(key, value, cache, torch.tensor([slots - 1]))

        assert torch.equal(cache[0, -1, -1], key[0])
        assert torch.equal(cache[1, -1, -1], value[0])
        del cache
