"""The page of reports, and the same figures as a file."""

import csv
import io
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Annotated

from fastapi import APIRouter, Query
from fastapi.responses import HTMLResponse, Response

from app.dependencies import PartsDep, SnapshotDep
from app.office.charts import Chart, Series, bar_chart, line_chart, show
from app.office.forms import EMPTY_SHEET, Sheet
from app.office.frame import OfficeDep
from app.reports.measures import (
    MAX_DAYS,
    Rates,
    Span,
    Told,
    bot_wait_s,
    by_day,
    daily,
    human_wait_s,
    rates,
    ratings,
)
from app.reports.queries import Reports
from app.vocabulary import AnsweredBy

router = APIRouter(prefix="/dashboard/reports", include_in_schema=False)

_DEFAULT_DAYS = 14
_ENOUGH = 5
"""Fewer conversations than this say nothing to compare with."""
_PRESETS = (7, 14, 30, 90)


@dataclass(frozen=True)
class Tile:
    """A measure, and how it changed against as many days before."""

    name: str
    value: str
    change: str
    hint: str


@router.get("")
async def reports(
    office: OfficeDep,
    session: SnapshotDep,
    parts: PartsDep,
    first: Annotated[str, Query(max_length=20)] = "",
    last: Annotated[str, Query(max_length=20)] = "",
) -> HTMLResponse:
    """All figures of a span of days."""
    found = Reports(session, office.agent.workspace_id)
    zone = await found.zone()
    today = parts.clock().astimezone(zone).date()
    chosen, sheet = _read_span(first, last, today)
    span = Span(*chosen, zone)
    conversations = await found.conversations(span)
    now, before = rates(conversations), rates(await found.conversations(span.before))
    scores = await found.scores(span)
    num_gaps, top_gaps = await found.gaps(span)
    values = {
        "title": "Reports",
        "span": span,
        "presets": [(days, today - timedelta(days=days - 1), today) for days in _PRESETS],
        "rates": now,
        "show": show,
        "tiles": _tiles(now, before),
        "volume": _volume(span, conversations),
        "replies": _replies(span, conversations),
        "handoffs": await found.handoffs(span),
        "by_bot": ratings(scores, AnsweredBy.BOT),
        "by_human": ratings(scores, AnsweredBy.HUMAN),
        "num_asked": await found.num_asked(span),
        "feedback": {one.value: num for one, num in (await found.feedback(span)).items()},
        "num_gaps": num_gaps,
        "top_gaps": top_gaps,
    }
    status = 422 if sheet.errors else 200
    return office.page("reports/reports.html", "reports", values, sheet=sheet, status=status)


@router.get("/days.csv")
async def days(
    office: OfficeDep,
    session: SnapshotDep,
    parts: PartsDep,
    first: Annotated[str, Query(max_length=20)] = "",
    last: Annotated[str, Query(max_length=20)] = "",
) -> Response:
    """One line a day."""
    found = Reports(session, office.agent.workspace_id)
    zone = await found.zone()
    chosen, _ = _read_span(first, last, parts.clock().astimezone(zone).date())
    span = Span(*chosen, zone)
    grouped = by_day(span, await found.conversations(span))
    text = _as_csv([(day, rates(told)) for day, told in grouped.items()])
    name = f"careline-{span.first}-{span.last}.csv"
    headers = {"Content-Disposition": f'attachment; filename="{name}"'}
    return Response(text, media_type="text/csv; charset=utf-8", headers=headers)


def _read_span(first: str, last: str, today: date) -> tuple[tuple[date, date], Sheet]:
    """The days that were asked for; the last two weeks where they do not fit, and why."""
    default = (today - timedelta(days=_DEFAULT_DAYS - 1), today)
    if not first and not last:
        return default, EMPTY_SHEET
    values = {"first": first, "last": last}
    try:
        begin, end = date.fromisoformat(first), date.fromisoformat(last)
    except ValueError:
        return default, Sheet(values, {"first": "Two days such as 2026-11-21, please."})
    if begin > end:
        return default, Sheet(values, {"first": "The first day comes after the last one."})
    if (end - begin).days >= MAX_DAYS:
        return default, Sheet(values, {"first": f"At most {MAX_DAYS} days at a time."})
    return (begin, end), EMPTY_SHEET


def _tiles(now: Rates, earlier: Rates) -> tuple[Tile, ...]:
    before = earlier if earlier.num_all >= _ENOUGH else rates([])
    return (
        _tile("Conversations", float(now.num_all), float(earlier.num_all) or None, "", "began"),
        _tile("Automation", now.automation, before.automation, "%", "involvement × resolution"),
        _tile("Involvement", now.involvement, before.involvement, "%", "the bot tried"),
        _tile("Resolution", now.resolution, before.resolution, "%", "of these, without a person"),
        _tile("Bot's first reply", now.bot_first_reply_s, before.bot_first_reply_s, "s", "median"),
        _tile(
            "Person's first reply",
            now.human_first_reply_s,
            before.human_first_reply_s,
            "s",
            "median, once waiting",
        ),
    )


def _tile(name: str, now: float | None, before: float | None, unit: str, hint: str) -> Tile:
    value = "–" if now is None else show(now, unit)
    if now is None or before is None or now == before:
        return Tile(name, value, "", hint)
    sign = "+" if now > before else "−"
    return Tile(name, value, f"{sign}{show(abs(now - before), unit)}", hint)


def _volume(span: Span, conversations: Sequence[Told]) -> Chart:
    grouped = list(by_day(span, conversations).values())
    resolved = [float(sum(one.is_resolved_by_bot for one in day)) for day in grouped]
    human = [float(sum(one.human_replied_at is not None for one in day)) for day in grouped]
    others = [len(day) - a - b for day, a, b in zip(grouped, resolved, human, strict=True)]
    series = (
        Series("resolved by the bot", "bot", resolved),
        Series("with a person", "human", human),
        Series("other", "soft", others),
    )
    return bar_chart(series, _labels(span))


def _replies(span: Span, conversations: Sequence[Told]) -> Chart:
    grouped = by_day(span, conversations)
    series = (
        Series("bot", "bot", daily(grouped, bot_wait_s)),
        Series("person", "human", daily(grouped, human_wait_s)),
    )
    return line_chart(series, _labels(span), unit="s")


def _labels(span: Span) -> list[str]:
    return [f"{day:%d %b}" for day in span.days]


def _as_csv(rows: Sequence[tuple[date, Rates]]) -> str:
    out = io.StringIO()
    writer = csv.writer(out)
    writer.writerow(
        (
            "day",
            "conversations",
            "involved",
            "answered",
            "resolved_by_bot",
            "confirmed",
            "with_person",
            "reopened",
            "bot_first_reply_s",
            "person_first_reply_s",
        )
    )
    for day, one in rows:
        counts = (one.num_all, one.num_involved, one.num_answered, one.num_resolved)
        more = (one.num_confirmed, one.num_with_human, one.num_reopened)
        times = (_seconds(one.bot_first_reply_s), _seconds(one.human_first_reply_s))
        writer.writerow((day.isoformat(), *counts, *more, *times))
    return out.getvalue()


def _seconds(value: float | None) -> str:
    return "" if value is None else f"{value:.1f}"
