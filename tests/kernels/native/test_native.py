"""The C++ kernels against the truth, on the odd sizes."""

import os
import pwd
import shutil
from pathlib import Path

import pytest
import torch

from kernels import native, reference
from kernels.native import NativeKernels
from tests.kernels.test_paged_attention import BLOCK

# bfloat16 keeps 8 bits; float32 sums are taken in another order.
TOLERANCES = {torch.float32: 1e-5, torch.bfloat16: 2e-2, torch.float64: 1e-12}
DTYPES = pytest.mark.parametrize("dtype", TOLERANCES, ids=str)


def close(ours: torch.Tensor, truth: torch.Tensor, dtype: torch.dtype) -> None:
    tolerance = TOLERANCES[dtype]
    torch.testing.assert_close(ours, truth, atol=tolerance, rtol=tolerance)


@DTYPES
@pytest.mark.parametrize("rows, width", [(1, 16), (7, 384), (33, 81)])
def test_norm_with_and_without_a_branch(
    kernels: NativeKernels, dtype: torch.dtype, rows: int, width: int
) -> None:
    torch.manual_seed(rows)
    x, branch, weight = torch.randn(rows, width), torch.randn(rows, width), torch.randn(width)
    x, branch, weight = x.to(dtype), branch.to(dtype), weight.to(dtype)
    total = x + branch

    close(kernels.add_rms_norm(x, None, weight, 1e-5), reference.rms_norm(x, weight, 1e-5), dtype)
    normed = kernels.add_rms_norm(x, branch, weight, 1e-5)

    close(normed, reference.rms_norm(total, weight, 1e-5), dtype)
    torch.testing.assert_close(x, total, atol=0, rtol=0)


@DTYPES
@pytest.mark.parametrize("rows, width", [(1, 16), (7, 80), (33, 27)])
def test_swiglu(kernels: NativeKernels, dtype: torch.dtype, rows: int, width: int) -> None:
    torch.manual_seed(rows)
    gate_up = (torch.randn(rows, 2 * width) * 10).to(dtype)
    gate_up[0, :2] = torch.tensor([-200.0, 200.0])

    close(kernels.swiglu(gate_up), reference.swiglu(gate_up), dtype)


@DTYPES
@pytest.mark.parametrize(
    "rows, heads, groups, width", [(1, 2, 1, 64), (7, 6, 2, 80), (33, 4, 4, 16)]
)
def test_rotation_and_store(
    kernels: NativeKernels, dtype: torch.dtype, rows: int, heads: int, groups: int, width: int
) -> None:
    torch.manual_seed(rows)
    qkv = torch.randn(rows, (heads + 2 * groups) * width).to(dtype)
    angles = torch.randn(100, width // 2)
    cos, sin = angles.cos().to(dtype), angles.sin().to(dtype)
    positions, slots = torch.randint(0, 100, (rows,)), torch.randperm(5 * 16)[:rows]
    stored = torch.full((2, 5, 16, groups, width), float("nan"), dtype=dtype)
    expected = stored.clone()

    query = kernels.rotate_and_store(qkv, cos, sin, positions, slots, stored, heads)

    split = qkv.view(rows, heads + 2 * groups, width)
    turned = reference.rotary(split[:, : heads + groups], cos[positions], sin[positions])
    reference.store_kv(turned[:, heads:], split[:, heads + groups :], expected, slots)
    close(query, turned[:, :heads], dtype)
    torch.testing.assert_close(
        stored, expected, atol=TOLERANCES[dtype], rtol=TOLERANCES[dtype], equal_nan=True
    )


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


def test_a_build_is_kept_and_a_missing_compiler_is_no_error(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    first = native.build(tmp_path)
    assert first is not None
    built_at = first.stat().st_mtime_ns

    assert native.build(tmp_path) == first
    assert first.stat().st_mtime_ns == built_at
    monkeypatch.setattr(shutil, "which", lambda name: None)
    assert native.build(tmp_path) is None


def test_a_folder_that_others_can_write_is_not_used(
    tmp_path: Path, kernels_library: Path, caplog: pytest.LogCaptureFixture
) -> None:
    (tmp_path / kernels_library.name).write_bytes(b"planted")
    tmp_path.chmod(0o777)

    assert native.build(tmp_path) is None
    assert "can be written by other users" in caplog.records[-1].__dict__["detail"]

    tmp_path.chmod(0o755)
    (tmp_path / kernels_library.name).chmod(0o666)
    assert native.build(tmp_path) is None


def test_who_has_no_home_builds_all_the_same(monkeypatch: pytest.MonkeyPatch) -> None:
    def nobody(uid: int) -> pwd.struct_passwd:
        raise KeyError(uid)

    monkeypatch.delenv("CARELINE_CACHE", raising=False)
    monkeypatch.delenv("HOME")
    monkeypatch.setattr(pwd, "getpwuid", nobody)

    assert native.cache_folder().parts[-2:] == (f"careline-{os.getuid()}", "kernels")
