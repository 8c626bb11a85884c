"""Who belongs to a company: invitations, roles, leaving. There is always an active owner.

Admins manage everybody but owners; only an owner makes, changes or deactivates an owner. Changes of
one company wait for each other at its row, so two last owners cannot demote each other.
"""

import secrets
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta
from uuid import UUID

from sqlalchemy import func, select
from sqlalchemy.ext.asyncio import AsyncSession

from app.agents.repository import Agents
from app.agents.service import MIN_PASSWORD_CHARS, NewAgent, create_agent
from app.audit.service import Doer, note
from app.database import Work
from app.errors import Forbidden, Invalid, NotFound
from app.ids import new_id
from app.models import Agent, Invitation, Workspace
from app.security import hash_token
from app.vocabulary import AgentRole

INVITATION_LASTS = timedelta(days=7)
_TOKEN_BYTES = 32


class LastOwner(Invalid):
    sentence = "A company needs at least one active owner; make somebody else an owner first."


class AlreadyMember(Invalid):
    sentence = "Somebody with this e-mail address has an account already."


class InvitationOver(NotFound):
    sentence = "This invitation has been used, revoked, or is too old; please ask for a new one."


@dataclass(frozen=True)
class Invited:
    """An invitation with its token, which is shown once and not stored."""

    invitation: Invitation
    token: str


async def invite(work: Work, doer: Doer, email: str, role: AgentRole) -> Invited:
    """Make a link by which somebody joins; an older one for the same address ends.

    Raises:
        AlreadyMember: the address has an account.
        Forbidden: this role is not theirs to give.
    """
    _may_touch(doer, role)
    if await Agents(work.session).find_by_email(email) is not None:
        raise AlreadyMember
    for older in await open_invitations(work.session, doer.agent.workspace_id, work):
        if older.email == email:
            older.closed_at = work.clock()
    token = secrets.token_urlsafe(_TOKEN_BYTES)
    invitation = Invitation(
        id=new_id(),
        created_at=work.clock(),
        workspace_id=doer.agent.workspace_id,
        email=email,
        role=role,
        token_hash=hash_token(token),
        invited_by_agent_id=doer.agent.agent_id,
        expires_at=work.clock() + INVITATION_LASTS,
    )
    work.session.add(invitation)
    await work.session.flush()
    note(work, doer, "member.invited", email, {"role": (None, role.value)})
    return Invited(invitation, token)


async def revoke(work: Work, doer: Doer, invitation_id: UUID) -> None:
    """Make an invitation useless."""
    found = await work.session.get(Invitation, invitation_id)
    if found is None or found.workspace_id != doer.agent.workspace_id:
        raise NotFound
    _may_touch(doer, found.role)
    if found.closed_at is None:
        found.closed_at = work.clock()
        note(work, doer, "member.invitation_revoked", found.email)


async def open_invitations(
    session: AsyncSession, workspace_id: UUID, work: Work
) -> Sequence[Invitation]:
    """Those that still work, newest first."""
    query = select(Invitation).where(
        Invitation.workspace_id == workspace_id,
        Invitation.closed_at.is_(None),
        Invitation.expires_at > work.clock(),
    )
    return (await session.scalars(query.order_by(Invitation.created_at.desc()))).all()


async def find_invitation(work: Work, token: str) -> Invitation:
    """The invitation of a link.

    Raises:
        InvitationOver: it does not work, or not any more.
    """
    query = select(Invitation).where(Invitation.token_hash == hash_token(token)).with_for_update()
    found = (await work.session.scalars(query)).one_or_none()
    if found is None or found.closed_at is not None or found.expires_at <= work.clock():
        raise InvitationOver
    return found


async def join(work: Work, token: str, name: str, password: str) -> Agent:
    """Make the account an invitation is for; it works once.

    Raises:
        InvitationOver: it does not work, or not any more.
        Invalid: the password is too short, or the address has got an account meanwhile.
    """
    invitation = await find_invitation(work, token)
    new = NewAgent(invitation.workspace_id, invitation.email, name, invitation.role, password)
    agent = await create_agent(work, new)
    invitation.closed_at = work.clock()
    return agent


async def change_role(work: Work, doer: Doer, agent_id: UUID, role: AgentRole) -> None:
    """Give somebody another role.

    Raises:
        Forbidden: an owner's role is touched by somebody who is none.
        LastOwner: nobody would be left who owns the company.
    """
    agent = await _lock_member(work, doer, agent_id)
    _may_touch(doer, agent.role)
    _may_touch(doer, role)
    if agent.role is AgentRole.OWNER and role is not AgentRole.OWNER:
        await _another_owner(work, agent)
    note(work, doer, "member.role_changed", agent.email, {"role": (agent.role.value, role.value)})
    agent.role = role


async def deactivate(work: Work, doer: Doer, agent_id: UUID) -> None:
    """End somebody's access at once; what they wrote stays.

    Raises:
        Forbidden: an owner is deactivated by somebody who is none.
        LastOwner: nobody would be left who owns the company.
    """
    agent = await _lock_member(work, doer, agent_id)
    _may_touch(doer, agent.role)
    if agent.role is AgentRole.OWNER:
        await _another_owner(work, agent)
    if agent.disabled_at is None:
        agent.disabled_at = work.clock()
        note(work, doer, "member.deactivated", agent.email)


async def reactivate(work: Work, doer: Doer, agent_id: UUID) -> None:
    """Let somebody in again, with their old password."""
    agent = await _lock_member(work, doer, agent_id)
    _may_touch(doer, agent.role)
    if agent.disabled_at is not None:
        agent.disabled_at = None
        note(work, doer, "member.reactivated", agent.email)


def roles_to_give(doer: Doer) -> list[AgentRole]:
    """The roles this agent may give to others."""
    is_owner = doer.agent.role is AgentRole.OWNER
    return [role for role in AgentRole if is_owner or role is not AgentRole.OWNER]


def password_hint() -> str:
    """What a password needs."""
    return f"At least {MIN_PASSWORD_CHARS} characters."


async def _lock_member(work: Work, doer: Doer, agent_id: UUID) -> Agent:
    company = select(Workspace.id).where(Workspace.id == doer.agent.workspace_id)
    await work.session.execute(company.with_for_update())
    query = select(Agent).where(Agent.id == agent_id, Agent.workspace_id == doer.agent.workspace_id)
    found = (
        await work.session.scalars(query.execution_options(populate_existing=True))
    ).one_or_none()
    if found is None:
        raise NotFound
    return found


async def _another_owner(work: Work, agent: Agent) -> None:
    query = select(func.count()).where(
        Agent.workspace_id == agent.workspace_id,
        Agent.role == AgentRole.OWNER,
        Agent.disabled_at.is_(None),
        Agent.id != agent.id,
    )
    if (await work.session.execute(query)).scalar_one() == 0:
        raise LastOwner


def _may_touch(doer: Doer, role: AgentRole) -> None:
    if not doer.agent.may_manage or role not in roles_to_give(doer):
        raise Forbidden
