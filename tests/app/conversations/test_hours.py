"""Office hours in the company's own zone, across nights, days off and the change of the clocks."""

from datetime import UTC, datetime
from typing import Any

import pytest

from app.conversations.hours import OfficeHours
from app.errors import Invalid

WEEK = {"days": {"mon": [["09:00", "12:00"], ["13:00", "18:00"]], "fri": [["09:00", "16:00"]]}}


def hours(stored: dict[str, Any] | None = None, zone: str = "America/Los_Angeles") -> OfficeHours:
    return OfficeHours.read(stored, zone)


@pytest.mark.parametrize(
    "moment, is_open",
    [
        ((2026, 11, 23, 17, 0), True),  # Monday 09:00 there
        ((2026, 11, 23, 16, 59), False),
        ((2026, 11, 23, 20, 30), False),  # lunch
        ((2026, 11, 24, 1, 59), True),  # still Monday there
        ((2026, 11, 24, 2, 0), False),
        ((2026, 11, 24, 18, 0), False),  # Tuesday
    ],
)
def test_somebody_is_there_by_the_clock_on_their_wall(
    moment: tuple[int, ...], is_open: bool
) -> None:
    year, month, day, hour, minute = moment

    assert hours(WEEK).is_open(datetime(year, month, day, hour, minute, tzinfo=UTC)) is is_open


def test_the_next_opening_skips_days_off() -> None:
    stored = WEEK | {"holidays": ["2026-11-27"]}
    tuesday = datetime(2026, 11, 24, 18, tzinfo=UTC)

    assert hours(WEEK).next_opening(tuesday) == datetime(2026, 11, 27, 17, tzinfo=UTC)
    assert hours(stored).next_opening(tuesday) == datetime(2026, 11, 30, 17, tzinfo=UTC)


def test_the_change_of_the_clocks_moves_the_opening_with_the_wall() -> None:
    stored = {"days": {"sun": [["09:00", "10:00"]]}}

    before = hours(stored, "Europe/Berlin").next_opening(datetime(2026, 10, 20, tzinfo=UTC))
    after = hours(stored, "Europe/Berlin").next_opening(datetime(2026, 3, 23, tzinfo=UTC))

    assert before == datetime(2026, 10, 25, 8, tzinfo=UTC)
    assert after == datetime(2026, 3, 29, 7, tzinfo=UTC)


def test_without_hours_somebody_is_always_there_and_with_none_nobody() -> None:
    moment = datetime(2026, 11, 24, tzinfo=UTC)

    assert hours(None).is_open(moment)
    assert not hours({"days": {}, "holidays": ["2026-12-25"]}).is_open(moment)
    assert hours({"days": {}, "holidays": ["2026-12-25"]}).next_opening(moment) is None


@pytest.mark.parametrize(
    "stored, zone",
    [
        ({"days": {"monday": []}}, "UTC"),
        ({"days": {"mon": [["18:00", "09:00"]]}}, "UTC"),
        ({"days": {"mon": [["9 to 5"]]}}, "UTC"),
        ({"holidays": ["Christmas"]}, "UTC"),
        (None, "Nowhere/Land"),
    ],
)
def test_hours_that_cannot_be_read_are_refused(stored: dict[str, Any] | None, zone: str) -> None:
    with pytest.raises(Invalid):
        hours(stored, zone)
