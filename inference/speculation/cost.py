"""What something costs by how much of it is done: rows of a forward pass, requests of a draft.

Seconds are kept at a few counts, the buckets; between them they are interpolated, and every real
run refines its two neighbours. A change that all sizes share (faster kernels, a busy neighbour)
moves the whole curve, the buckets that are never visited too.
"""

from collections.abc import Mapping, Sequence

import numpy as np

BUCKETS = (1, 2, 3, 4, 6, 8, 12, 16, 24, 32, 48, 64, 96, 128, 192, 256, 384, 512, 768, 1024)
# A run that was held up must not look like the price; nor is one ever twice as fast by chance.
MOST_SURPRISE = 1.5
LEAST_WEIGHT = 0.05
SHARED_WEIGHT = 0.02
RUNS_PER_TABLE = 16


class CostCurve:
    """Seconds by count, from 0 to `longest`; never falling."""

    def __init__(self, longest: int) -> None:
        self._longest = longest
        self._seconds: list[float] = []
        self._num_runs = [0.0] * len(BUCKETS)
        self._table: list[float] = []
        self._num_new = 0

    @property
    def is_known(self) -> bool:
        """Whether anything was measured yet."""
        return bool(self._seconds)

    def start(self, measured: Mapping[int, float]) -> None:
        """Take these seconds by count for the whole curve; the last slope goes on behind them."""
        counts = sorted(measured)
        known = [measured[count] for count in counts]
        slope = 0.0
        if len(counts) > 1:
            slope = max(0.0, known[-1] - known[-2]) / (counts[-1] - counts[-2])
        self._seconds = [
            float(np.interp(bucket, counts, known)) + slope * max(0, bucket - counts[-1])
            for bucket in BUCKETS
        ]
        self._num_runs = [4.0 if bucket <= counts[-1] else 0.0 for bucket in BUCKETS]
        self._fill()

    def measure(self, count: int, seconds: float) -> None:
        """Learn from a real run."""
        if not self._seconds:
            # As if small ones cost as much and large ones were proportional: never too cheap.
            self._seconds = [seconds * max(1.0, bucket / count) for bucket in BUCKETS]
            self._fill()
        surprise = seconds / self._between(count)
        surprise = min(MOST_SURPRISE, max(1.0 / MOST_SURPRISE, surprise))
        upper = next((at for at, one in enumerate(BUCKETS) if one >= count), len(BUCKETS) - 1)
        lower = max(0, upper - 1)
        share = (count - BUCKETS[lower]) / max(1, BUCKETS[upper] - BUCKETS[lower])
        for at, weight in ((lower, 1.0 - share), (upper, min(1.0, share))):
            if weight > 0.0:
                self._num_runs[at] += weight
                step = weight * max(LEAST_WEIGHT, 1.0 / self._num_runs[at])
                self._seconds[at] *= 1.0 + min(1.0, step) * (surprise - 1.0)
        common = 1.0 + SHARED_WEIGHT * (surprise - 1.0)
        self._seconds = [one * common for one in self._seconds]
        self._rise_through(lower)
        self._rise_through(upper)
        self._num_new += 1
        if self._num_new == RUNS_PER_TABLE or self._num_runs[upper] < RUNS_PER_TABLE:
            self._fill()

    def __call__(self, count: float) -> float:
        """Seconds for this many, or for this many on average; 0 for none and where not known."""
        if not self._table:
            return 0.0
        whole = min(int(count), self._longest - 1)
        lower, upper = self._table[whole : whole + 2]
        return lower + (upper - lower) * min(1.0, count - whole)

    @property
    def table(self) -> Sequence[float]:
        """The seconds of each count from 0; empty while nothing is known."""
        return self._table

    def _between(self, count: int) -> float:
        seconds = float(np.interp(count, BUCKETS, self._seconds))
        return seconds * max(1.0, count / BUCKETS[-1])

    def _rise_through(self, at: int) -> None:
        """What was measured last is right: less cannot cost more than that, nor more less."""
        here = self._seconds[at]
        self._seconds = [
            min(one, here) if other < at else max(one, here)
            for other, one in enumerate(self._seconds)
        ]

    def _fill(self) -> None:
        table = np.interp(np.arange(self._longest + 1), BUCKETS, self._seconds)
        table[0] = 0.0
        self._table = table.tolist()
        self._num_new = 0
