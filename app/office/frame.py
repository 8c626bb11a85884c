"""What every page of the office begins with: who is there, what they may, and the frame around it.

A page that changes something takes a form of ours: `WriterDep` and `ManagerDep` check role and
token before the page's own code runs.
"""

from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass
from http import HTTPStatus
from typing import Annotated
from urllib.parse import urlencode

from fastapi import Depends, Request
from fastapi.responses import HTMLResponse, RedirectResponse
from starlette.datastructures import FormData

from app.audit.service import Doer
from app.dependencies import AgentDep, CsrfDep, PartsDep, SnapshotDep, check_csrf
from app.errors import Forbidden, TooLong
from app.models import WebhookEndpoint
from app.office.forms import EMPTY_SHEET, Sheet
from app.pages import page
from app.speakers import SignedInAgent
from app.webhooks.repository import read_given_up

MAX_FORM_BYTES = 24 * 1_024 * 1_024
_MAX_FIELD_BYTES = 1_024 * 1_024
_NOTICES = {
    "archived": "Archived. Customers no longer find it; old citations still open.",
    "deactivated": "Deactivated. Their sessions have ended.",
    "deleted": "Deleted.",
    "drafted": "A draft was made. Read it over and publish it.",
    "erased": "Erased. What this contact wrote and what was said to them is gone.",
    "imported": "Imported as drafts.",
    "key_revoked": "Revoked. The key opens nothing any more.",
    "joined": "Welcome. You can sign in now.",
    "published": "Published. The bot answers from it now.",
    "reactivated": "Reactivated. They can sign in again.",
    "revoked": "The invitation no longer works.",
    "saved": "Saved.",
    "sent": "On its way; load the page again to see how it went.",
    "secret_revoked": "Revoked. Tokens signed with it prove nothing any more.",
}


@dataclass(frozen=True)
class Office:
    """A signed-in agent in front of a page."""

    agent: SignedInAgent
    doer: Doer
    csrf: str
    notice: str | None
    """What the form before this page has done."""
    given_up: tuple[WebhookEndpoint, ...]
    """What nothing is sent to any more, and nobody decided so; told to those who can help."""

    def page(
        self,
        template: str,
        section: str,
        values: Mapping[str, object],
        *,
        sheet: Sheet = EMPTY_SHEET,
        status: int = HTTPStatus.OK,
    ) -> HTMLResponse:
        """A page inside the frame; `section` is the link of the rail it stands behind."""
        frame = {
            "agent": self.agent,
            "csrf": self.csrf,
            "given_up": self.given_up,
            "notice": None if sheet.errors else self.notice,
            "section": section,
            "sheet": sheet,
            "stylesheet": "office.css",
        }
        return page(template, frame | dict(values), status=status)


@dataclass(frozen=True)
class Posted(Office):
    """The same with the form they sent; its token was good."""

    form: FormData


def go_to(path: str, done: str | None = None, **query: str) -> RedirectResponse:
    """After a form: another page, so that loading it again does nothing twice."""
    assert done is None or done in _NOTICES, f"no sentence for {done!r}"
    told = {"done": done} if done else {}
    asked = urlencode(query | told)
    return RedirectResponse(f"{path}?{asked}" if asked else path, HTTPStatus.SEE_OTHER)


async def _office(request: Request, agent: AgentDep, csrf: CsrfDep, session: SnapshotDep) -> Office:
    doer = Doer(agent, request.client.host if request.client else None)
    notice = _NOTICES.get(request.query_params.get("done", ""))
    given_up = await read_given_up(session, agent.workspace_id) if agent.may_manage else []
    return Office(agent, doer, csrf, notice, tuple(given_up))


OfficeDep = Annotated[Office, Depends(_office)]
"""Any signed-in agent may look."""


async def _manager_view(office: OfficeDep) -> Office:
    if not office.agent.may_manage:
        raise Forbidden
    return office


ManagerViewDep = Annotated[Office, Depends(_manager_view)]
"""Admins and owners may look."""


async def _posted(request: Request, parts: PartsDep, office: OfficeDep) -> AsyncIterator[Posted]:
    size = request.headers.get("content-length", "")
    if not size.isdecimal() or int(size) > MAX_FORM_BYTES:
        raise TooLong(f"At most {MAX_FORM_BYTES // 1_024**2} MB can be sent at once.")
    async with request.form(max_part_size=_MAX_FIELD_BYTES) as form:
        check_csrf(request, parts, str(form.get("csrf", "")))
        yield Posted(office.agent, office.doer, office.csrf, office.notice, office.given_up, form)


PostedDep = Annotated[Posted, Depends(_posted)]


async def _writer(office: OfficeDep, request: Request, parts: PartsDep) -> AsyncIterator[Posted]:
    if not office.agent.may_converse:
        raise Forbidden
    async for posted in _posted(request, parts, office):
        yield posted


async def _manager(office: OfficeDep, request: Request, parts: PartsDep) -> AsyncIterator[Posted]:
    if not office.agent.may_manage:
        raise Forbidden
    async for posted in _posted(request, parts, office):
        yield posted


WriterDep = Annotated[Posted, Depends(_writer)]
"""A form of somebody who may do more than read."""

ManagerDep = Annotated[Posted, Depends(_manager)]
"""A form of an admin or owner."""
