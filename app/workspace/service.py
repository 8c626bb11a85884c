"""Changing what a company has decided; every change is noted with what it was before."""

from dataclasses import dataclass
from typing import Any
from uuid import UUID

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from app.audit.service import Doer, note
from app.database import Work
from app.models import Inbox, JsonObject, Workspace


@dataclass(frozen=True)
class Company:
    """A company and its site."""

    workspace: Workspace
    inbox: Inbox


@dataclass(frozen=True)
class Decisions:
    """All that the page of settings holds."""

    name: str
    timezone: str
    bot_name: str
    disclosure: str
    bot_enabled: bool
    settings: JsonObject
    """Keys that are set; others in the stored settings stay as they are."""


async def read_company(session: AsyncSession, workspace_id: UUID) -> Company:
    """The company with its first site."""
    workspace = await session.get_one(Workspace, workspace_id)
    sites = select(Inbox).where(Inbox.workspace_id == workspace_id).order_by(Inbox.created_at)
    return Company(workspace, (await session.scalars(sites.limit(1))).one())


async def decide(work: Work, doer: Doer, decisions: Decisions) -> None:
    """Store them; what did not change is not noted."""
    company = await read_company(work.session, doer.agent.workspace_id)
    workspace, inbox = company.workspace, company.inbox
    changes: dict[str, tuple[Any, Any]] = {
        "name": (workspace.name, decisions.name),
        "timezone": (workspace.timezone, decisions.timezone),
        "bot_name": (inbox.bot_name, decisions.bot_name),
        "disclosure": (inbox.disclosure, decisions.disclosure),
        "bot_enabled": (inbox.bot_enabled, decisions.bot_enabled),
    }
    changes |= {
        key: (workspace.settings.get(key), value) for key, value in decisions.settings.items()
    }
    workspace.name, workspace.timezone = decisions.name, decisions.timezone
    inbox.bot_name, inbox.disclosure = decisions.bot_name, decisions.disclosure
    inbox.bot_enabled = decisions.bot_enabled
    workspace.settings = workspace.settings | decisions.settings
    if any(before != after for before, after in changes.values()):
        note(work, doer, "settings.changed", workspace.name, changes)
    await work.session.flush()
