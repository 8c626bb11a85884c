"""The time of day, handed over as an argument so that tests can turn it."""

from collections.abc import Callable
from datetime import UTC, datetime

Clock = Callable[[], datetime]


def now() -> datetime:
    """The wall clock, always in UTC. Time-outs use the loop's monotonic clock instead."""
    return datetime.now(UTC)


def as_wire(moment: datetime) -> str:
    """`2026-11-21T08:00:00.000Z`, the one form of a time in frames and in the REST API."""
    return moment.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
