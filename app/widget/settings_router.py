"""The page of the office about the widget: how it looks, who may embed it, who is speaking."""

import re
from uuid import UUID

from fastapi import APIRouter, Request
from fastapi.responses import HTMLResponse, Response

from app.dependencies import PartsDep, WorkDep
from app.errors import Conflict, Invalid
from app.identity.service import Shown, create_secret, list_secrets, revoke_secret
from app.live.origin import read_origin
from app.models import Inbox
from app.office.forms import BadForm, Fields, Sheet
from app.office.frame import ManagerDep, ManagerViewDep, Office, go_to
from app.widget.looks import COLOUR, LANGUAGES, Asks, Looks, Prechat, Scheme, Side
from app.widget.settings import WidgetDecisions, decide, read_inbox

router = APIRouter(prefix="/dashboard/widget", include_in_schema=False)

_PATH = "/dashboard/widget"
_MAX_ORIGINS = 50
_MAX_QUESTIONS = 5
_MAX_QUESTION_CHARS = 120
_LINK = re.compile(r"https?://[^\s\"<>]+")
_LANGUAGE_NAMES = {
    "en": "English",
    "de": "Deutsch",
    "fr": "Français",
    "es": "Español",
    "it": "Italiano",
    "pt": "Português",
    "nl": "Nederlands",
    "ar": "العربية",
}
assert tuple(_LANGUAGE_NAMES) == LANGUAGES


@router.get("")
async def show_widget(office: ManagerViewDep, work: WorkDep, request: Request) -> HTMLResponse:
    """As it is now."""
    inbox = await read_inbox(work.session, office.agent.workspace_id)
    return await _page(office, work, request, _sheet(inbox))


@router.post("")
async def save_widget(posted: ManagerDep, work: WorkDep, request: Request) -> Response:
    """Store it, or say at each field what does not fit."""
    fields = Fields(posted.form)
    decisions = _read(fields)
    try:
        fields.check()
    except BadForm as bad:
        return await _page(posted, work, request, bad.sheet, status=422)
    await decide(work, posted.doer, decisions)
    return go_to(_PATH, "saved")


@router.post("/secrets")
async def make_secret(
    posted: ManagerDep, work: WorkDep, parts: PartsDep, request: Request
) -> HTMLResponse:
    """One more secret, shown this once."""
    inbox = await read_inbox(work.session, posted.agent.workspace_id)
    fields = Fields(posted.form)
    name = fields.text("secret_name", max_chars=80)
    shown = None
    if not fields.errors:
        try:
            shown = await create_secret(work, parts.secrets, posted.doer, inbox, name)
        except Conflict as error:
            fields.refuse("secret_name", error.sentence)
    errors = fields.errors
    typed = {"secret_name": name} if errors else {}
    sheet = Sheet({**_sheet(inbox).values, **typed}, errors)
    status = 422 if errors else 200
    return await _page(posted, work, request, sheet, status=status, shown=shown)


@router.post("/secrets/{secret_id}/revoke")
async def revoke(posted: ManagerDep, work: WorkDep, secret_id: UUID) -> Response:
    """Tokens signed with it prove nothing from now on."""
    inbox = await read_inbox(work.session, posted.agent.workspace_id)
    await revoke_secret(work, posted.doer, inbox, secret_id)
    return go_to(_PATH, "secret_revoked")


def _read(fields: Fields) -> WidgetDecisions:
    return WidgetDecisions(
        allowed_origins=_read_origins(fields),
        looks=_read_looks(fields),
        prechat=_read_prechat(fields),
        enforce_identity=fields.flag("enforce_identity"),
    )


def _read_origins(fields: Fields) -> tuple[str, ...]:
    found: list[str] = []
    for line in fields.text("allowed_origins", max_chars=8_000, is_required=False).split():
        try:
            found.append(read_origin(line))
        except Invalid as error:
            fields.refuse("allowed_origins", error.sentence)
    if len(found) > _MAX_ORIGINS:
        fields.refuse("allowed_origins", f"At most {_MAX_ORIGINS}; there are {len(found)}.")
    return tuple(dict.fromkeys(found))


def _read_looks(fields: Fields) -> Looks:
    locale = fields.text("locale", max_chars=8, is_required=False)
    if locale and locale not in LANGUAGES:
        fields.refuse("locale", "Please choose one of these.")
    return Looks(
        accent=_read_colour(fields, "accent"),
        accent_dark=_read_colour(fields, "accent_dark"),
        side=fields.word("side", Side),
        scheme=fields.word("scheme", Scheme),
        locale=locale,
        launcher=fields.text("launcher", max_chars=30, is_required=False),
        title=fields.text("title", max_chars=80, is_required=False),
        greeting=fields.text("greeting", max_chars=300, is_required=False),
        questions=_read_questions(fields),
    )


def _read_colour(fields: Fields, name: str) -> str:
    value = fields.text(name, max_chars=20, is_required=False).lower()
    if value and name not in fields.errors and not COLOUR.fullmatch(value):
        fields.refuse(name, "A colour such as #5248d6, please; empty is ours.")
    return value


def _read_questions(fields: Fields) -> tuple[str, ...]:
    written = fields.text("questions", max_chars=2_000, is_required=False)
    found = tuple(line.strip() for line in written.splitlines() if line.strip())
    if len(found) > _MAX_QUESTIONS:
        fields.refuse("questions", f"At most {_MAX_QUESTIONS}; there are {len(found)}.")
    too_long = [one for one in found if len(one) > _MAX_QUESTION_CHARS]
    if too_long:
        fields.refuse("questions", f"At most {_MAX_QUESTION_CHARS} characters in a line.")
    return found


def _read_prechat(fields: Fields) -> Prechat:
    link = fields.text("privacy_url", max_chars=500, is_required=False)
    if link and not _LINK.fullmatch(link):
        fields.refuse("privacy_url", "An address such as https://shop.example/privacy, please.")
    read = Prechat(
        is_on=fields.flag("prechat"),
        name=fields.word("asks_name", Asks),
        email=fields.word("asks_email", Asks),
        privacy_url=link,
    )
    if read.is_on and read.name is Asks.OFF and read.email is Asks.OFF and not link:
        fields.refuse("asks_email", "Ask for something, or switch the form off.")
    return read


def _sheet(inbox: Inbox) -> Sheet:
    looks, prechat = Looks.read(inbox.theme), Prechat.read(inbox.prechat)
    return Sheet(
        {
            "allowed_origins": "\n".join(inbox.allowed_origins),
            "accent": looks.accent,
            "accent_dark": looks.accent_dark,
            "side": looks.side,
            "scheme": looks.scheme,
            "locale": looks.locale,
            "launcher": looks.launcher,
            "title": looks.title,
            "greeting": looks.greeting,
            "questions": "\n".join(looks.questions),
            "prechat": "on" if prechat.is_on else "",
            "asks_name": prechat.name,
            "asks_email": prechat.email,
            "privacy_url": prechat.privacy_url,
            "enforce_identity": "on" if inbox.enforce_identity else "",
        }
    )


async def _page(
    office: Office,
    work: WorkDep,
    request: Request,
    sheet: Sheet,
    *,
    status: int = 200,
    shown: Shown | None = None,
) -> HTMLResponse:
    inbox = await read_inbox(work.session, office.agent.workspace_id)
    values = {
        "title": "Widget",
        "host": str(request.base_url).rstrip("/"),
        "site": inbox.public_token,
        "secrets": await list_secrets(work.session, inbox.id),
        "shown": shown,
        "languages": [("", "The page's, or the visitor's"), *_LANGUAGE_NAMES.items()],
        "sides": [(one, one.capitalize()) for one in Side],
        "schemes": [("auto", "As the visitor prefers"), ("light", "Light"), ("dark", "Dark")],
        "asks": [("off", "Not asked"), ("optional", "Optional"), ("required", "Required")],
    }
    page = office.page("settings/widget.html", "settings", values, sheet=sheet, status=status)
    if shown is not None:
        page.headers["Cache-Control"] = "no-store"
    return page
