"""How long a decoding step takes by its number of rows."""

import time
from collections.abc import Callable, Sequence

from inference.model.spans import Span

ROW_COUNTS = (1, 2, 4, 8, 16, 32, 64)
CONTEXT = 256
ROWS_PER_REQUEST = 8
NUM_ROUNDS = 5
LIMIT_S = 0.8


def profile(run: Callable[[int], None], num_warmups: int = 0) -> dict[int, float]:
    """Seconds of a step by its rows, the best of a few rounds; fewer sizes for a slow model.

    All sizes take turns, so that a busy moment of the machine makes no single one look dear.
    Each size is run `num_warmups` times before: that often it must be wanted to get a graph.
    """
    run(1)  # what is only done once: threads, workspaces, packed weights
    seconds: dict[int, float] = {}
    spent_s = 0.0
    for number in range(NUM_ROUNDS):
        for num_rows in ROW_COUNTS:
            for _ in range(0 if number else num_warmups):
                run(num_rows)
            start = time.perf_counter()
            run(num_rows)
            took_s = time.perf_counter() - start
            seconds[num_rows] = min(took_s, seconds.get(num_rows, took_s))
            spent_s += took_s
            if spent_s > LIMIT_S and len(seconds) > 1:
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
