"""Blocks copied in all layers at once."""

import mmap

import pytest
import torch

from kernels import reference
from kernels.copy_blocks import copy_blocks, launch
from kernels.dispatch import interpreted


@pytest.mark.parametrize("dtype", [torch.float64, torch.bfloat16, torch.int8, torch.float8_e4m3fn])
def test_blocks_arrive_and_all_others_stay(dtype: torch.dtype) -> None:
    torch.manual_seed(0)
    cache = torch.randint(-100, 100, (3, 2, 7, 5, 2, 33)).to(dtype)
    staging = torch.zeros(3, 2, 3, 5, 2, 33).to(dtype)
    expected = staging.clone()
    sources, targets = torch.tensor([6, 0]), torch.tensor([2, 0])

    with interpreted():
        copy_blocks(cache, sources, staging, targets)
    reference.copy_blocks(cache, sources, expected, targets)

    assert torch.equal(staging.view(torch.uint8), expected.view(torch.uint8))


def test_blocks_are_copied_within_a_pool() -> None:
    cache = torch.randn(2, 2, 5, 3, 1, 7)
    expected = cache.clone()
    expected[:, :, [1, 2]] = cache[:, :, [4, 0]]

    launch(cache, torch.tensor([4, 0]), cache, torch.tensor([1, 2]))

    assert torch.equal(cache, expected)


def test_nothing_is_copied_for_no_blocks() -> None:
    cache = torch.randn(1, 2, 2, 3, 1, 7)
    before = cache.clone()

    launch(cache, torch.empty(0, dtype=torch.long), cache, torch.empty(0, dtype=torch.long))

    assert torch.equal(cache, before)


@pytest.mark.parametrize("layers, blocks, heads", [(2, 1 << 21, 1), (1, 1 << 19, 7)])
def test_blocks_beyond_32_bits(layers: int, blocks: int, heads: int) -> None:
    # 5 GB of addresses, of which a few pages are ever touched: of several layers, and of a layer's
    # keys in blocks that are several pieces.
    shape = layers, 2, blocks, 16, heads, 40
    with mmap.mmap(-1, layers * 2 * blocks * 16 * heads * 40) as memory:
        cache = torch.frombuffer(memory, dtype=torch.int8).view(shape)
        last = torch.randint(1, 9, (layers, 2, 16, heads, 40), dtype=torch.int8)
        cache[:, :, -1] = last

        launch(cache, torch.tensor([blocks - 1]), cache, torch.tensor([blocks - 2]))

        assert torch.equal(cache[:, :, -2], last)
        assert not cache[:, :, -3].any()
        del cache
