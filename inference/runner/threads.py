"""How many threads a step on the CPU is worth.

Idle threads wait passively, so waking the others costs some 35 microseconds a matrix product. A
small step is done sooner by one thread, and then no busy neighbour can hold it up at a barrier.
"""

import contextlib
from collections.abc import Iterator
from pathlib import Path

import torch

# Measured on two cores, idle threads passive: 13 MB of weights are faster on one thread up to about
# 15 rows, 31 MB up to about 5. A step costs one thread its weights' bytes (a row's worth of
# arithmetic is a sixth of that) and its rows.
SMALL_STEP = 280_000_000
ROWS_PER_READ = 6


@contextlib.contextmanager
def threads_for(num_bytes: int, num_rows: int) -> Iterator[None]:
    """One thread within the block if the step is small, else as many as torch was given."""
    if num_bytes * (num_rows + ROWS_PER_READ) < SMALL_STEP:
        with one_thread():
            yield
    else:
        yield


@contextlib.contextmanager
def one_thread() -> Iterator[None]:
    """Torch works on one thread within the block."""
    most = torch.get_num_threads()
    if most == 1:
        yield
        return
    torch.set_num_threads(1)
    try:
        yield
    finally:
        torch.set_num_threads(most)


def weight_bytes(folder: Path) -> int:
    """The size of a checkpoint's weights on disk."""
    return sum(path.stat().st_size for path in folder.glob("*.safetensors"))
