"""Writes that happen once: the answer is stored under the client's key in the write's own commit.

As draft-ietf-httpapi-idempotency-key-header-07 says: the same request again gets the stored answer,
another one under the same key 422, and one that comes while the first is running 409. A request
that failed has left nothing behind, so its key is free again.
"""

import hashlib
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import timedelta
from uuid import UUID

from fastapi.responses import Response
from sqlalchemy import delete, func, select
from starlette.requests import Request

from app.api.errors import InProgress, KeyReused
from app.database import Work
from app.ids import new_id
from app.jobs.schedule import schedule
from app.models import IdempotencyKey, JsonObject

KEPT_FOR = timedelta(hours=24)
FORGET_JOB = "api.forget_writes"
_FORGET_EVERY = timedelta(hours=1)
_KEPT_HEADERS = ("content-type", "etag", "location")


@dataclass(frozen=True)
class Claim:
    """A client's key for one request."""

    api_key_id: UUID
    key: str
    request_hash: str

    @classmethod
    def of(cls, api_key_id: UUID, key: str, method: str, path: str, body: bytes) -> "Claim":
        """Of what was sent."""
        digest = hashlib.sha256(f"{method} {path}\n".encode() + body).hexdigest()
        return cls(api_key_id, key, digest)


class Replayed(Exception):  # not an error: the answer is there already
    """The write was done before; `response` is what was answered then."""

    def __init__(self, response: Response) -> None:
        super().__init__("done before")
        self.response = response


class RunningWrites:
    """The claims this process is working on; PostgreSQL knows those of the others."""

    def __init__(self) -> None:
        self._held: set[tuple[UUID, str]] = set()

    @contextmanager
    def hold(self, claim: Claim) -> Iterator[None]:
        """Raises: InProgress when the first request of this key is still running."""
        mine = (claim.api_key_id, claim.key)
        if mine in self._held:
            raise InProgress
        self._held.add(mine)
        try:
            yield
        finally:
            self._held.discard(mine)


async def take(work: Work, claim: Claim, *, is_shared: bool) -> None:
    """Begin a write; `is_shared` is true where other processes write into the same store.

    Raises:
        Replayed: it was done before.
        InProgress: another process is doing it.
        KeyReused: the key was used for something else.
    """
    if is_shared:
        is_free = select(func.pg_try_advisory_xact_lock(_lock_number(claim)))
        if not (await work.session.execute(is_free)).scalar_one():
            raise InProgress
    query = select(IdempotencyKey).where(
        IdempotencyKey.api_key_id == claim.api_key_id, IdempotencyKey.key == claim.key
    )
    done = (await work.session.scalars(query)).one_or_none()
    if done is None:
        return
    if done.expires_at <= work.clock():
        await work.session.delete(done)
        await work.session.flush()
        return
    if done.request_hash != claim.request_hash:
        raise KeyReused
    headers = dict(done.headers) | {"Idempotent-Replayed": "true"}
    raise Replayed(Response(done.body, status_code=done.status, headers=headers))


async def keep(request: Request, response: Response) -> None:
    """Store what is answered to a request that came with a key, in the work that did it."""
    claimed: tuple[Work, Claim] | None = getattr(request.state, "claim", None)
    if claimed is None or not 200 <= response.status_code < 300:
        return
    work, claim = claimed
    headers = {name: response.headers[name] for name in _KEPT_HEADERS if name in response.headers}
    now = work.clock()
    work.session.add(
        IdempotencyKey(
            id=new_id(),
            created_at=now,
            api_key_id=claim.api_key_id,
            key=claim.key,
            request_hash=claim.request_hash,
            status=response.status_code,
            headers=headers,
            body=bytes(response.body).decode(),
            expires_at=now + KEPT_FOR,
        )
    )
    await work.session.flush()


async def forget_writes(work: Work, _payload: JsonObject) -> None:
    """The job: forget what was answered a day ago, and look again later."""
    old = delete(IdempotencyKey).where(IdempotencyKey.expires_at <= work.clock())
    await work.session.execute(old)
    await schedule_forgetting(work)


async def schedule_forgetting(work: Work) -> None:
    """Look in an hour; there is only one such job."""
    await schedule(work, FORGET_JOB, work.clock() + _FORGET_EVERY, {}, key=FORGET_JOB)


HANDLERS = {FORGET_JOB: forget_writes}


def _lock_number(claim: Claim) -> int:
    digest = hashlib.sha256(f"{claim.api_key_id}:{claim.key}".encode()).digest()
    return int.from_bytes(digest[:8], "big", signed=True)
