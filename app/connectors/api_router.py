"""`/v1/connectors`: which ticket systems are connected, and new secrets for their signatures."""

from datetime import datetime
from functools import partial
from typing import Annotated, Self
from uuid import UUID

from pydantic import Field

from app.api.keys import ApiCaller, require
from app.api.paging import Page, PagerDep
from app.api.routes import PREFIX, api_router
from app.api.scopes import Scope
from app.api.values import Resource
from app.connectors import service
from app.connectors.service import ConnectorRow
from app.dependencies import PartsDep, SnapshotDep, WorkDep
from app.vocabulary import TicketSystemKind

router = api_router("/connectors", "connectors")
Reads = Annotated[ApiCaller, require(Scope.WEBHOOKS_READ)]
Writes = Annotated[ApiCaller, require(Scope.WEBHOOKS_WRITE)]


class ConnectorOut(Resource):
    """A connector as it is; its credentials are shown nowhere."""

    id: UUID
    name: str
    system: TicketSystemKind
    url: str
    inbound_path: str = Field(description="Where the ticket system may tell its news.")
    enabled: bool
    disabled_reason: str | None = Field(description="Why Careline itself has disabled it.")
    poll_error: str | None = Field(description="Why its news cannot be read.")
    old_secret_until: datetime | None = Field(description="Until then two secrets are good.")
    num_tickets: int
    created_at: datetime

    @classmethod
    def of(cls, row: ConnectorRow) -> Self:
        """As it is now."""
        return cls.model_validate(_shown(row))


class ConnectorWithSecret(ConnectorOut):
    """The same with the secret of its signatures, which is told once."""

    secret: str = Field(examples=["whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"])


@router.get("")
async def list_connectors(
    caller: Reads, session: SnapshotDep, pager: PagerDep
) -> Page[ConnectorOut]:
    """All connectors, the oldest first; they are made in the office."""
    found = partial(service.read_connectors, session, caller.workspace_id)
    return await pager.read(
        "connectors", found, ConnectorOut.of, lambda row: [str(row.connector.id)]
    )


@router.get("/{connector_id}")
async def read_connector(caller: Reads, connector_id: UUID, session: SnapshotDep) -> ConnectorOut:
    """A connector."""
    return ConnectorOut.of(await service.find_connector(session, caller.workspace_id, connector_id))


@router.post("/{connector_id}/rotate")
async def rotate_connector_secret(
    caller: Writes, connector_id: UUID, work: WorkDep, parts: PartsDep
) -> ConnectorWithSecret:
    """A new secret for signatures, told once; for 24 hours the one before is good too.

    An `Idempotency-Key` does nothing here: a stored answer would be a stored secret.
    """
    row = await service.rotate(work, caller.doer, connector_id)
    secret = service.secret_of(parts.outgoing.vault, row.endpoint)
    return ConnectorWithSecret.model_validate(_shown(row) | {"secret": secret})


def _shown(row: ConnectorRow) -> dict[str, object]:
    connector, endpoint = row.connector, row.endpoint
    return {
        "id": connector.id,
        "name": endpoint.name,
        "system": connector.system,
        "url": endpoint.url,
        "inbound_path": f"{PREFIX}/inbound/{connector.id}",
        "enabled": endpoint.disabled_at is None,
        "disabled_reason": endpoint.disabled_reason,
        "poll_error": connector.poll_error,
        "old_secret_until": endpoint.old_secret_until,
        "num_tickets": row.num_tickets,
        "created_at": connector.created_at,
    }
