"""`/v1/keys`: keys made by keys; only one with `admin` may."""

from functools import partial
from typing import Annotated, Self
from uuid import UUID

from fastapi import Response
from pydantic import ConfigDict, Field, StringConstraints

from app.api import service
from app.api.keys import ApiCaller, ApiWorkDep, require
from app.api.paging import Page, PagerDep
from app.api.routes import api_router
from app.api.scopes import Scope
from app.api.service import KeyRow, NewKey
from app.api.values import Body, Moment, Resource
from app.dependencies import PartsDep, SnapshotDep, WorkDep

router = api_router("/keys", "keys")

Admin = Annotated[ApiCaller, require(Scope.ADMIN)]


class KeyResource(Resource):
    """A key, without its secret."""

    id: UUID
    name: str
    prefix: str
    scopes: list[Scope]
    made_by: str
    is_working: bool
    created_at: Moment
    last_used_at: Moment | None
    expires_at: Moment | None
    revoked_at: Moment | None

    @classmethod
    def of(cls, key: KeyRow) -> Self:
        """The key as it is now."""
        row = key.row
        return cls(
            id=row.id,
            name=row.name,
            prefix=row.prefix,
            scopes=row.scopes,
            made_by=key.maker_name,
            is_working=key.is_working,
            created_at=row.created_at,
            last_used_at=row.last_used_at,
            expires_at=row.expires_at,
            revoked_at=row.revoked_at,
        )


class NewKeyResource(KeyResource):
    """A key with its secret, shown only now."""

    secret: str


class NewKeyBody(Body):
    """What a key is to be."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {"name": "Helpdesk", "scopes": ["conversations:read", "conversations:write"]}
            ]
        }
    )

    name: Annotated[
        str,
        StringConstraints(
            strip_whitespace=True, min_length=1, max_length=service.MAX_NAME_CHARS, pattern=r"\S"
        ),
    ]
    scopes: list[Scope] = Field(min_length=1, max_length=len(Scope))
    expires_at: Moment | None = None


@router.get("")
async def list_keys(
    caller: Admin, pager: PagerDep, session: SnapshotDep, parts: PartsDep
) -> Page[KeyResource]:
    """Keys, newest first, those that open nothing any more included."""
    found = partial(service.page_of_keys, session, caller.workspace_id, parts.clock())
    return await pager.read("keys", found, KeyResource.of, lambda key: [str(key.row.id)])


@router.post("", status_code=201)
async def create_key(
    caller: Admin, work: WorkDep, body: NewKeyBody, response: Response
) -> NewKeyResource:
    """Make a key; its secret is in this answer and nowhere else.

    An `Idempotency-Key` does nothing here: a stored answer would be a stored secret.
    """
    made = await service.create_key(
        work, caller.doer, NewKey(body.name, body.scopes, body.expires_at)
    )
    response.headers["Location"] = f"/v1/keys/{made.row.id}"
    shown = KeyResource.of(KeyRow(made.row, caller.agent.name, is_working=True))
    return NewKeyResource(**shown.model_dump(), secret=made.secret)


@router.get("/{key_id}")
async def get_key(
    key_id: UUID, caller: Admin, session: SnapshotDep, parts: PartsDep
) -> KeyResource:
    """One key, without its secret."""
    return KeyResource.of(
        await service.read_key(session, caller.workspace_id, key_id, parts.clock())
    )


@router.delete("/{key_id}", status_code=204)
async def revoke_key(key_id: UUID, caller: Admin, work: ApiWorkDep) -> None:
    """From now on it opens nothing; it stays in the list."""
    await service.revoke_key(work, caller.doer, key_id)
