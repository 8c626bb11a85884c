"""Limits on how often, kept in memory; time is the loop's monotonic clock.

`Throttle` counts per key in a sliding window (sign-ins). `Allowance` is one socket's token bucket
(frames): it refills at a rate and holds a burst.
"""

import time
from collections import OrderedDict, deque
from collections.abc import Callable

from app.errors import RateLimited

_MAX_KEYS = 10_000


class Throttle:
    """At most `limit` counted events a key in `window_s`; the oldest keys are forgotten first."""

    def __init__(
        self, limit: int, window_s: float, monotonic: Callable[[], float] = time.monotonic
    ) -> None:
        self._limit = limit
        self._window_s = window_s
        self._monotonic = monotonic
        self._times: OrderedDict[str, deque[float]] = OrderedDict()

    def check(self, key: str) -> None:
        """Raises: RateLimited when the key has used up its window."""
        times = self._times.get(key)
        if times is None:
            return
        moment = self._monotonic()
        while times and times[0] <= moment - self._window_s:
            times.popleft()
        if len(times) >= self._limit:
            raise RateLimited(retry_after_s=times[0] + self._window_s - moment)

    def count(self, key: str) -> None:
        """Note one event."""
        times = self._times.setdefault(key, deque(maxlen=self._limit))
        times.append(self._monotonic())
        self._times.move_to_end(key)
        while len(self._times) > _MAX_KEYS:
            self._times.popitem(last=False)

    def forget(self, key: str) -> None:
        """A success wipes the slate."""
        self._times.pop(key, None)


class Allowance:
    """`burst` at once, `per_s` in the long run."""

    def __init__(
        self, per_s: float, burst: int, monotonic: Callable[[], float] = time.monotonic
    ) -> None:
        self._per_s = per_s
        self._burst = float(burst)
        self._left = float(burst)
        self._monotonic = monotonic
        self._at = monotonic()

    @property
    def left(self) -> float:
        """What could be used when one was last taken."""
        return self._left

    def take(self) -> float:
        """Use one; returns 0, or the seconds until there is one again."""
        moment = self._monotonic()
        self._left = min(self._burst, self._left + (moment - self._at) * self._per_s)
        self._at = moment
        if self._left >= 1:
            self._left -= 1
            return 0.0
        return (1 - self._left) / self._per_s
