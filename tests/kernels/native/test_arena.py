"""Memory in large pieces: apart, aligned, zero, and alive as long as it is used."""

import gc

import torch

from kernels.native.arena import CHUNK_BYTES, Arena


def test_tensors_lie_apart_and_aligned() -> None:
    arena = Arena()
    tensors = [arena.empty(count, torch.bfloat16) for count in (3, 1000, 33)]
    for number, tensor in enumerate(tensors):
        assert tensor.data_ptr() % 64 == 0
        assert not tensor.any()
        tensor.fill_(number + 1)
    assert [float(tensor.float().mean()) for tensor in tensors] == [1, 2, 3]


def test_more_than_a_piece_gets_one_of_its_own() -> None:
    arena = Arena()
    small = arena.empty(10, torch.int8)
    large = arena.empty(CHUNK_BYTES + 1, torch.int8)
    large.fill_(7)
    assert large.numel() == CHUNK_BYTES + 1
    assert not small.any()


def test_a_tensor_outlives_its_arena() -> None:
    tensor = Arena().empty(5, torch.float64).fill_(0.5)
    gc.collect()
    assert tensor.tolist() == [0.5] * 5
