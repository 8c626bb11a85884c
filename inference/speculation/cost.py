"""What something costs by how much of it is done: rows of a forward pass, requests of a draft.

Seconds are kept at a few counts, the buckets; between them they are interpolated, and every real
run refines its two neighbours. A change that all sizes share (faster kernels, a busy neighbour)
moves the whole curve, the buckets that are never visited too.
"""

from bisect import bisect_left
from collections.abc import Mapping, Sequence

import numpy as np

BUCKETS = (1, 2, 3, 4, 6, 8, 12, 16, 24, 32, 48, 64, 96, 128, 192, 256, 384, 512, 768, 1024)
# A run that was held up must not look like the price; nor is one ever twice as fast by chance.
MOST_SURPRISE = 1.5
LEAST_WEIGHT = 0.05
SHARED_WEIGHT = 0.05
PROFILE_WEIGHT = 20.0
"""How many runs a size that was measured on purpose counts for."""


class CostCurve:
    """Seconds by count, up to the last bucket; never falling."""

    def __init__(self) -> None:
        self._at_buckets: list[float] = []
        self._num_runs = [0.0] * len(BUCKETS)
        self._table: list[float] = []
        self._factor = 1.0

    @property
    def is_known(self) -> bool:
        """Whether anything was measured yet."""
        return bool(self._table)

    @property
    def table(self) -> Sequence[float]:
        """What each count from 0 costs, in units of `unit_s`; empty while nothing is known."""
        return self._table

    @property
    def unit_s(self) -> float:
        """Seconds per unit of the table: what all counts have in common."""
        return self._factor

    def __call__(self, count: float) -> float:
        """Seconds for this many, or for this many on average; 0 for none and where not known."""
        if not self._table:
            return 0.0
        whole = min(int(count), BUCKETS[-1] - 1)
        lower, upper = self._table[whole], self._table[whole + 1]
        return self._factor * (lower + (upper - lower) * min(1.0, count - whole))

    def start(self, measured: Mapping[int, float]) -> None:
        """Take these seconds by count for the whole curve; the last slope goes on behind them."""
        counts = sorted(measured)
        known = np.maximum.accumulate([measured[count] for count in counts])
        slope = 0.0
        if len(counts) > 1:
            slope = float(known[-1] - known[-2]) / (counts[-1] - counts[-2])
        self._at_buckets = [
            float(np.interp(bucket, counts, known)) + slope * max(0, bucket - counts[-1])
            for bucket in BUCKETS
        ]
        self._num_runs = [PROFILE_WEIGHT if bucket <= counts[-1] else 0.0 for bucket in BUCKETS]
        self._factor = 1.0
        self._tabulate(0, len(BUCKETS) - 1)

    def measure(self, count: int, seconds: float) -> None:
        """Learn from a real run; a few microseconds."""
        count = min(count, BUCKETS[-1])
        if not self._table:
            # As if small ones cost as much and large ones were proportional: never too cheap.
            self._at_buckets = [seconds * max(1.0, bucket / count) for bucket in BUCKETS]
            self._tabulate(0, len(BUCKETS) - 1)
        surprise = seconds / max(self(count), 1e-12)
        surprise = min(MOST_SURPRISE, max(1.0 / MOST_SURPRISE, surprise))
        upper = bisect_left(BUCKETS, count)
        lower = max(0, upper - 1)
        share = 1.0 if upper == 0 else (count - BUCKETS[lower]) / (BUCKETS[upper] - BUCKETS[lower])
        self._refine(lower, 1.0 - share, surprise)
        self._refine(upper, share, surprise)
        self._factor *= 1.0 + SHARED_WEIGHT * (surprise - 1.0)

    def _refine(self, at: int, weight: float, surprise: float) -> None:
        if weight <= 0.0:
            return
        self._num_runs[at] += weight
        step = weight * max(LEAST_WEIGHT, min(1.0, 1.0 / self._num_runs[at]))
        here = self._at_buckets[at] * (1.0 + step * (surprise - 1.0))
        self._at_buckets[at] = here
        # What was measured last is right: less cannot cost more than that, nor more less.
        first = at
        while first > 0 and self._at_buckets[first - 1] > here:
            first -= 1
            self._at_buckets[first] = here
        last = at
        while last + 1 < len(BUCKETS) and self._at_buckets[last + 1] < here:
            last += 1
            self._at_buckets[last] = here
        self._tabulate(max(0, first - 1), min(len(BUCKETS) - 1, last + 1))

    def _tabulate(self, first: int, last: int) -> None:
        """Fill the table in between two buckets."""
        if not self._table:
            self._table = [0.0] * (BUCKETS[-1] + 1)
        for at in range(first, last):
            low, high = BUCKETS[at], BUCKETS[at + 1]
            cost = self._at_buckets[at]
            slope = (self._at_buckets[at + 1] - cost) / (high - low)
            self._table[low:high] = [cost + slope * step for step in range(high - low)]
        if last == len(BUCKETS) - 1:
            self._table[-1] = self._at_buckets[-1]
