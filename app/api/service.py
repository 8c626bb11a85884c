"""Keys of programs: made by admins, shown once, recognised by their hash.

A key works while it is neither revoked nor expired and while the admin who made it still is one.
"""

import secrets
import string
from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import UUID

from sqlalchemy import select, update
from sqlalchemy.ext.asyncio import AsyncSession

from app.api.errors import BadField, BadKey
from app.api.scopes import Scope, may_write
from app.api.seeking import place_of_id, seek
from app.audit.service import Doer, note
from app.database import Work
from app.errors import Forbidden, Invalid, NotFound
from app.ids import new_id
from app.models import Agent, ApiKey
from app.security import hash_token
from app.speakers import SignedInAgent
from app.vocabulary import AgentRole

PREFIX = "ck_live_"
MAX_NAME_CHARS = 80
_LETTERS = string.ascii_letters + string.digits
_SHOWN_CHARS = 8
_ALL = 1_000
_SECRET_CHARS = 40
_NOTED_EVERY = timedelta(minutes=1)
_MANAGERS = (AgentRole.OWNER, AgentRole.ADMIN)


@dataclass(frozen=True)
class NewKey:
    """What a key is to be."""

    name: str
    scopes: Collection[Scope]
    expires_at: datetime | None = None


@dataclass(frozen=True)
class MadeKey:
    """A key and its secret, which nobody can be shown again."""

    row: ApiKey
    secret: str


@dataclass(frozen=True)
class KeyRow:
    """A key with the admin who made it; `is_working` is true when it opens something."""

    row: ApiKey
    maker_name: str
    is_working: bool


@dataclass(frozen=True)
class KnownKey:
    """A key that was recognised."""

    key_id: UUID
    name: str
    scopes: frozenset[Scope]
    agent: SignedInAgent
    """In whose name it acts; one that may only read is a viewer."""
    is_use_noted: bool
    """Whether its last use was noted a moment ago."""


async def create_key(work: Work, doer: Doer, new: NewKey) -> MadeKey:
    """Make a key.

    Raises:
        Forbidden: not an admin.
        Invalid: no name, no scope, or an end that has passed.
    """
    if not doer.agent.may_manage:
        raise Forbidden("Only admins make keys.")
    name = " ".join(new.name.split())
    if not name or len(name) > MAX_NAME_CHARS:
        raise Invalid(f"A key's name has 1 to {MAX_NAME_CHARS} characters; this has {len(name)}.")
    if not new.scopes:
        raise Invalid("A key needs at least one scope.")
    if new.expires_at is not None and new.expires_at <= work.clock():
        raise BadField("/expires_at", "A key must end in the future.")
    shown = _random(_SHOWN_CHARS)
    secret = f"{PREFIX}{shown}_{_random(_SECRET_CHARS)}"
    row = ApiKey(
        id=new_id(),
        created_at=work.clock(),
        workspace_id=doer.agent.workspace_id,
        name=name,
        prefix=f"{PREFIX}{shown}",
        secret_hash=hash_token(secret),
        scopes=sorted(scope.value for scope in set(new.scopes)),
        created_by_agent_id=doer.agent.agent_id,
        expires_at=new.expires_at,
    )
    work.session.add(row)
    await work.session.flush()
    note(work, doer, "api_key.created", name, {"scopes": (None, ", ".join(row.scopes))})
    return MadeKey(row, secret)


async def revoke_key(work: Work, doer: Doer, key_id: UUID) -> ApiKey:
    """From this commit on it opens nothing.

    Raises:
        NotFound: there is no such key.
        Forbidden: not an admin.
    """
    if not doer.agent.may_manage:
        raise Forbidden("Only admins revoke keys.")
    row = await find_key(work.session, doer.agent.workspace_id, key_id)
    if row.revoked_at is None:
        row.revoked_at = work.clock()
        note(work, doer, "api_key.revoked", row.name)
    return row


async def find_key(session: AsyncSession, workspace_id: UUID, key_id: UUID) -> ApiKey:
    """One of a company's keys.

    Raises:
        NotFound: unknown, or another company's.
    """
    row = await session.get(ApiKey, key_id)
    if row is None or row.workspace_id != workspace_id:
        raise NotFound("There is no such key.")
    return row


async def read_key(
    session: AsyncSession, workspace_id: UUID, key_id: UUID, now: datetime
) -> KeyRow:
    """One of them with its maker; raises as `find_key`."""
    row = await find_key(session, workspace_id, key_id)
    maker = await session.get_one(Agent, row.created_by_agent_id)
    return KeyRow(row, maker.name, _works(row, maker, now))


async def read_keys(session: AsyncSession, workspace_id: UUID, now: datetime) -> list[KeyRow]:
    """All of a company's keys, the newest first."""
    return await page_of_keys(session, workspace_id, now, None, _ALL)


async def page_of_keys(
    session: AsyncSession,
    workspace_id: UUID,
    now: datetime,
    after: list[str] | None,
    limit: int,
) -> list[KeyRow]:
    """The next keys behind a place, newest first."""
    query = (
        select(ApiKey, Agent)
        .join(Agent, Agent.id == ApiKey.created_by_agent_id)
        .where(ApiKey.workspace_id == workspace_id)
    )
    found = await session.execute(seek(query, [ApiKey.id], place_of_id(after), limit))
    return [KeyRow(row, maker.name, _works(row, maker, now)) for row, maker in found]


async def recognise(session: AsyncSession, secret: str, now: datetime) -> KnownKey:
    """Whose key it is.

    Raises:
        BadKey: unknown, revoked, expired, or made by somebody who is no admin any more.
    """
    query = (
        select(ApiKey, Agent)
        .join(Agent, Agent.id == ApiKey.created_by_agent_id)
        .where(ApiKey.secret_hash == hash_token(secret))
    )
    found = (await session.execute(query)).one_or_none()
    if found is None or not _works(found[0], found[1], now):
        raise BadKey
    row, maker = found
    scopes = frozenset(Scope(scope) for scope in row.scopes)
    role = maker.role if may_write(scopes) else AgentRole.VIEWER
    agent = SignedInAgent(row.workspace_id, maker.id, maker.name, role)
    is_noted = row.last_used_at is not None and now - row.last_used_at < _NOTED_EVERY
    return KnownKey(row.id, row.name, scopes, agent, is_noted)


async def note_use(work: Work, key_id: UUID) -> None:
    """Remember that it was used."""
    used = update(ApiKey).where(ApiKey.id == key_id).values(last_used_at=work.clock())
    await work.session.execute(used.execution_options(synchronize_session=False))


def _works(row: ApiKey, maker: Agent, now: datetime) -> bool:
    is_over = row.revoked_at is not None or (row.expires_at is not None and row.expires_at <= now)
    return not is_over and maker.disabled_at is None and maker.role in _MANAGERS


def _random(num_chars: int) -> str:
    return "".join(secrets.choice(_LETTERS) for _ in range(num_chars))
