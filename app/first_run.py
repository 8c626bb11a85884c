"""The first start on an empty database: one company, one site, one owner."""

import secrets
from dataclasses import dataclass

from sqlalchemy import select

from app.agents.service import NewAgent, create_agent
from app.database import Database
from app.ids import new_id
from app.models import Inbox, Workspace
from app.vocabulary import AgentRole

OWNER_EMAIL = "owner@careline.example"


@dataclass(frozen=True)
class Login:
    """What somebody needs to sign in for the first time."""

    email: str
    password: str


async def open_for_business(database: Database) -> Login | None:
    """Make what is needed to start, and say how to sign in; None when somebody has before."""
    async with database.work() as work:
        if (await work.session.scalars(select(Workspace.id).limit(1))).first() is not None:
            return None
        workspace = Workspace(id=new_id(), slug="main", name="My company")
        work.session.add(workspace)
        await work.session.flush()
        site = Inbox(
            workspace_id=workspace.id, name="Website", public_token=f"pk_{secrets.token_hex(12)}"
        )
        work.session.add(site)
        login = Login(OWNER_EMAIL, secrets.token_urlsafe(12))
        owner = NewAgent(workspace.id, login.email, "Owner", AgentRole.OWNER, login.password)
        await create_agent(work, owner)
    return login
