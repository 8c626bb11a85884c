"""When to try again, how long to spare a receiver that fails, and when to give it up; pure.

The delays between attempts are those that Standard Webhooks recommends. What one delivery waits
would not spare a receiver that has a thousand of them, so an endpoint that keeps failing is probed
with one attempt at a time, ever later, and gets more at once only success by success.
"""

from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime

DELAYS = (
    timedelta(seconds=5),
    timedelta(minutes=5),
    timedelta(minutes=30),
    timedelta(hours=2),
    timedelta(hours=5),
    timedelta(hours=10),
    timedelta(hours=14),
    timedelta(hours=20),
    timedelta(hours=24),
)
MAX_ATTEMPTS = len(DELAYS) + 1
MAX_WINDOW = 8
DISABLED_AFTER = timedelta(days=5)
NUM_FAILURES_BEFORE_PROBING = 3
SLOW_DOWN = (429, 502, 503, 504)
_JITTER = 0.2
_FIRST_PAUSE = timedelta(seconds=5)
_MAX_PAUSE = timedelta(minutes=5)
_MAX_RETRY_AFTER = timedelta(hours=24)


def delay_after(attempts: int, jitter: float) -> timedelta | None:
    """How long a delivery waits after so many attempts; None: it is given up.

    `jitter` is a number from 0 to 1 and lengthens by up to a fifth.
    """
    if attempts >= MAX_ATTEMPTS:
        return None
    return DELAYS[attempts - 1] * (1 + _JITTER * jitter)


def pause_after(num_failures: int, jitter: float) -> timedelta:
    """How long an endpoint is left alone after so many attempts in vain, one after another."""
    beyond = num_failures - NUM_FAILURES_BEFORE_PROBING
    if beyond < 0:
        return timedelta()
    return min(_FIRST_PAUSE * (1 << min(beyond, 10)), _MAX_PAUSE) * (1 + _JITTER * jitter)


def asked_to_wait(status: int, retry_after: str, now: datetime) -> timedelta:
    """What a `Retry-After` asks for, in seconds or as a date; zero where it does not count."""
    if status not in SLOW_DOWN or not retry_after:
        return timedelta()
    if retry_after.isascii() and retry_after.isdecimal():
        return timedelta(seconds=min(int(retry_after[:9]), int(_MAX_RETRY_AFTER.total_seconds())))
    try:
        until = parsedate_to_datetime(retry_after)
    except ValueError:
        return timedelta()
    until = until if until.tzinfo is not None else until.replace(tzinfo=UTC)
    return min(max(until - now, timedelta()), _MAX_RETRY_AFTER)
