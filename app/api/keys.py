"""Who calls: the key in the request, as a dependency of every route of `/v1`.

ReadsContacts = Annotated[ApiCaller, require(Scope.CONTACTS_READ)]

@router.get("/contacts")
async def list_contacts(caller: ReadsContacts, ...) -> ...:
"""

import hashlib
from collections.abc import AsyncIterator
from dataclasses import dataclass
from typing import Annotated, Any
from uuid import UUID

from fastapi import Depends, Header, Request, Security
from fastapi.security import HTTPAuthorizationCredentials, HTTPBearer

from app.api import service
from app.api.errors import BadKey, MissingScope
from app.api.idempotency import Claim, take
from app.api.scopes import Scope
from app.audit.service import Doer
from app.database import Work
from app.dependencies import PartsDep
from app.errors import RateLimited, Unavailable
from app.parts import Parts
from app.speakers import SignedInAgent

_bearer = HTTPBearer(
    scheme_name="ApiKey",
    bearerFormat="ck_live_…",
    description="A key made by an admin (Settings, API keys) or by `careline key create`.",
    auto_error=False,
)


@dataclass(frozen=True)
class ApiCaller:
    """A program with a working key that may do what it asks for."""

    workspace_id: UUID
    key_id: UUID
    key_name: str
    scopes: frozenset[Scope]
    agent: SignedInAgent
    """The admin who made the key, as `access.py` and the services want to know who acts."""
    address: str | None = None

    @property
    def doer(self) -> Doer:
        """For the audit log."""
        return Doer(self.agent, self.address, name=f"api key {self.key_name}")

    def may(self, scope: Scope) -> bool:
        """Whether the key has this right."""
        return scope in self.scopes or Scope.ADMIN in self.scopes


class Requires:
    """A dependency that lets a key with all these scopes through."""

    def __init__(self, *scopes: Scope) -> None:
        self.scopes = scopes

    async def __call__(
        self,
        request: Request,
        parts: PartsDep,
        sent: Annotated[HTTPAuthorizationCredentials | None, Security(_bearer)],
    ) -> ApiCaller:
        """Raises: BadKey, RateLimited, MissingScope."""
        caller = await _recognise(request, parts, sent)
        standing = parts.api_limits.take(caller.key_id)
        request.state.api_headers = parts.api_limits.headers(standing)
        if standing.retry_after_s:
            raise RateLimited(retry_after_s=standing.retry_after_s)
        missing = [scope for scope in self.scopes if not caller.may(scope)]
        if missing:
            raise MissingScope(f"This key lacks the scope {', '.join(missing)}.")
        request.state.caller = caller
        return caller


def require(*scopes: Scope) -> Any:
    """`Depends` for a route that a key with all these scopes may use."""
    return Depends(Requires(*scopes))


async def _recognise(
    request: Request, parts: Parts, sent: HTTPAuthorizationCredentials | None
) -> ApiCaller:
    if sent is None:
        raise BadKey
    async with parts.database.snapshot() as session:
        known = await service.recognise(session, sent.credentials, parts.clock())
    if not known.is_use_noted:
        await _note_use(parts, known.key_id)
    address = request.client.host if request.client else None
    agent = known.agent
    return ApiCaller(agent.workspace_id, known.key_id, known.name, known.scopes, agent, address)


async def _note_use(parts: Parts, key_id: UUID) -> None:
    """A store that cannot be written to can still be read."""
    try:
        async with parts.database.work() as work:
            await service.note_use(work, key_id)
    except Unavailable:
        return


async def _api_work(
    request: Request,
    parts: PartsDep,
    key: Annotated[
        str | None,
        Header(
            alias="Idempotency-Key",
            min_length=1,
            max_length=255,
            description="Of your choice; a retry within 24 hours does nothing twice.",
        ),
    ] = None,
) -> AsyncIterator[Work]:
    """After the caller: a route names its caller first."""
    caller: ApiCaller = request.state.caller
    if key is None:
        async with parts.database.work() as work:
            yield work
        return
    body = await _sent(request)
    claim = Claim.of(caller.key_id, key, request.method, request.url.path, body)
    with parts.running_writes.hold(claim):
        async with parts.database.work() as work:
            await take(work, claim, is_shared=not parts.database.is_sqlite)
            request.state.claim = (work, claim)
            yield work


async def _sent(request: Request) -> bytes:
    """What tells one request from another: of a form its files, for boundaries are drawn anew."""
    body: bytes | None = getattr(request, "_body", None)
    if body is not None:
        return body
    parts: list[bytes] = []
    for name, value in (await request.form()).multi_items():
        content = value.encode() if isinstance(value, str) else await value.read()
        if not isinstance(value, str):
            await value.seek(0)
            name = f"{name}={value.filename}"
        parts += [name.encode(), hashlib.sha256(content).digest()]
    return b"\n".join(parts)


ApiWorkDep = Annotated[Work, Depends(_api_work, scope="function")]
"""A unit of work that happens once for an `Idempotency-Key`; stands after the caller."""
