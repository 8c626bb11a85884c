"""Sums and joins over the processes of one machine, by gloo on CPUs and NCCL on GPUs."""

from datetime import timedelta
from typing import Any

import torch
from torch import distributed

HOST = "127.0.0.1"


class DeviceCollectives:
    """What the processes of a divided model do together.

    Raises:
        RuntimeError: from every call, when another process has gone or does not come in time.
    """

    def __init__(
        self,
        store: Any,
        rank: int,
        size: int,
        device: torch.device,
        timeout: timedelta,
    ) -> None:
        self._size = size
        self._group: Any = _group(store, rank, size, device, timeout)

    def sum(self, x: torch.Tensor) -> torch.Tensor:
        """The sum over all processes, in place."""
        x = x.contiguous()
        self._group.allreduce([x]).wait()
        return x

    def join(self, x: torch.Tensor) -> torch.Tensor:
        """The last axes end to end, in the order of ranks."""
        pieces = [
            torch.empty_like(x, memory_format=torch.contiguous_format) for _ in range(self._size)
        ]
        self._group.allgather([pieces], [x.contiguous()]).wait()
        return torch.cat(pieces, -1)

    def spread(self, x: torch.Tensor) -> torch.Tensor:
        """What the first process has, in all of them; written in place."""
        self._group.broadcast([x]).wait()
        return x

    def abort(self) -> None:
        """End what waits for a process that has gone; nothing can be done together any more."""
        self._group.abort()


def _group(store: Any, rank: int, size: int, device: torch.device, timeout: timedelta) -> Any:
    if device.type == "cpu":
        gloo: Any = distributed.ProcessGroupGloo
        options = gloo._Options()
        options._timeout = timeout
        # By address: a machine's own name need not lead anywhere.
        options._devices = [gloo.create_device(hostname=HOST)]
        return gloo(distributed.PrefixStore("gloo", store), rank, size, options)  # type: ignore[attr-defined]
    nccl: Any = distributed.ProcessGroupNCCL
    options = nccl.Options()
    options._timeout = timeout
    return nccl(distributed.PrefixStore("nccl", store), rank, size, options)  # type: ignore[attr-defined]
