"""Accounts: making them, signing in, recognising who comes back with a cookie.

A wrong password, an unknown address and a disabled account look and take alike.
"""

import asyncio
from dataclasses import dataclass
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncSession

from app import access
from app.agents.repository import Agents
from app.database import Work
from app.errors import Invalid, NotFound, NotSignedIn
from app.models import Agent
from app.security import Secrets, hash_password, is_password, is_password_mark
from app.speakers import SignedInAgent
from app.throttle import Throttle
from app.vocabulary import AgentRole

MIN_PASSWORD_CHARS = 10
PROGRAMS_DOMAIN = "@careline.invalid"
"""Of the addresses of accounts nobody signs in to, such as a connector's."""


@dataclass(frozen=True)
class NewAgent:
    """An account to be made."""

    workspace_id: UUID
    email: str
    name: str
    role: AgentRole
    password: str


@dataclass(frozen=True)
class SignIn:
    """Who signed in, and the value of the cookie to hand out."""

    agent: SignedInAgent
    cookie: str


async def create_agent(work: Work, new: NewAgent) -> Agent:
    """Make an account.

    Raises:
        Invalid: the password is too short, or the address is taken or none.
    """
    email = new.email.strip().lower()
    if len(new.password) < MIN_PASSWORD_CHARS:
        raise Invalid(f"A password needs at least {MIN_PASSWORD_CHARS} characters.")
    if "@" not in email or await Agents(work.session).find_by_email(email) is not None:
        raise Invalid("This e-mail address cannot be used.")
    agent = Agent(
        workspace_id=new.workspace_id,
        email=email,
        name=new.name,
        role=new.role,
        password_hash=await asyncio.to_thread(hash_password, new.password),
    )
    work.session.add(agent)
    await work.session.flush()
    return agent


async def sign_in(
    session: AsyncSession,
    secrets: Secrets,
    throttle: Throttle,
    *,
    email: str,
    password: str,
    address: str,
) -> SignIn:
    """Check a password; `address` is where the attempt comes from.

    Raises:
        RateLimited: too many wrong attempts for this account or from this address.
        NotSignedIn: not this password.
    """
    keys = (f"account:{email.strip().lower()}", f"address:{address}")
    for key in keys:
        throttle.check(key)
    found = await Agents(session).find_by_email(email)
    usable = found if found is not None and found.disabled_at is None else None
    stored_hash = usable.password_hash if usable else None
    is_right = await asyncio.to_thread(is_password, password, stored_hash)
    if usable is None or not is_right:
        for key in keys:
            throttle.count(key)
        raise NotSignedIn("This e-mail address and password do not fit together.")
    throttle.forget(keys[0])
    return SignIn(_signed_in(usable), secrets.agent_cookie(usable.id, usable.password_hash))


async def recognise(session: AsyncSession, secrets: Secrets, cookie: str | None) -> SignedInAgent:
    """The agent behind a cookie.

    Raises:
        NotSignedIn: no cookie, not ours, too old, or the account or its password has changed.
    """
    claims = secrets.read_agent_cookie(cookie) if cookie else None
    if claims is None:
        raise NotSignedIn
    try:
        agent = await access.agent(session, claims.agent_id)
    except NotFound as error:
        raise NotSignedIn from error
    if not is_password_mark(claims.password_mark, agent.password_hash):
        raise NotSignedIn
    return _signed_in(agent)


def _signed_in(agent: Agent) -> SignedInAgent:
    return SignedInAgent(agent.workspace_id, agent.id, agent.name, agent.role)
