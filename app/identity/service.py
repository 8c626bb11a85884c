"""A site's identity secrets, and which contact a signed token stands for."""

import secrets as random
from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import UUID

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from app.audit.service import Doer, note
from app.clock import Clock
from app.database import Work
from app.errors import Conflict, NotFound
from app.identity.tokens import BadIdentity, key_id, read_identity
from app.ids import new_id
from app.models import IdentitySecret, Inbox
from app.security import Secrets
from app.speakers import Identity

MAX_ACTIVE = 5
_NOTE_USE_EVERY = timedelta(hours=1)


@dataclass(frozen=True)
class Shown:
    """A new secret; this is the only time it is told."""

    row: IdentitySecret
    secret: str


async def list_secrets(session: AsyncSession, inbox_id: UUID) -> list[IdentitySecret]:
    """A site's active secrets, newest first."""
    query = select(IdentitySecret).where(
        IdentitySecret.inbox_id == inbox_id, IdentitySecret.revoked_at.is_(None)
    )
    return list(await session.scalars(query.order_by(IdentitySecret.created_at.desc())))


async def create_secret(work: Work, secrets: Secrets, doer: Doer, inbox: Inbox, name: str) -> Shown:
    """Make one more; the older ones stay good until they are revoked.

    Raises:
        Conflict: there are as many as a change of secrets can need.
    """
    active = await list_secrets(work.session, inbox.id)
    if len(active) >= MAX_ACTIVE:
        raise Conflict(f"There are {MAX_ACTIVE} active secrets; revoke one first.")
    row = IdentitySecret(
        id=new_id(),
        created_at=work.clock(),
        workspace_id=inbox.workspace_id,
        inbox_id=inbox.id,
        name=name,
        kid=f"k_{random.token_hex(8)}",
    )
    work.session.add(row)
    await work.session.flush()
    note(work, doer, "identity.secret_created", f"{name} ({row.kid})")
    return Shown(row, secrets.identity_secret(row.id))


async def revoke_secret(work: Work, doer: Doer, inbox: Inbox, secret_id: UUID) -> None:
    """Tokens signed with it prove nothing from now on.

    Raises:
        NotFound: the site has no such active secret.
    """
    row = await work.session.get(IdentitySecret, secret_id)
    if row is None or row.inbox_id != inbox.id or row.revoked_at is not None:
        raise NotFound("There is no such secret.")
    row.revoked_at = work.clock()
    await work.session.flush()
    note(work, doer, "identity.secret_revoked", f"{row.name} ({row.kid})")


async def verify(work: Work, secrets: Secrets, inbox: Inbox, token: str) -> Identity:
    """Who a token of this site says is speaking; that its secret is in use is noted.

    Raises:
        BadIdentity: it proves nothing here.
    """
    row = await _find_active(work.session, inbox, key_id(token))
    identity = read_identity(token, secrets.identity_secret(row.id), work.clock())
    _note_use(row, work.clock)
    return identity


async def _find_active(session: AsyncSession, inbox: Inbox, kid: str) -> IdentitySecret:
    query = select(IdentitySecret).where(
        IdentitySecret.kid == kid[:64],
        IdentitySecret.inbox_id == inbox.id,
        IdentitySecret.revoked_at.is_(None),
    )
    found = (await session.scalars(query)).one_or_none()
    if found is None:
        raise BadIdentity("This site has no active secret with the “kid” of this identity token.")
    return found


def _note_use(row: IdentitySecret, clock: Clock) -> None:
    moment: datetime = clock()
    if row.last_used_at is None or moment - row.last_used_at >= _NOTE_USE_EVERY:
        row.last_used_at = moment
