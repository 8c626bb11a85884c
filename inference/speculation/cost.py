"""What something costs by how much of it is done: rows of a forward pass, requests of a draft.

Costs are kept at a few counts, the buckets; between them they are interpolated, and every real run
refines its two neighbours. They are told apart from the pace of the machine: a busy neighbour makes
all of them slower alike, which is no reason to choose differently.
"""

from bisect import bisect_left
from collections.abc import Mapping, Sequence

import numpy as np

BUCKETS = (1, 2, 3, 4, 6, 8, 12, 16, 24, 32, 48, 64, 96, 128, 192, 256, 384, 512, 768, 1024)
# A run that was held up must not look like the price.
MOST_SURPRISE = 1.5
LEAST_WEIGHT = 0.05
PACE_WEIGHT, MOST_PACE_SURPRISE = 0.2, 1.5
PROFILE_WEIGHT = 20.0
"""How many runs a size that was measured on purpose counts for."""
STALE_RUNS = 256
"""In so many runs of other sizes half of what is known of one is forgotten."""


class Pace:
    """Seconds that a unit of cost takes now."""

    def __init__(self) -> None:
        self.unit_s = 1.0

    def measure(self, units: float, seconds: float) -> None:
        """Learn from a run that was expected to cost so many units."""
        surprise = _bounded(seconds / max(units * self.unit_s, 1e-12), MOST_PACE_SURPRISE)
        self.unit_s *= 1.0 + PACE_WEIGHT * (surprise - 1.0)


class CostCurve:
    """Units of cost by count, up to the last bucket; never falling."""

    def __init__(self) -> None:
        self._at_buckets: list[float] = []
        self._num_runs = [0.0] * len(BUCKETS)
        self._visited = [0] * len(BUCKETS)
        self._now = 0
        self._table: list[float] = []

    @property
    def is_known(self) -> bool:
        """Whether anything was measured yet."""
        return bool(self._table)

    @property
    def table(self) -> Sequence[float]:
        """What each count from 0 costs; empty while nothing is known."""
        return self._table

    def __call__(self, count: float) -> float:
        """The cost of this many, or of this many on average; 0 for none and where not known."""
        if not self._table:
            return 0.0
        whole = min(int(count), BUCKETS[-1] - 1)
        lower, upper = self._table[whole], self._table[whole + 1]
        return lower + (upper - lower) * min(1.0, count - whole)

    def start(self, measured: Mapping[int, float]) -> None:
        """Take these costs by count for the whole curve; the last slope goes on behind them.

        What was measured is too dear if anything: less costs no more, and so many times as much
        no more than doing it so many times.
        """
        counts = sorted(measured)
        known = np.minimum.accumulate([measured[count] for count in reversed(counts)])[::-1].copy()
        for at, count in enumerate(counts):
            times = -(-count // np.array(counts[: at + 1]))
            known[at] = (known[: at + 1] * times).min()
        slope = 0.0
        if len(counts) > 1:
            slope = float(known[-1] - known[-2]) / (counts[-1] - counts[-2])
        self._at_buckets = [
            float(np.interp(bucket, counts, known)) + slope * max(0, bucket - counts[-1])
            for bucket in BUCKETS
        ]
        self._num_runs = [PROFILE_WEIGHT if bucket <= counts[-1] else 0.0 for bucket in BUCKETS]
        self._tabulate(0, len(BUCKETS) - 1)

    def guess(self, count: int, cost: float) -> None:
        """Take one known cost for the whole curve.

        As if less cost as much and more were proportional: never too cheap.
        """
        self._at_buckets = [cost * max(1.0, bucket / count) for bucket in BUCKETS]
        self._tabulate(0, len(BUCKETS) - 1)

    def measure(self, count: int, cost: float) -> None:
        """Learn from a real run; a few microseconds."""
        count = min(count, BUCKETS[-1])
        self._now += 1
        if not self._table:
            self.guess(count, cost)
        surprise = _bounded(cost / max(self(count), 1e-12), MOST_SURPRISE)
        upper = bisect_left(BUCKETS, count)
        lower = max(0, upper - 1)
        share = 1.0 if upper == 0 else (count - BUCKETS[lower]) / (BUCKETS[upper] - BUCKETS[lower])
        self._refine(lower, 1.0 - share, surprise)
        self._refine(upper, share, surprise)

    def _refine(self, at: int, weight: float, surprise: float) -> None:
        if weight <= 0.0:
            return
        known_still = 0.5 ** ((self._now - self._visited[at]) / STALE_RUNS)
        self._visited[at] = self._now
        self._num_runs[at] = self._num_runs[at] * known_still + weight
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


def _bounded(surprise: float, most: float) -> float:
    return min(most, max(1.0 / most, surprise))
