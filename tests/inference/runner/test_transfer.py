"""Tensors of mixed types travel as one block of bytes and arrive as they were."""

import pytest
import torch

from inference.runner.transfer import Fetch, claim, pack, places_of, send, unpack

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
    arrived = Fetch(TENSORS).wait()
    assert len(arrived) == len(TENSORS)
    for one, own in zip(arrived, TENSORS, strict=True):
        assert one.dtype == own.dtype
        assert torch.equal(one, own)


def test_the_host_copies_nothing_for_itself() -> None:
    sent = send(TENSORS, torch.device("cpu"))
    assert [one.data_ptr() for one in sent] == [one.data_ptr() for one in TENSORS]


def test_every_tensor_begins_where_its_type_may() -> None:
    places = places_of(TENSORS)
    assert all(place.offset % 8 == 0 for place in places)
    assert pack(TENSORS).numel() == places[-1].offset + places[-1].num_bytes


def test_the_tensors_are_views_of_one_block() -> None:
    block = pack(TENSORS)
    first = unpack(block, places_of(TENSORS))[0]
    block.zero_()
    assert first.tolist() == [0, 0, 0]


def test_a_thread_launches_on_the_engine_s_own_device(monkeypatch: pytest.MonkeyPatch) -> None:
    claimed: list[torch.device] = []
    monkeypatch.setattr(torch.cuda, "set_device", claimed.append)
    for name in ("cpu", "cuda", "cuda:1"):  # a device without a number is the current one
        claim(torch.device(name))
    assert claimed == [torch.device("cuda:1")]


def test_what_travels_is_aligned_as_kernels_are_compiled_for() -> None:
    tensors = [torch.ones(n, dtype=torch.int32) for n in (1, 3, 5)]
    sent = unpack(pack(tensors), places_of(tensors))
    first = sent[0].data_ptr()
    assert all((one.data_ptr() - first) % 16 == 0 for one in sent)
