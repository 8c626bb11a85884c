"""The agents' pages: sign in, the inbox, one conversation beside it.

The list is drawn here and fetched again when the socket says `list.dirty`; the thread is drawn in
the browser from the socket's frames.
"""

from http import HTTPStatus
from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Form, Request
from fastapi.responses import HTMLResponse, RedirectResponse, Response

from app.agents import service as agents
from app.agents.cookies import drop_cookie, set_cookie
from app.dashboard.inbox import InboxList, View, badge, read_inbox, read_opened
from app.dependencies import AgentDep, CsrfDep, PartsDep, SnapshotDep, check_csrf
from app.errors import NotSignedIn, RateLimited
from app.pages import page
from app.speakers import SignedInAgent

router = APIRouter(prefix="/dashboard", include_in_schema=False)

_VIEW_TITLES = {
    View.ALL: "All",
    View.BOT: "Bot",
    View.WAITING: "Waiting",
    View.MINE: "Mine",
    View.RESOLVED: "Resolved",
}


@router.get("/sign-in")
async def sign_in_page() -> HTMLResponse:
    """The door."""
    return _sign_in("", None, HTTPStatus.OK)


@router.post("/sign-in")
async def sign_in(
    request: Request,
    parts: PartsDep,
    session: SnapshotDep,
    email: Annotated[str, Form(max_length=254)] = "",
    password: Annotated[str, Form(max_length=1_000)] = "",
) -> Response:
    """Hand out the cookie, or the door again with what was wrong."""
    address = request.client.host if request.client else ""
    try:
        signed_in = await agents.sign_in(
            session,
            parts.secrets,
            parts.sign_ins,
            email=email,
            password=password,
            address=address,
        )
    except (NotSignedIn, RateLimited) as error:
        return _sign_in(email, error.sentence, error.status)
    response = RedirectResponse("/dashboard", HTTPStatus.SEE_OTHER)
    set_cookie(response, parts.settings, signed_in.cookie)
    return response


@router.post("/sign-out")
async def sign_out(
    request: Request, parts: PartsDep, _agent: AgentDep, csrf: Annotated[str, Form()]
) -> Response:
    """Take the cookie back."""
    check_csrf(request, parts, csrf)
    response = RedirectResponse("/dashboard/sign-in", HTTPStatus.SEE_OTHER)
    drop_cookie(response, parts.settings)
    return response


@router.get("")
async def inbox(
    agent: AgentDep, csrf: CsrfDep, session: SnapshotDep, view: View = View.ALL
) -> HTMLResponse:
    """The list with nothing open."""
    shown = await read_inbox(session, agent, view)
    return page("dashboard/inbox.html", _frame(agent, csrf, shown))


@router.get("/list")
async def inbox_list(agent: AgentDep, session: SnapshotDep, view: View = View.ALL) -> HTMLResponse:
    """Only the list, for the page that has heard of a change."""
    shown = await read_inbox(session, agent, view)
    return page("dashboard/_list.html", {"inbox": shown, "view_titles": _VIEW_TITLES})


@router.get("/conversations/{conversation_id}")
async def conversation(
    conversation_id: UUID,
    agent: AgentDep,
    csrf: CsrfDep,
    session: SnapshotDep,
    view: View = View.ALL,
) -> HTMLResponse:
    """The list with one conversation open; its thread comes over the socket."""
    opened = await read_opened(session, agent, conversation_id)
    shown = await read_inbox(session, agent, view)
    values = {"row": opened, "badge": badge(opened.conversation, opened.assignee_name)}
    return page("dashboard/conversation.html", _frame(agent, csrf, shown) | values)


def _sign_in(email: str, error: str | None, status: int) -> HTMLResponse:
    values = {
        "title": "Sign in · Careline",
        "stylesheet": "dashboard.css",
        "email": email,
        "error": error,
    }
    return page("agents/sign_in.html", values, status=status)


def _frame(agent: SignedInAgent, csrf: str, shown: InboxList) -> dict[str, object]:
    return {
        "title": "Inbox · Careline",
        "stylesheet": "dashboard.css",
        "agent": agent,
        "csrf": csrf,
        "inbox": shown,
        "view_titles": _VIEW_TITLES,
    }
