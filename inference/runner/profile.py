"""How long a decoding step takes by its number of rows."""

import time
from collections.abc import Callable, Sequence

from inference.model.spans import Span

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


def profile_spans(num_rows: int, block_ids: Sequence[int], context: int) -> list[Span]:
    """Rows of requests of up to 8 drafted rows each, at the end of the same blocks.

    They read and write the same slots, as requests never do; time does not see the difference.
    """
    counts = [ROWS_PER_REQUEST] * (num_rows // ROWS_PER_REQUEST)
    if num_rows % ROWS_PER_REQUEST:
        counts.append(num_rows % ROWS_PER_REQUEST)
    return [
        Span.chain([0] * min(count, context), max(0, context - count), block_ids)
        for count in counts
    ]
