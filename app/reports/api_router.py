"""`/v1/reports`: the figures of a span of days."""

from datetime import date, timedelta
from typing import Annotated, Self

from fastapi import Query
from pydantic import Field

from app.api.errors import BadParameter
from app.api.keys import ApiCaller, require
from app.api.routes import api_router
from app.api.scopes import Scope
from app.api.values import Resource
from app.dependencies import PartsDep, SnapshotDep
from app.reports.measures import MAX_DAYS, Rates, Ratings, Span, by_day, rates, ratings
from app.reports.queries import Reports
from app.vocabulary import AnsweredBy

router = api_router("/reports", "reports")

Reads = Annotated[ApiCaller, require(Scope.REPORTS_READ)]

_DEFAULT_DAYS = 14


class RatesOut(Resource):
    """Counts and what follows from them; a rate of nothing is null."""

    num_conversations: int
    num_involved: int = Field(description="The bot tried to answer.")
    num_answered: int
    num_resolved_by_bot: int
    num_confirmed: int
    num_with_human: int
    num_reopened: int
    involvement: float | None
    answer_rate: float | None
    resolution: float | None
    automation: float | None
    bot_first_reply_s: float | None = Field(description="Median.")
    human_first_reply_s: float | None = Field(description="Median, since somebody waited.")

    @classmethod
    def of(cls, found: Rates) -> Self:
        """As numbers."""
        return cls(
            num_conversations=found.num_all,
            num_involved=found.num_involved,
            num_answered=found.num_answered,
            num_resolved_by_bot=found.num_resolved,
            num_confirmed=found.num_confirmed,
            num_with_human=found.num_with_human,
            num_reopened=found.num_reopened,
            involvement=found.involvement,
            answer_rate=found.answer_rate,
            resolution=found.resolution,
            automation=found.automation,
            bot_first_reply_s=found.bot_first_reply_s,
            human_first_reply_s=found.human_first_reply_s,
        )


class DayOut(RatesOut):
    """One day, in the company's time zone."""

    day: date


class RatingsOut(Resource):
    """What customers thought of one side's work."""

    num: int
    mean: float | None
    positive: float | None = Field(description="The share of 4 and 5.")
    counts: list[int] = Field(description="Of the scores 1 to 5.")

    @classmethod
    def of(cls, found: Ratings) -> Self:
        """As numbers."""
        return cls(
            num=found.num, mean=found.mean, positive=found.positive, counts=list(found.counts)
        )


class HandoffCount(Resource):
    """How often people were called for one reason."""

    reason: str
    num: int


class ReportOut(Resource):
    """A span of days."""

    first: date
    last: date
    timezone: str
    total: RatesOut
    days: list[DayOut]
    handoffs: list[HandoffCount]
    ratings_of_bot: RatingsOut
    ratings_of_humans: RatingsOut
    num_gaps: int


@router.get("")
async def read_report(
    caller: Reads,
    session: SnapshotDep,
    parts: PartsDep,
    first: Annotated[date | None, Query(description="Absent: two weeks before the last.")] = None,
    last: Annotated[date | None, Query(description="Absent: today.")] = None,
) -> ReportOut:
    """Volume, automation, first replies, hand-offs and ratings, altogether and day by day."""
    found = Reports(session, caller.workspace_id)
    zone = await found.zone()
    end = last or parts.clock().astimezone(zone).date()
    begin = first or _before(end)
    if not date(1970, 1, 3) <= begin <= end <= date(2999, 12, 29):
        raise BadParameter("first", "The first day comes before the last, both from 1970 to 2999.")
    if (end - begin).days >= MAX_DAYS:
        raise BadParameter("first", f"At most {MAX_DAYS} days at a time.")
    span = Span(begin, end, zone)
    conversations = await found.conversations(span)
    scores = await found.scores(span)
    num_gaps, _ = await found.gaps(span)
    return ReportOut(
        first=begin,
        last=end,
        timezone=str(zone),
        total=RatesOut.of(rates(conversations)),
        days=[
            DayOut(day=day, **RatesOut.of(rates(told)).model_dump())
            for day, told in by_day(span, conversations).items()
        ],
        handoffs=[HandoffCount(reason=why, num=n) for why, n in await found.handoffs(span)],
        ratings_of_bot=RatingsOut.of(ratings(scores, AnsweredBy.BOT)),
        ratings_of_humans=RatingsOut.of(ratings(scores, AnsweredBy.HUMAN)),
        num_gaps=num_gaps,
    )


def _before(last: date) -> date:
    return max(last, date(1971, 1, 1)) - timedelta(days=_DEFAULT_DAYS - 1)
