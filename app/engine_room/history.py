"""The engine's figures of the last minutes, in memory; every process keeps its own.

Counters only grow, so a rate is what they gained over a short window that slides along; a window
in which nothing happened has no rate. An engine that starts anew begins at zero, and so do they.
"""

import asyncio
import logging
from bisect import bisect_left
from collections import deque
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from datetime import datetime

from app.clock import Clock
from app.engine_metrics import EngineReading
from inference import EngineClient, EngineError, Histogram

log = logging.getLogger(__name__)

INTERVAL_S = 2.0
KEPT = 301
"""Ten minutes."""
_WINDOW = 10
"""Readings that a rate looks back: 20 s smooth a single answer without hiding it."""


@dataclass(frozen=True)
class Sample:
    """One look at the engine; `reading` is None where it did not answer."""

    at: datetime
    reading: EngineReading | None


class History:
    """Readings at equal intervals, oldest first."""

    def __init__(self, kept: int = KEPT) -> None:
        self._samples: deque[Sample] = deque(maxlen=kept)

    @property
    def samples(self) -> tuple[Sample, ...]:
        """All that is kept."""
        return tuple(self._samples)

    def add(self, sample: Sample) -> None:
        """Keep it, and forget the oldest when there are too many."""
        self._samples.append(sample)

    async def watch(
        self, read: Callable[[], Awaitable[EngineReading | None]], clock: Clock
    ) -> None:
        """Read until cancelled; a reading that fails is one that is missing."""
        while True:
            self.add(Sample(clock(), await read()))
            await asyncio.sleep(INTERVAL_S)


async def read_engine(client: EngineClient) -> EngineReading | None:
    """The figures of this moment; None while the engine does not answer."""
    if not client.is_ready:
        return None
    try:
        return EngineReading((await client.info()).model, await client.metrics())
    except EngineError:
        return None


def gauge(samples: Sequence[Sample], key: str) -> list[float | None]:
    """A figure as it was; 0 where this engine does not count it."""
    return [
        float(one.reading.snapshot.values.get(key, 0)) if one.reading is not None else None
        for one in samples
    ]


def ratio(samples: Sequence[Sample], part: str, whole: str) -> list[float | None]:
    """What one counter gained per gain of another."""
    return [
        None if pair is None else _share(_gain(pair, part), _gain(pair, whole))
        for pair in _windows(samples)
    ]


def tokens_per_step(samples: Sequence[Sample]) -> list[float | None]:
    """Tokens that one request got from one step, on average.

    The engine tells the mean since its start; tokens divided by it are the turns it counts.
    """
    return [None if pair is None else _mean_tokens(*pair) for pair in _windows(samples)]


def quantile(samples: Sequence[Sample], key: str, share: float) -> list[float | None]:
    """That share of the values observed within the window lay at or below it.

    Straight lines within a bucket, as Prometheus' `histogram_quantile` draws them.
    """
    return [
        None if pair is None else _quantile(*_histograms(pair, key), share)
        for pair in _windows(samples)
    ]


Pair = tuple[EngineReading, EngineReading]


def _windows(samples: Sequence[Sample]) -> list[Pair | None]:
    pairs: list[Pair | None] = []
    for i, sample in enumerate(samples):
        earlier = samples[max(0, i - _WINDOW)].reading
        now = sample.reading
        if earlier is None or now is None or _is_younger(now, earlier):
            pairs.append(None)
        else:
            pairs.append((earlier, now))
    return pairs


def _is_younger(now: EngineReading, earlier: EngineReading) -> bool:
    steps = "num_steps"
    return now.snapshot.values.get(steps, 0) < earlier.snapshot.values.get(steps, 0)


def _gain(pair: Pair, key: str) -> float:
    earlier, now = pair
    return now.snapshot.values.get(key, 0) - earlier.snapshot.values.get(key, 0)


def _share(part: float, whole: float) -> float | None:
    return part / whole if whole > 0 else None


def _mean_tokens(earlier: EngineReading, now: EngineReading) -> float | None:
    def turns(reading: EngineReading) -> float:
        values = reading.snapshot.values
        mean = values.get("tokens_per_step", 0)
        return values.get("num_generated_tokens", 0) / mean if mean else 0.0

    return _share(_gain((earlier, now), "num_generated_tokens"), turns(now) - turns(earlier))


def _histograms(pair: Pair, key: str) -> tuple[tuple[float, ...], list[int]]:
    earlier, now = (reading.snapshot.histograms.get(key) for reading in pair)
    if now is None:
        return (), []
    before = _counts(earlier, len(now.counts))
    return now.bounds, [after - past for after, past in zip(now.counts, before, strict=True)]


def _counts(histogram: Histogram | None, length: int) -> Sequence[int]:
    return histogram.counts if histogram is not None else [0] * length


def _quantile(bounds: Sequence[float], counts: Sequence[int], share: float) -> float | None:
    total = sum(counts)
    if total <= 0:
        return None
    cumulated, running = [], 0
    for count in counts:
        running += count
        cumulated.append(running)
    rank = share * total
    bucket = bisect_left(cumulated, rank)
    if bucket >= len(bounds):
        return bounds[-1]
    low = bounds[bucket - 1] if bucket else 0.0
    below = cumulated[bucket - 1] if bucket else 0
    return low + (bounds[bucket] - low) * (rank - below) / max(counts[bucket], 1)
