"""Many small tensors between host and device as one copy.

A copy costs some ten microseconds whatever its size, and a copy from pageable memory holds up the
host. So a step's inputs travel as one block of bytes, and so does everything it decides.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from math import prod

import torch

ALIGNMENT = 16  # bytes; what is aligned otherwise, Triton compiles anew for


@dataclass(frozen=True)
class Place:
    """Where a tensor lies in the block, in bytes."""

    offset: int
    dtype: torch.dtype
    shape: tuple[int, ...]

    @property
    def num_bytes(self) -> int:
        """Without what aligns the next one."""
        return prod(self.shape) * self.dtype.itemsize


def places_of(tensors: Sequence[torch.Tensor]) -> list[Place]:
    """One behind the other, each where its type may begin."""
    places: list[Place] = []
    offset = 0
    for one in tensors:
        places.append(Place(offset, one.dtype, tuple(one.shape)))
        offset += -(-places[-1].num_bytes // ALIGNMENT) * ALIGNMENT
    return places


def pack(tensors: Sequence[torch.Tensor]) -> torch.Tensor:  # uint8
    """All of them as one block of bytes, on their device."""
    pieces: list[torch.Tensor] = []
    for one in tensors:
        piece = one.contiguous().flatten().view(torch.uint8)
        spare = -piece.numel() % ALIGNMENT
        pieces += [piece, piece.new_zeros(spare)] if spare else [piece]
    return torch.cat(pieces) if pieces else torch.zeros(0, dtype=torch.uint8)


def unpack(block: torch.Tensor, places: Sequence[Place]) -> list[torch.Tensor]:
    """The tensors of a block, as views of it."""
    return [
        block[one.offset : one.offset + one.num_bytes].view(one.dtype).view(one.shape)
        for one in places
    ]


def send(tensors: Sequence[torch.Tensor], device: torch.device) -> list[torch.Tensor]:
    """Tensors of the host on the device, in one copy that the host does not wait for.

    Where the device is the host, the same tensors.
    """
    if device.type != "cuda":
        return list(tensors)
    block = pack(tensors).pin_memory().to(device, non_blocking=True)
    return unpack(block, places_of(tensors))


def claim(device: torch.device) -> None:
    """Have this thread launch kernels on the device: Triton's go to a thread's current one."""
    if device.index is not None and device.type == "cuda":
        torch.cuda.set_device(device)


class Fetch:
    """Tensors of the device on their way to the host, in one copy; the host goes on meanwhile."""

    def __init__(self, tensors: Sequence[torch.Tensor]) -> None:
        self._places = places_of(tensors)
        block = pack(tensors)
        self._copied: torch.cuda.Event | None = None
        if block.is_cuda:
            self._host = torch.empty(block.shape, dtype=torch.uint8, pin_memory=True)
            self._host.copy_(block, non_blocking=True)
            self._copied = torch.cuda.Event()  # type: ignore[no-untyped-call]
            self._copied.record()
        else:
            self._host = block

    def wait(self) -> list[torch.Tensor]:
        """The tensors, when they have arrived."""
        if self._copied is not None:
            self._copied.synchronize()
        return unpack(self._host, self._places)
