"""Tensors of mixed types travel as one block of bytes and arrive as they were."""

import torch

from inference.runner.transfer import Fetch, pack, places_of, send, unpack

TENSORS = [
    torch.tensor([1, -2, 3]),
    torch.tensor([True, False, True]),
    torch.tensor([[0.5], [float("-inf")]], dtype=torch.float64),
    torch.zeros(0, dtype=torch.int64),
    torch.tensor([7], dtype=torch.int32),
    torch.zeros(3, 0, dtype=torch.float64),
    torch.arange(12).view(3, 4).T,
]


def test_what_arrives_is_what_was_sent() -> None:
    for arrived in (send(TENSORS, torch.device("cpu")), Fetch(TENSORS).wait()):
        assert len(arrived) == len(TENSORS)
        for one, own in zip(arrived, TENSORS, strict=True):
            assert one.dtype == own.dtype
            assert torch.equal(one, own)


def test_every_tensor_begins_where_its_type_may() -> None:
    places = places_of(TENSORS)
    assert all(place.offset % 8 == 0 for place in places)
    assert pack(TENSORS).numel() == places[-1].offset + places[-1].num_bytes


def test_the_tensors_are_views_of_one_block() -> None:
    block = pack(TENSORS)
    first = unpack(block, places_of(TENSORS))[0]
    block.zero_()
    assert first.tolist() == [0, 0, 0]
