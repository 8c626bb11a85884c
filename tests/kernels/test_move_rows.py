"""Moving rows: all layers at once, in place, as if everything were read first."""

import mmap

import pytest
import torch

from kernels import reference
from kernels.dispatch import interpreted
from kernels.move_rows import launch, move_rows

SHAPE = (3, 2, 5, 7, 2, 33)  # [L, 2, N, S, G, D]


@pytest.mark.parametrize(
    "sources, targets",
    [
        ([], []),
        ([9], [8]),
        ([2, 5, 6, 30], [1, 2, 3, 4]),  # a target is a later source's neighbour
        ([3, 4, 5, 6], [2, 3, 4, 5]),  # each target is the source before
        ([34, 1], [0, 33]),
    ],
)
@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16, torch.float64])
def test_rows_arrive_and_all_others_stay(
    sources: list[int], targets: list[int], dtype: torch.dtype
) -> None:
    torch.manual_seed(0)
    cache = torch.randn(SHAPE).to(dtype)
    before = cache.clone()
    expected = cache.clone()
    source_slots = torch.tensor(sources, dtype=torch.long)
    target_slots = torch.tensor(targets, dtype=torch.long)

    move_rows(cache, source_slots, target_slots)
    reference.move_rows(expected, source_slots, target_slots)

    assert torch.equal(cache, expected)
    for source, target in zip(sources, targets, strict=True):
        moved = before[:, :, source // 7, source % 7]
        assert torch.equal(cache[:, :, target // 7, target % 7], moved)
    stay = [slot for slot in range(35) if slot not in targets]
    assert torch.equal(cache.flatten(2, 3)[:, :, stay], before.flatten(2, 3)[:, :, stay])


def test_rows_that_close_up_may_be_moved_one_by_one() -> None:
    torch.manual_seed(0)
    together = torch.randn(SHAPE)
    single = together.clone()
    sources, targets = [4, 5, 9, 12], [2, 3, 4, 5]

    move_rows(together, torch.tensor(sources), torch.tensor(targets))
    for source, target in zip(sources, targets, strict=True):
        move_rows(single, torch.tensor([source]), torch.tensor([target]))

    assert torch.equal(together, single)


@pytest.mark.parametrize("dtype", [torch.bfloat16, torch.int8, torch.float8_e4m3fn])
def test_kernel_moves_sequences_side_by_side(dtype: torch.dtype) -> None:
    torch.manual_seed(0)
    shape = (2, 2, 6, 7, 2, 601)  # rows longer than a program's piece
    cache = torch.randint(-100, 100, shape, dtype=torch.int8).view(torch.int8)
    cache = cache.to(dtype) if dtype != torch.int8 else cache
    expected = cache.clone()
    sources = torch.tensor([[3, 4, 6, -1], [20, 21, 22, 23], [-1, -1, -1, -1], [41, -1, -1, -1]])
    targets = torch.tensor([[2, 3, 4, -1], [19, 20, 21, 22], [-1, -1, -1, -1], [40, -1, -1, -1]])

    launch(cache, sources, targets)
    reference.move_rows(expected, sources, targets)

    assert torch.equal(cache.view(torch.int8), expected.view(torch.int8))
    with interpreted():
        move_rows(cache, torch.tensor([5, 6]), torch.tensor([4, 5]))
    move_rows(expected, torch.tensor([5, 6]), torch.tensor([4, 5]))
    assert torch.equal(cache.view(torch.int8), expected.view(torch.int8))


def test_a_program_moves_more_rows_than_it_has_on_their_way() -> None:
    cache = torch.randn(1, 2, 5, 7, 1, 9)
    expected = cache.clone()
    # Slots lie anywhere: what stands behind in a text may stand before in the pool.
    sources = torch.tensor([0, *range(5, 24, 2), 33])
    targets = torch.tensor([34, *range(3, 13), 13])

    launch(cache, sources, targets)

    reference.move_rows(expected, sources, targets)
    assert torch.equal(cache, expected)


@pytest.mark.parametrize("layers, slots", [(1, (1 << 25) + 16), (2, 3 << 23)])
def test_rows_beyond_32_bits(layers: int, slots: int) -> None:
    # 4 and 6 GB of addresses: of a layer's keys, and of several layers.
    with mmap.mmap(-1, layers * 2 * slots * 64) as memory:
        pool = torch.frombuffer(memory, dtype=torch.int8)
        cache = pool.view(layers, 2, slots // 16, 16, 1, 64)
        last = torch.randint(-9, 9, (layers, 2, 1, 64), dtype=torch.int8)
        cache[:, :, -1, -1] = last

        launch(cache, torch.tensor([slots - 1]), torch.tensor([slots - 3]))

        assert torch.equal(cache[:, :, -1, -3], last)
        assert not cache[:, :, -1, -2].any()
        del cache, pool
