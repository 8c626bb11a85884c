"""Intercom's arithmetic, on conversations that one can count by hand."""

from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

from app.reports.measures import (
    Ratings,
    Score,
    Span,
    Told,
    by_day,
    daily,
    human_wait_s,
    rates,
    ratings,
)
from app.vocabulary import AnsweredBy, Resolution

AT = datetime(2026, 11, 20, 12, tzinfo=UTC)
SILENT = Told(
    began_at=AT,
    bot_tried=False,
    bot_answered=False,
    bot_replied_at=None,
    queued_at=None,
    human_replied_at=None,
    resolution=None,
    reopened_count=0,
)
TRIED = replace(SILENT, bot_tried=True, bot_replied_at=AT + timedelta(seconds=4))
CONFIRMED = replace(TRIED, bot_answered=True, resolution=Resolution.CONFIRMED)
ASSUMED = replace(TRIED, bot_answered=True, resolution=Resolution.ASSUMED)
BY_A_PERSON = replace(
    ASSUMED,
    queued_at=AT + timedelta(seconds=60),
    human_replied_at=AT + timedelta(seconds=90),
)
REOPENED = replace(CONFIRMED, resolution=None, reopened_count=1)


def test_automation_is_involvement_times_resolution() -> None:
    found = rates([CONFIRMED, ASSUMED, TRIED, BY_A_PERSON, SILENT])

    assert found.involvement == 4 / 5
    assert found.resolution == 2 / 4
    assert found.automation == 2 / 5 == found.involvement * found.resolution
    assert (found.num_confirmed, found.num_with_human, found.answer_rate) == (1, 1, 3 / 4)


def test_whoever_comes_back_is_deducted_until_it_is_resolved_anew() -> None:
    assert rates([CONFIRMED, REOPENED]).num_resolved == 1
    assert rates([CONFIRMED, REOPENED]).num_reopened == 1
    again = replace(REOPENED, resolution=Resolution.ASSUMED)
    assert rates([CONFIRMED, again]).num_resolved == 2


def test_what_an_agent_resolved_or_a_person_wrote_in_is_not_the_bots() -> None:
    assert rates([replace(TRIED, resolution=Resolution.AGENT)]).num_resolved == 0
    assert rates([BY_A_PERSON]).num_resolved == 0
    assert rates([replace(CONFIRMED, bot_tried=False)]).num_resolved == 0


def test_a_person_is_late_from_the_moment_somebody_waits() -> None:
    assert human_wait_s(BY_A_PERSON) == 30
    assert human_wait_s(replace(BY_A_PERSON, queued_at=None)) == 90
    assert rates([BY_A_PERSON, TRIED]).bot_first_reply_s == 4


def test_nothing_has_no_rates() -> None:
    found = rates([])

    assert (found.involvement, found.resolution, found.automation) == (None, None, None)
    assert (found.bot_first_reply_s, found.human_first_reply_s) == (None, None)


def test_days_are_those_of_the_company() -> None:
    span = Span(date(2026, 11, 19), date(2026, 11, 21), ZoneInfo("Pacific/Auckland"))
    late = replace(SILENT, began_at=datetime(2026, 11, 20, 11, 30, tzinfo=UTC))

    grouped = by_day(span, [late, TRIED])

    assert [len(found) for found in grouped.values()] == [0, 0, 2]
    assert span.before.days == [date(2026, 11, 16), date(2026, 11, 17), date(2026, 11, 18)]
    assert span.end - span.begin == timedelta(days=3)
    assert daily(grouped, human_wait_s) == [None, None, None]


def test_ratings_are_split_by_who_had_the_last_word() -> None:
    scores = [Score(5, AnsweredBy.BOT), Score(2, AnsweredBy.BOT), Score(4, AnsweredBy.HUMAN)]

    bot = ratings(scores, AnsweredBy.BOT)

    assert bot == Ratings((0, 1, 0, 0, 1))
    assert (bot.mean, bot.positive) == (3.5, 0.5)
    assert ratings([], AnsweredBy.BOT).mean is None
