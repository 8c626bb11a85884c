"""Where an operation runs: as a Triton kernel on a GPU, in torch or C++ on a CPU.

There is no other switch. Tests put CPU tensors through the kernels, in Triton's interpreter, with
`interpreted`.
"""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from functools import lru_cache

import torch

_interpreted = False


def runs_triton(x: torch.Tensor) -> bool:
    """Whether operations on `x` are Triton's."""
    return x.is_cuda or _interpreted


@contextmanager
def interpreted() -> Iterator[None]:
    """Inside, the whole process runs CPU tensors through the kernels, a hundred times slower.

    TRITON_INTERPRET=1 must stand in the environment before the kernels are imported.
    """
    global _interpreted  # engines step in threads, which a context does not reach
    assert os.environ.get("TRITON_INTERPRET") == "1", "a compiled kernel needs a GPU"
    _interpreted, before = True, _interpreted
    try:
        yield
    finally:
        _interpreted = before


@lru_cache
def num_processors(device: torch.device) -> int:
    """How many programs of a kernel run side by side, at least."""
    if device.type != "cuda":
        return 1
    return int(torch.cuda.get_device_properties(device).multi_processor_count)
