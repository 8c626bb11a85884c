"""The agents' pages: sign in, the inbox, one conversation beside it.

The list is drawn here and fetched again when the socket says `list.dirty`; the thread is drawn in
the browser from the socket's frames.
"""

from http import HTTPStatus
from typing import Annotated, Literal
from uuid import UUID

from fastapi import APIRouter, Form, Query, Request
from fastapi.responses import HTMLResponse, RedirectResponse, Response
from pydantic import BaseModel, Field, field_validator

from app.agents import service as agents
from app.agents.cookies import drop_cookie, set_cookie
from app.copilot.reading import reader_of
from app.dashboard.inbox import Chosen, View, find_conversations, read_inbox
from app.dashboard.news import read_news
from app.dashboard.opened import read_opened
from app.dashboard.saved_views import forget_view, read_views, save_view
from app.dependencies import AgentDep, CsrfDep, PartsDep, SnapshotDep, WorkDep, check_csrf
from app.errors import Invalid, NotSignedIn, RateLimited
from app.office.forms import FormText
from app.pages import page
from app.speakers import SignedInAgent
from app.vocabulary import Priority
from app.webhooks.repository import read_given_up

router = APIRouter(prefix="/dashboard", include_in_schema=False)

_VIEW_TITLES = {
    View.ALL: "All open",
    View.MINE: "Mine",
    View.UNASSIGNED: "Unassigned",
    View.WAITING: "Waiting",
    View.BOT: "Bot",
    View.MENTIONS: "Mentions",
    View.SNOOZED: "Snoozed",
    View.RESOLVED: "Resolved",
}
_NUM_FOUND = 8


class ChosenQuery(Chosen):
    """The query of the list; a filter that was left empty is none."""

    @field_validator("priority", "assignee", mode="before")
    @classmethod
    def _empty_is_none(cls, given: object) -> object:
        return given or None


ChosenDep = Annotated[ChosenQuery, Query()]


class ViewForm(BaseModel):
    """A filter and the name it gets."""

    csrf: str
    name: FormText = Field(max_length=200)
    view: View = View.ALL
    label: FormText = Field(default="", max_length=40)
    priority: Priority | Literal[""] = ""
    assignee: UUID | Literal[""] = ""
    q: FormText = Field(default="", max_length=200)


@router.get("/sign-in")
async def sign_in_page() -> HTMLResponse:
    """The door."""
    return _sign_in("", None, HTTPStatus.OK)


@router.post("/sign-in")
async def sign_in(
    request: Request,
    parts: PartsDep,
    session: SnapshotDep,
    email: Annotated[FormText, Form(max_length=254)] = "",
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
    agent: AgentDep, csrf: CsrfDep, session: SnapshotDep, chosen: ChosenDep
) -> HTMLResponse:
    """The list with nothing open."""
    return page("dashboard/inbox.html", await _frame(session, agent, csrf, chosen))


@router.get("/list")
async def inbox_list(
    agent: AgentDep, csrf: CsrfDep, session: SnapshotDep, chosen: ChosenDep
) -> HTMLResponse:
    """Only the list, for the page that has heard of a change."""
    return page("dashboard/_list.html", await _list(session, agent, csrf, chosen))


@router.get("/find")
async def find(
    agent: AgentDep, session: SnapshotDep, q: Annotated[str, Query(max_length=200)] = ""
) -> HTMLResponse:
    """What the palette shows for some words."""
    rows = await find_conversations(session, agent, q, _NUM_FOUND) if q.strip() else []
    return page("dashboard/_found.html", {"rows": rows, "q": q})


@router.get("/conversations/{conversation_id}")
async def conversation(
    conversation_id: UUID,
    agent: AgentDep,
    csrf: CsrfDep,
    session: SnapshotDep,
    chosen: ChosenDep,
    parts: PartsDep,
) -> HTMLResponse:
    """The list with one conversation open; its thread comes over the socket."""
    reader = reader_of(await parts.library.meaning())
    opened = await read_opened(session, agent, conversation_id, reader)
    name = opened.row.contact_name
    values = await _frame(session, agent, csrf, chosen) | {
        "opened": opened,
        "title": f"{name} · Careline",
    }
    return page("dashboard/conversation.html", values)


@router.post("/views")
async def save(
    request: Request,
    parts: PartsDep,
    agent: AgentDep,
    work: WorkDep,
    form: Annotated[ViewForm, Form()],
) -> Response:
    """Give a filter a name, or tell at its field why not."""
    check_csrf(request, parts, form.csrf)
    chosen = Chosen(
        view=form.view,
        label=form.label,
        priority=form.priority or None,
        assignee=form.assignee or None,
        q=form.q,
    )
    try:
        await save_view(work, agent, form.name, chosen)
    except Invalid as error:
        values = await _frame(work.session, agent, form.csrf, chosen) | {
            "view_name": form.name,
            "view_trouble": error.sentence,
        }
        return page("dashboard/inbox.html", values, status=error.status)
    return RedirectResponse(f"/dashboard?{chosen.query}", HTTPStatus.SEE_OTHER)


@router.post("/views/{view_id}/forget")
async def forget(
    request: Request,
    view_id: UUID,
    parts: PartsDep,
    agent: AgentDep,
    work: WorkDep,
    csrf: Annotated[str, Form()],
) -> Response:
    """Take a saved view away."""
    check_csrf(request, parts, csrf)
    await forget_view(work, agent, view_id)
    return RedirectResponse("/dashboard", HTTPStatus.SEE_OTHER)


def _sign_in(email: str, error: str | None, status: int) -> HTMLResponse:
    values = {
        "title": "Sign in · Careline",
        "stylesheet": "dashboard.css",
        "email": email,
        "error": error,
    }
    return page("agents/sign_in.html", values, status=status)


async def _frame(
    session: SnapshotDep, agent: SignedInAgent, csrf: str, chosen: Chosen
) -> dict[str, object]:
    return await _list(session, agent, csrf, chosen) | {
        "title": "Inbox · Careline",
        "stylesheet": "dashboard.css",
        "agent": agent,
        "given_up": await read_given_up(session, agent.workspace_id) if agent.may_manage else [],
    }


async def _list(
    session: SnapshotDep, agent: SignedInAgent, csrf: str, chosen: Chosen
) -> dict[str, object]:
    return {
        "csrf": csrf,
        "inbox": await read_inbox(session, agent, chosen),
        "view_titles": _VIEW_TITLES,
        "news": await read_news(session, agent),
        "saved_views": await read_views(session, agent),
        "view_name": "",
        "view_trouble": "",
    }
