"""`/v1/connectors`: which ticket systems are connected, and new secrets for their signatures."""

from functools import partial
from typing import Annotated
from uuid import UUID

from fastapi import Response

from app.api.etags import IfMatch, check_match, tagged
from app.api.keys import ApiCaller, ApiWorkDep, require
from app.api.paging import Page, PagerDep
from app.api.routes import api_router
from app.api.scopes import Scope
from app.connectors import service
from app.connectors.poller import try_out
from app.connectors.schemas import (
    CheckOut,
    ConnectorChange,
    ConnectorOut,
    ConnectorWithSecret,
    NewConnector,
)
from app.connectors.service import ConnectorRow
from app.connectors.system import TicketTrouble
from app.dependencies import PartsDep, SnapshotDep, WorkDep
from app.parts import Parts

router = api_router("/connectors", "connectors")
Reads = Annotated[ApiCaller, require(Scope.WEBHOOKS_READ)]
Writes = Annotated[ApiCaller, require(Scope.WEBHOOKS_WRITE)]


@router.get("")
async def list_connectors(
    caller: Reads, session: SnapshotDep, pager: PagerDep
) -> Page[ConnectorOut]:
    """All connectors, the oldest first."""
    found = partial(service.read_connectors, session, caller.workspace_id)
    return await pager.read(
        "connectors", found, ConnectorOut.of, lambda row: [str(row.connector.id)]
    )


@router.post("", status_code=201)
async def create_connector(
    caller: Writes, new: NewConnector, work: WorkDep, parts: PartsDep, response: Response
) -> ConnectorWithSecret:
    """Connect a ticket system: hand-offs become tickets there from now on.

    The secret of its signatures is in this answer and in no other; so an `Idempotency-Key` does
    nothing here: a stored answer would be a stored secret.
    """
    vault = parts.outgoing.vault
    made = await service.create(work, caller.doer, vault, new.system, new.wanted())
    response.headers["Location"] = f"/v1/connectors/{made.id}"
    row = await service.find_connector(work.session, caller.workspace_id, made.id)
    return _with_secret(parts, row)


@router.get("/{connector_id}")
async def read_connector(
    caller: Reads, connector_id: UUID, session: SnapshotDep, response: Response
) -> ConnectorOut:
    """A connector; its `ETag` names this state."""
    row = await service.find_connector(session, caller.workspace_id, connector_id)
    return tagged(response, ConnectorOut.of(row))


@router.patch("/{connector_id}", responses={412: {"description": "It has changed."}})
async def change_connector(
    caller: Writes,
    connector_id: UUID,
    change: ConnectorChange,
    work: ApiWorkDep,
    parts: PartsDep,
    response: Response,
    if_match: IfMatch = None,
) -> ConnectorOut:
    """Change it, or switch it off and on; enabled again, it tells first what was waiting."""
    vault = parts.outgoing.vault
    row = await service.find_connector(work.session, caller.workspace_id, connector_id)
    await work.session.refresh(row.connector, with_for_update=True)
    check_match(if_match, ConnectorOut.of(row))
    wanted = change.applied_to(row, service.credentials(vault, row.connector).user)
    is_enabled = row.endpoint.disabled_at is None if change.enabled is None else change.enabled
    await service.change(work, caller.doer, vault, connector_id, wanted, is_enabled=is_enabled)
    changed = await service.find_connector(work.session, caller.workspace_id, connector_id)
    return tagged(response, ConnectorOut.of(changed))


@router.delete("/{connector_id}", status_code=204)
async def delete_connector(caller: Writes, connector_id: UUID, work: ApiWorkDep) -> None:
    """Forget which conversations are tickets there; the tickets and what was said stay."""
    await service.remove(work, caller.doer, connector_id)


@router.post("/{connector_id}/check")
async def check_connector(caller: Writes, connector_id: UUID, parts: PartsDep) -> CheckOut:
    """Sign in there, and say as whom."""
    async with parts.database.snapshot() as session:
        row = await service.find_connector(session, caller.workspace_id, connector_id)
    try:
        name = await try_out(await parts.outgoing.systems.open(row.connector))
    except TicketTrouble as trouble:
        return CheckOut(works=False, signed_in_as=None, trouble=trouble.sentence)
    return CheckOut(works=True, signed_in_as=name, trouble=None)


@router.post("/{connector_id}/rotate")
async def rotate_connector_secret(
    caller: Writes, connector_id: UUID, work: WorkDep, parts: PartsDep
) -> ConnectorWithSecret:
    """A new secret for signatures, told once; for 24 hours the one before is good too.

    An `Idempotency-Key` does nothing here: a stored answer would be a stored secret.
    """
    return _with_secret(parts, await service.rotate(work, caller.doer, connector_id))


def _with_secret(parts: Parts, row: ConnectorRow) -> ConnectorWithSecret:
    secret = service.secret_of(parts.outgoing.vault, row.endpoint)
    return ConnectorWithSecret.with_secret(row, secret)
