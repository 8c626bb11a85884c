"""The arithmetic of the reports; pure.

As Intercom counts for its bot: a conversation is *involved* when the bot tried to answer in it, and
*resolved by the bot* when it ended without a person, confirmed by the customer or assumed after
silence. Resolution rate = resolved / involved, involvement = involved / all, automation = their
product. One that reopens has lost its resolution, so it is deducted until it is resolved anew.
"""

from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from statistics import median
from zoneinfo import ZoneInfo

from app.vocabulary import AnsweredBy, Resolution

MAX_DAYS = 90
_BOTS_RESOLUTIONS = (Resolution.CONFIRMED, Resolution.ASSUMED)


@dataclass(frozen=True)
class Span:
    """Days from the first to the last one, in a company's own time zone."""

    first: date
    last: date
    zone: ZoneInfo

    @property
    def days(self) -> list[date]:
        """All of them."""
        return [self.first + timedelta(days=i) for i in range((self.last - self.first).days + 1)]

    @property
    def begin(self) -> datetime:
        """The first moment."""
        return datetime.combine(self.first, datetime.min.time(), self.zone)

    @property
    def end(self) -> datetime:
        """The first moment behind it."""
        next_day = self.last + timedelta(days=1)
        return datetime.combine(next_day, datetime.min.time(), self.zone)

    @property
    def before(self) -> "Span":
        """As many days, right before these."""
        length = self.last - self.first
        last = self.first - timedelta(days=1)
        return Span(last - length, last, self.zone)

    def day_of(self, moment: datetime) -> date:
        """The day on which something happened there."""
        return moment.astimezone(self.zone).date()


@dataclass(frozen=True)
class Told:
    """What a report needs to know of a conversation that began within its days."""

    began_at: datetime
    bot_tried: bool
    bot_answered: bool
    """At least one answer out of the articles; a greeting is none."""
    bot_replied_at: datetime | None
    """When its first answer was whole."""
    queued_at: datetime | None
    """When it first waited for a person."""
    human_replied_at: datetime | None
    resolution: Resolution | None
    """None while it is open, reopened ones included."""
    reopened_count: int

    @property
    def is_resolved_by_bot(self) -> bool:
        """It ended without a person."""
        is_bots = self.resolution in _BOTS_RESOLUTIONS and self.bot_tried
        return is_bots and self.human_replied_at is None


@dataclass(frozen=True)
class Score:
    """A customer's rating."""

    value: int
    answered_by: AnsweredBy


@dataclass(frozen=True)
class Rates:
    """Counts of a span and what follows from them; a rate of nothing is None."""

    num_all: int
    num_involved: int
    num_answered: int
    num_resolved: int
    num_confirmed: int
    num_with_human: int
    num_reopened: int
    bot_first_reply_s: float | None
    human_first_reply_s: float | None
    """From the moment somebody waited for a person; medians, as one slow night must not rule."""

    @property
    def involvement(self) -> float | None:
        """Involved of all."""
        return _share(self.num_involved, self.num_all)

    @property
    def answer_rate(self) -> float | None:
        """Answered of involved."""
        return _share(self.num_answered, self.num_involved)

    @property
    def resolution(self) -> float | None:
        """Resolved of involved."""
        return _share(self.num_resolved, self.num_involved)

    @property
    def automation(self) -> float | None:
        """Involvement times resolution."""
        return _share(self.num_resolved, self.num_all)


@dataclass(frozen=True)
class Ratings:
    """What customers thought of one side's work."""

    counts: tuple[int, int, int, int, int]
    """Of the scores 1 to 5."""

    @property
    def num(self) -> int:
        """All ratings."""
        return sum(self.counts)

    @property
    def mean(self) -> float | None:
        """The average score."""
        return _share(sum(score * n for score, n in enumerate(self.counts, 1)), self.num)

    @property
    def positive(self) -> float | None:
        """The share of 4 and 5."""
        return _share(sum(self.counts[3:]), self.num)


def rates(conversations: Sequence[Told]) -> Rates:
    """The measures of a span."""
    resolved = [one for one in conversations if one.is_resolved_by_bot]
    return Rates(
        num_all=len(conversations),
        num_involved=sum(one.bot_tried for one in conversations),
        num_answered=sum(one.bot_answered for one in conversations),
        num_resolved=len(resolved),
        num_confirmed=sum(one.resolution is Resolution.CONFIRMED for one in resolved),
        num_with_human=sum(one.human_replied_at is not None for one in conversations),
        num_reopened=sum(one.reopened_count > 0 for one in conversations),
        bot_first_reply_s=_median(map(bot_wait_s, conversations)),
        human_first_reply_s=_median(map(human_wait_s, conversations)),
    )


def bot_wait_s(one: Told) -> float | None:
    """Seconds until the bot's first whole answer."""
    if one.bot_replied_at is None:
        return None
    return (one.bot_replied_at - one.began_at).total_seconds()


def human_wait_s(one: Told) -> float | None:
    """Seconds a customer waited for a person."""
    if one.human_replied_at is None:
        return None
    since = one.queued_at if one.queued_at is not None else one.began_at
    return max((one.human_replied_at - since).total_seconds(), 0.0)


def by_day(span: Span, conversations: Iterable[Told]) -> dict[date, list[Told]]:
    """The conversations of each day, days without any included."""
    days: dict[date, list[Told]] = {day: [] for day in span.days}
    for one in conversations:
        days[span.day_of(one.began_at)].append(one)
    return days


def daily(
    days: dict[date, list[Told]], measure: Callable[[Told], float | None]
) -> list[float | None]:
    """The median of a measure on each day."""
    return [_median(map(measure, found)) for found in days.values()]


def ratings(scores: Iterable[Score], answered_by: AnsweredBy) -> Ratings:
    """How often each score was given to one side."""
    counted = Counter(one.value for one in scores if one.answered_by is answered_by)
    return Ratings((counted[1], counted[2], counted[3], counted[4], counted[5]))


def _median(values: Iterable[float | None]) -> float | None:
    known = [value for value in values if value is not None]
    return median(known) if known else None


def _share(part: float, whole: float) -> float | None:
    return part / whole if whole else None
