import pytest
import torch

from kernels import reference, store_kv
from tests.kernels.compile_ahead import compile_ahead


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


@pytest.mark.parametrize("capability", [80, 90])
def test_kernel_compiles_ahead_of_time(capability: int) -> None:
    signature = {
        "key_ptr": "*bf16",
        "value_ptr": "*bf16",
        "key_cache_ptr": "*bf16",
        "value_cache_ptr": "*bf16",
        "slot_ptr": "*i64",
        "key_stride": "i32",
        "value_stride": "i32",
        "width": "i32",
        "BLOCK": "constexpr",
    }

    report = compile_ahead("kernels.store_kv", "_kernel", signature, {"BLOCK": 128}, capability)

    assert f"sm_{capability}" in report["target"]
    assert report["cubin_bytes"] > 0
