"""The pages about members, and the one through which somebody joins."""

from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Form, Request
from fastapi.responses import HTMLResponse, Response

from app.agents import members
from app.agents.repository import Agents
from app.agents.service import MIN_PASSWORD_CHARS, PROGRAMS_DOMAIN
from app.dependencies import WorkDep
from app.errors import Invalid
from app.office.forms import EMPTY_SHEET, BadForm, Fields, Sheet
from app.office.frame import ManagerDep, ManagerViewDep, Office, go_to
from app.pages import page
from app.vocabulary import AgentRole

router = APIRouter(prefix="/dashboard", include_in_schema=False)

_PATH = "/dashboard/members"
_MAX_NAME_CHARS = 200
_MAX_PASSWORD_CHARS = 1_000


@router.get("/members")
async def show_members(office: ManagerViewDep, work: WorkDep) -> HTMLResponse:
    """Everybody, and who is invited."""
    return await _page(office, work, EMPTY_SHEET)


@router.post("/members/invite")
async def invite(posted: ManagerDep, work: WorkDep, request: Request) -> HTMLResponse:
    """The link, shown this once."""
    fields = Fields(posted.form)
    email = fields.email("email")
    role = fields.word("role", AgentRole)
    try:
        fields.check()
        invited = await members.invite(work, posted.doer, email, role)
    except BadForm as bad:
        return await _page(posted, work, bad.sheet, status=422)
    except members.AlreadyMember as error:
        sheet = Sheet(fields.values, {"email": error.sentence})
        return await _page(posted, work, sheet, status=422)
    link = str(request.url_for("join_page", token=invited.token))
    return await _page(posted, work, EMPTY_SHEET, link=link, email=email)


@router.post("/members/invitations/{invitation_id}/revoke")
async def revoke(posted: ManagerDep, work: WorkDep, invitation_id: UUID) -> Response:
    """Make a link useless."""
    await members.revoke(work, posted.doer, invitation_id)
    return go_to(_PATH, "revoked")


@router.post("/members/{agent_id}/role")
async def change_role(posted: ManagerDep, work: WorkDep, agent_id: UUID) -> Response:
    """Another role."""
    fields = Fields(posted.form)
    role = fields.word("role", AgentRole)
    try:
        fields.check()
        await members.change_role(work, posted.doer, agent_id, role)
    except Invalid as error:
        return await _page(posted, work, _member_error(agent_id, error), status=422)
    return go_to(_PATH, "saved")


@router.post("/members/{agent_id}/deactivate")
async def deactivate(posted: ManagerDep, work: WorkDep, agent_id: UUID) -> Response:
    """No more access."""
    try:
        await members.deactivate(work, posted.doer, agent_id)
    except Invalid as error:
        return await _page(posted, work, _member_error(agent_id, error), status=422)
    return go_to(_PATH, "deactivated")


@router.post("/members/{agent_id}/reactivate")
async def reactivate(posted: ManagerDep, work: WorkDep, agent_id: UUID) -> Response:
    """Access again."""
    await members.reactivate(work, posted.doer, agent_id)
    return go_to(_PATH, "reactivated")


@router.get("/join/{token}")
async def join_page(work: WorkDep, token: str) -> HTMLResponse:
    """Where an invitation leads."""
    invitation = await members.find_invitation(work, token)
    return _join(token, invitation.email, EMPTY_SHEET)


@router.post("/join/{token}")
async def join(
    work: WorkDep,
    token: str,
    name: Annotated[str, Form(max_length=_MAX_NAME_CHARS * 2)] = "",
    password: Annotated[str, Form(max_length=_MAX_PASSWORD_CHARS)] = "",
) -> Response:
    """Make the account."""
    invitation = await members.find_invitation(work, token)
    fields = Fields({"name": name})
    given = " ".join(fields.text("name", max_chars=_MAX_NAME_CHARS).split())
    if len(password) < MIN_PASSWORD_CHARS:
        fields.refuse("password", f"At least {MIN_PASSWORD_CHARS} characters, please.")
    try:
        fields.check()
        await members.join(work, token, given, password)
    except BadForm as bad:
        return _join(token, invitation.email, bad.sheet, status=422)
    except Invalid as error:
        sheet = Sheet(fields.values, {"name": error.sentence})
        return _join(token, invitation.email, sheet, status=422)
    return go_to("/dashboard/sign-in")


def _member_error(agent_id: UUID, error: Invalid) -> Sheet:
    return Sheet(errors={f"member-{agent_id}": error.sentence})


async def _page(
    office: Office,
    work: WorkDep,
    sheet: Sheet,
    *,
    link: str | None = None,
    email: str = "",
    status: int = 200,
) -> HTMLResponse:
    workspace_id = office.agent.workspace_id
    found = await Agents(work.session).of_workspace(workspace_id)
    values = {
        "title": "Members",
        "members": sorted(found, key=lambda one: (one.disabled_at is not None, one.name.lower())),
        "invitations": await members.open_invitations(work.session, workspace_id, work),
        "roles": members.roles_to_give(office.doer),
        "programs_domain": PROGRAMS_DOMAIN,
        "link": link,
        "invited_email": email,
    }
    return office.page("settings/members.html", "settings", values, sheet=sheet, status=status)


def _join(token: str, email: str, sheet: Sheet, *, status: int = 200) -> HTMLResponse:
    values = {
        "title": "Join Careline",
        "stylesheet": "office.css",
        "token": token,
        "email": email,
        "hint": members.password_hint(),
        "sheet": sheet,
    }
    return page("agents/join.html", values, status=status)
