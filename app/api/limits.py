"""How often a key may ask: a token bucket each, in the memory of one process.

Told as the IETF draft "RateLimit header fields for HTTP" (draft-ietf-httpapi-ratelimit-headers-10)
says: the policy with every answer, and what is left of it.
"""

import math
import time
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass
from uuid import UUID

from app.throttle import Allowance

_MAX_KEYS = 10_000
_NAME = '"key"'


@dataclass(frozen=True)
class Standing:
    """Where a key stands after a request."""

    num_left: int
    full_in_s: float
    """Until all of its allowance is back."""
    retry_after_s: float
    """0 when this request was within it."""


class Limits:
    """`burst` requests of a key at once, `per_s` in the long run."""

    def __init__(
        self, per_s: float, burst: int, monotonic: Callable[[], float] = time.monotonic
    ) -> None:
        self._per_s = per_s
        self._burst = burst
        self._monotonic = monotonic
        self._allowances: OrderedDict[UUID, Allowance] = OrderedDict()

    def take(self, key_id: UUID) -> Standing:
        """Count one request."""
        mine = self._allowances.get(key_id)
        if mine is None:
            mine = self._allowances[key_id] = Allowance(self._per_s, self._burst, self._monotonic)
        self._allowances.move_to_end(key_id)
        while len(self._allowances) > _MAX_KEYS:
            self._allowances.popitem(last=False)
        retry_after_s = mine.take()
        return Standing(int(mine.left), (self._burst - mine.left) / self._per_s, retry_after_s)

    def headers(self, standing: Standing) -> dict[str, str]:
        """For every answer."""
        window_s = math.ceil(self._burst / self._per_s)
        return {
            "RateLimit-Policy": f"{_NAME};q={self._burst};w={window_s}",
            "RateLimit": f"{_NAME};r={standing.num_left};t={math.ceil(standing.full_in_s)}",
        }
