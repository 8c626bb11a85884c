"""How long a decoding step takes by its number of rows, before any request has come."""

import time
from collections.abc import Callable

import torch

from inference.model.decoder import DecoderInputs
from kernels.native.attention import NativeKernels
from kernels.paged_attention import plan_attention

ROW_COUNTS = (1, 2, 4, 8, 16, 32, 64)
CONTEXT = 256
ROWS_PER_REQUEST = 8
NUM_RUNS = 3
LIMIT_S = 0.8


def profile(run: Callable[[int], None]) -> dict[int, float]:
    """Seconds of a step by its rows, the best of a few runs; fewer sizes for a slow model."""
    run(1)  # what is only done once: threads, workspaces, packed weights
    seconds: dict[int, float] = {}
    end = time.perf_counter() + LIMIT_S
    for num_rows in ROW_COUNTS:
        for _ in range(NUM_RUNS):
            start = time.perf_counter()
            run(num_rows)
            now = time.perf_counter()
            seconds[num_rows] = min(now - start, seconds.get(num_rows, now - start))
            if now > end and len(seconds) > 1:
                return seconds
    return seconds


def profile_inputs(
    num_rows: int,
    longest: int,
    block_size: int,
    device: torch.device,
    native: NativeKernels | None,
) -> DecoderInputs:
    """Rows of requests of up to 8 drafted rows each, all over the first blocks of the cache.

    They read and write the same slots, as requests never do; time does not see the difference.
    """
    counts = [ROWS_PER_REQUEST] * (num_rows // ROWS_PER_REQUEST)
    if num_rows % ROWS_PER_REQUEST:
        counts.append(num_rows % ROWS_PER_REQUEST)
    context = min(CONTEXT, longest)
    positions = [at for count in counts for at in range(context - count, context)]
    starts = torch.tensor([0, *counts]).cumsum(0)
    blocks = torch.arange(-(-context // block_size)).expand(len(counts), -1).contiguous()
    return DecoderInputs(
        token_ids=torch.zeros(num_rows, dtype=torch.long, device=device),
        positions=torch.tensor(positions, device=device),
        slot_mapping=torch.tensor(positions, device=device),
        attention=plan_attention(
            blocks, starts, torch.full((len(counts),), context), block_size, native=native
        ),
    )
