"""When people answer: weekly hours in the company's own time zone, and days off; pure.

As JSON in the workspace's settings, under `office_hours`:
`{"days": {"mon": [["09:00", "12:30"], ["13:30", "18:00"]]}, "holidays": ["2026-12-25"]}`.
Without it somebody is always there.
"""

from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from typing import Any, Self
from zoneinfo import ZoneInfo

from app.errors import Invalid

DAYS = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
_LOOK_AHEAD_DAYS = 60

Span = tuple[time, time]


@dataclass(frozen=True)
class OfficeHours:
    """The week's open spans by weekday, Monday first; None: always open."""

    zone: ZoneInfo
    week: tuple[tuple[Span, ...], ...] | None = None
    holidays: frozenset[date] = frozenset()

    @classmethod
    def read(cls, stored: dict[str, Any] | None, timezone: str) -> Self:
        """The hours as they are stored.

        Raises:
            Invalid: an unknown zone or day, no time of day, or a span that ends before it begins.
        """
        try:
            zone = ZoneInfo(timezone)
            if not stored:
                return cls(zone)
            days: dict[str, list[list[str]]] = stored.get("days", {})
            unknown = set(days) - set(DAYS)
            if unknown:
                raise Invalid(
                    f"There is no day {sorted(unknown)[0]!r}; days are {', '.join(DAYS)}."
                )
            week = tuple(tuple(_span(span) for span in days.get(day, [])) for day in DAYS)
            holidays = frozenset(date.fromisoformat(day) for day in stored.get("holidays", []))
        except (ValueError, TypeError, KeyError, OSError) as error:
            raise Invalid(f"These office hours cannot be read: {error}.") from error
        return cls(zone, week, holidays)

    def is_open(self, moment: datetime) -> bool:
        """Whether somebody is there."""
        if self.week is None:
            return True
        local = moment.astimezone(self.zone)
        return any(begin <= local.time() < end for begin, end in self._spans(local.date()))

    def next_opening(self, moment: datetime) -> datetime | None:
        """When somebody is there again, in the company's zone; None if nobody ever is."""
        local = moment.astimezone(self.zone)
        for ahead in range(_LOOK_AHEAD_DAYS):
            day = local.date() + timedelta(days=ahead)
            for begin, _ in self._spans(day):
                opening = datetime.combine(day, begin, self.zone)
                if opening > local:
                    return opening
        return None

    def _spans(self, day: date) -> tuple[Span, ...]:
        if self.week is None or day in self.holidays:
            return ()
        return tuple(sorted(self.week[day.weekday()]))


def _span(stored: list[str]) -> Span:
    begin, end = (time.fromisoformat(moment) for moment in stored)
    if begin >= end:
        raise Invalid(f"The hours from {begin:%H:%M} to {end:%H:%M} end before they begin.")
    return begin, end
