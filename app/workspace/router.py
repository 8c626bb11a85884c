"""The page of settings."""

import re
from datetime import date
from typing import Any
from zoneinfo import available_timezones

from fastapi import APIRouter
from fastapi.responses import HTMLResponse, Response

from app.conversations.hours import DAYS, OfficeHours
from app.dependencies import SnapshotDep, WorkDep
from app.errors import Invalid
from app.models import JsonObject
from app.office.forms import BadForm, Fields, Sheet
from app.office.frame import ManagerDep, ManagerViewDep, Office, go_to
from app.workspace.answer_policy import (
    MAX_GUIDANCE_CHARS,
    MAX_NEVER_SAY,
    MAX_NEVER_SAY_CHARS,
    MAX_NEVER_SAY_WORDS,
    AnswerMode,
    AnswerPolicy,
    PiiMasking,
    ReleaseMode,
)
from app.workspace.policy import retention_days
from app.workspace.service import Company, Decisions, decide, read_company

router = APIRouter(prefix="/dashboard/settings", include_in_schema=False)

_DAY_NAMES = dict(
    zip(
        DAYS,
        ("Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday"),
        strict=True,
    )
)
_ANSWER_MODES = (
    (AnswerMode.SPANS, "Copies facts from articles, word for word"),
    (AnswerMode.FREE, "Writes freely; sentences that no article supports are dropped"),
)
_RELEASE_MODES = (
    (ReleaseMode.SENTENCE, "By sentence, each checked first"),
    (ReleaseMode.TOKEN, "Word by word; a sentence that fails its check is cut"),
)
_MASKINGS = (
    (PiiMasking.MODEL, "Mask them for the model, in gaps and in logs"),
    (PiiMasking.STORED, "Mask them in stored messages, too"),
    (PiiMasking.OFF, "Mask them in logs only"),
)
_SPAN = re.compile(r"([0-9]{1,2}:[0-9]{2})\s*[-–]\s*([0-9]{1,2}:[0-9]{2})")
_MAX_HOURS_CHARS = 100


@router.get("")
async def settings(office: ManagerViewDep, session: SnapshotDep) -> HTMLResponse:
    """All decisions of the company."""
    company = await read_company(session, office.agent.workspace_id)
    return _page(office, _sheet(company))


@router.post("")
async def save(posted: ManagerDep, work: WorkDep) -> Response:
    """Store them, or say at each field what does not fit."""
    fields = Fields(posted.form)
    decisions = _read(fields)
    try:
        fields.check()
    except BadForm as bad:
        return _page(posted, bad.sheet, status=422)
    await decide(work, posted.doer, decisions)
    return go_to("/dashboard/settings", "saved")


def _read(fields: Fields) -> Decisions:
    timezone = fields.text("timezone", max_chars=64)
    if timezone and timezone not in available_timezones():
        fields.refuse("timezone", "There is no such time zone; one is Europe/Berlin.")
    keeps = fields.number("retention_days", 0, 3_650)
    return Decisions(
        name=fields.text("name", max_chars=200),
        timezone=timezone,
        bot_name=fields.text("bot_name", max_chars=80),
        disclosure=fields.text("disclosure", max_chars=400),
        bot_enabled=fields.flag("bot_enabled"),
        settings={
            "office_hours": _read_hours(fields, timezone),
            "resolve_after_h": fields.number("resolve_after_h", 1, 720),
            "archive_after_days": fields.number("archive_after_days", 1, 3_650),
            "retention_days": keeps or None,
            "answer_mode": fields.word("answer_mode", AnswerMode).value,
            "release_mode": fields.word("release_mode", ReleaseMode).value,
            "guidance": fields.text("guidance", max_chars=MAX_GUIDANCE_CHARS, is_required=False),
            "never_say": _read_never_say(fields),
            "mask_pii": fields.word("mask_pii", PiiMasking).value,
        },
    )


def _read_hours(fields: Fields, timezone: str) -> JsonObject | None:
    """As `conversations/hours.py` reads them; None: somebody is always there."""
    if not fields.flag("has_hours"):
        return None
    days: dict[str, list[list[str]]] = {}
    for day in DAYS:
        written = fields.text(f"hours_{day}", max_chars=_MAX_HOURS_CHARS, is_required=False)
        pieces = [piece.strip() for piece in written.split(",") if piece.strip()]
        spans = [_SPAN.fullmatch(piece) for piece in pieces]
        if not all(spans):
            fields.refuse(f"hours_{day}", "Such as 09:00-12:30, 13:30-18:00; empty when closed.")
        days[day] = [[one[1].zfill(5), one[2].zfill(5)] for one in spans if one]
        try:
            OfficeHours.read({"days": {day: days[day]}}, "UTC")
        except Invalid as error:
            fields.refuse(f"hours_{day}", error.sentence)
    stored: JsonObject = {"days": days, "holidays": _read_holidays(fields)}
    return stored


def _read_holidays(fields: Fields) -> list[str]:
    written = fields.text("holidays", max_chars=2_000, is_required=False)
    found: list[str] = []
    for word in written.replace(",", " ").split():
        try:
            found.append(date.fromisoformat(word).isoformat())
        except ValueError:
            fields.refuse("holidays", f"{word[:20]!r} is not a day such as 2026-12-25.")
    return sorted(set(found))


def _read_never_say(fields: Fields) -> list[str]:
    """A word or a few of them a line."""
    most = MAX_NEVER_SAY * (MAX_NEVER_SAY_CHARS + 1)
    written = fields.text("never_say", max_chars=most, is_required=False)
    lines = list(dict.fromkeys(" ".join(line.split()) for line in written.splitlines()))
    chosen = [line for line in lines if line]
    if len(chosen) > MAX_NEVER_SAY:
        fields.refuse("never_say", f"At most {MAX_NEVER_SAY} lines; this has {len(chosen)}.")
    for line in chosen:
        if len(line) > MAX_NEVER_SAY_CHARS or len(line.split()) > MAX_NEVER_SAY_WORDS:
            limits = f"{MAX_NEVER_SAY_WORDS} words and {MAX_NEVER_SAY_CHARS} characters a line"
            fields.refuse("never_say", f"At most {limits}: {line[:30]!r} is longer.")
        if not any(char.isalnum() for char in line):
            fields.refuse("never_say", f"There is no word in {line!r}.")
    return chosen


def _sheet(company: Company) -> Sheet:
    workspace, inbox = company.workspace, company.inbox
    stored, policy = workspace.settings, AnswerPolicy.of(workspace)
    hours: dict[str, Any] = stored.get("office_hours") or {}
    values = {
        "name": workspace.name,
        "timezone": workspace.timezone,
        "bot_name": inbox.bot_name,
        "disclosure": inbox.disclosure,
        "bot_enabled": "on" if inbox.bot_enabled else "",
        "has_hours": "on" if hours else "",
        "holidays": ", ".join(hours.get("holidays", [])),
        "resolve_after_h": str(stored.get("resolve_after_h", 24)),
        "archive_after_days": str(stored.get("archive_after_days", 30)),
        "retention_days": str(retention_days(workspace) or 0),
        "answer_mode": policy.mode.value,
        "release_mode": policy.release.value,
        "guidance": policy.guidance,
        "never_say": "\n".join(policy.never_say),
        "mask_pii": policy.mask_pii.value,
    }
    for day in DAYS:
        spans = hours.get("days", {}).get(day, [])
        values[f"hours_{day}"] = ", ".join(f"{begin}-{end}" for begin, end in spans)
    return Sheet(values)


def _page(office: Office, sheet: Sheet, *, status: int = 200) -> HTMLResponse:
    values = {
        "title": "Settings",
        "day_names": _DAY_NAMES,
        "answer_modes": _ANSWER_MODES,
        "release_modes": _RELEASE_MODES,
        "maskings": _MASKINGS,
    }
    return office.page("settings/settings.html", "settings", values, sheet=sheet, status=status)
