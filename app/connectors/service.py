"""Connectors as admins make and change them."""

import json
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime
from uuid import UUID

from sqlalchemy import Select, delete, func, select
from sqlalchemy.ext.asyncio import AsyncSession

from app.agents.service import PROGRAMS_DOMAIN
from app.api.errors import BadField
from app.api.seeking import Order, place_of_id, seek
from app.audit.service import Doer, note
from app.database import Work
from app.errors import NotFound
from app.ids import new_id
from app.models import (
    Agent,
    Connector,
    InboundReceipt,
    TicketComment,
    TicketLink,
    WebhookEndpoint,
)
from app.outbound import FetchRefused, read_target
from app.vault import Vault
from app.vocabulary import AgentRole, EndpointKind, TicketSystemKind
from app.webhooks import signing
from app.webhooks.service import forget_deliveries, host_of, renew_secret, set_enabled

_NO_PASSWORD = "!"  # no hash: nobody can sign in
SWITCHES = ("imports", "bot_answers")
MAX_COUNTED = 10_000
"""Tickets of a connector; to count all would cost more with every one."""


@dataclass(frozen=True)
class Wanted:
    """A connector as it is to be."""

    name: str
    """Customers read it when somebody there takes over."""
    url: str
    user: str = ""
    secret: str = ""
    """Empty: the one that is stored."""
    settings: Mapping[str, str] = field(default_factory=dict)
    signing_secret: str = ""
    """With which the ticket system signs, where it has one of its own. Empty: as it is stored."""


@dataclass(frozen=True)
class ConnectorRow:
    """A connector with its endpoint."""

    connector: Connector
    endpoint: WebhookEndpoint
    num_tickets: int = 0


async def read_connectors(
    session: AsyncSession, workspace_id: UUID, after: list[str] | None = None, limit: int = 100
) -> list[ConnectorRow]:
    """A company's next connectors behind a place, the oldest first."""
    query = _rows().where(Connector.workspace_id == workspace_id)
    query = seek(query, [Connector.id], place_of_id(after), limit, Order.ASC)
    return [ConnectorRow(*found) for found in await session.execute(query)]


async def find_connector(
    session: AsyncSession, workspace_id: UUID, connector_id: UUID
) -> ConnectorRow:
    """One of a company's connectors.

    Raises:
        NotFound: unknown, or another company's.
    """
    mine = (Connector.id == connector_id, Connector.workspace_id == workspace_id)
    found = (await session.execute(_rows().where(*mine))).one_or_none()
    if found is None:
        raise NotFound("There is no such connector.")
    return ConnectorRow(*found)


async def find_source(session: AsyncSession, connector_id: UUID) -> ConnectorRow | None:
    """Whose webhooks come in there, whichever company's it is."""
    found = (await session.execute(_rows().where(Connector.id == connector_id))).one_or_none()
    return None if found is None else ConnectorRow(*found)


async def find_conversation(
    session: AsyncSession, connector_id: UUID, ticket_ref: str
) -> UUID | None:
    """What a ticket is here, if it is anything."""
    query = select(TicketLink.conversation_id).where(
        TicketLink.connector_id == connector_id, TicketLink.ticket_ref == ticket_ref
    )
    return (await session.scalars(query)).one_or_none()


async def create(
    work: Work, doer: Doer, vault: Vault, system: TicketSystemKind, wanted: Wanted
) -> Connector:
    """Hand-offs go there from now on; an account is made that answers here for people there.

    Raises:
        BadField: the address cannot be one of a ticket system.
    """
    _check(wanted.url)
    workspace_id, now = doer.agent.workspace_id, work.clock()
    account = Agent(
        id=new_id(),
        created_at=now,
        workspace_id=workspace_id,
        email=f"connector-{new_id().hex}{PROGRAMS_DOMAIN}",
        name=wanted.name,
        role=AgentRole.AGENT,
        password_hash=_NO_PASSWORD,
        preferences={},
        last_seen_at=now,
    )
    endpoint = WebhookEndpoint(
        id=new_id(),
        created_at=now,
        workspace_id=workspace_id,
        kind=EndpointKind.CONNECTOR,
        name=wanted.name,
        url=wanted.url,
    )
    connector = Connector(
        id=new_id(),
        created_at=now,
        workspace_id=workspace_id,
        endpoint_id=endpoint.id,
        system=system,
        agent_id=account.id,
        credentials=_sealed(vault, wanted),
        settings=dict(wanted.settings),
        poll_at=now,
        cursor={},
    )
    for row in (account, endpoint, connector):
        work.session.add(row)
        await work.session.flush()
    note(work, doer, "connector.created", wanted.name, {"host": (None, host_of(wanted.url))})
    return connector


async def change(
    work: Work,
    doer: Doer,
    vault: Vault,
    connector_id: UUID,
    wanted: Wanted,
    *,
    is_enabled: bool,
) -> Connector:
    """Change all of it; an empty secret stays as it was.

    Raises:
        NotFound: there is no such connector.
        BadField: the address cannot be one of a ticket system, or another one needs its secret.
    """
    row = await find_connector(work.session, doer.agent.workspace_id, connector_id)
    connector, endpoint = row.connector, row.endpoint
    _check(wanted.url)
    stored = credentials(vault, connector)
    is_elsewhere = host_of(wanted.url) != host_of(endpoint.url)
    if is_elsewhere and stored.secret and not wanted.secret:
        raise BadField("/secret", "Another address needs the secret again.", "missing")
    changes = {
        "host": (host_of(endpoint.url), host_of(wanted.url)),
        "name": (endpoint.name, wanted.name),
        "enabled": (endpoint.disabled_at is None, is_enabled),
        "secret": ("kept", "changed" if wanted.secret else "kept"),
        "signing secret": ("kept", "changed" if wanted.signing_secret else "kept"),
    }
    told = replace(
        wanted,
        secret=wanted.secret or stored.secret,
        signing_secret=wanted.signing_secret or stored.signing_secret,
    )
    connector.credentials = _sealed(vault, told)
    connector.settings = dict(wanted.settings)
    endpoint.name, endpoint.url = wanted.name, wanted.url
    account = await work.session.get_one(Agent, connector.agent_id)
    account.name = wanted.name
    set_enabled(work, endpoint, is_on=is_enabled)
    connector.poll_at = work.clock()
    note(work, doer, "connector.changed", wanted.name, changes)
    await work.session.flush()
    return connector


async def rotate(work: Work, doer: Doer, connector_id: UUID) -> ConnectorRow:
    """A new secret for signatures; for a day the one before is good too, both ways.

    Raises:
        NotFound: there is no such connector.
        Conflict: it was rotated less than a day ago.
    """
    row = await find_connector(work.session, doer.agent.workspace_id, connector_id)
    await renew_secret(work, row.endpoint)
    note(work, doer, "connector.secret_rotated", row.endpoint.name)
    return row


async def remove(work: Work, doer: Doer, connector_id: UUID) -> None:
    """Forget which conversations are tickets there; the tickets and what was said stay.

    Raises:
        NotFound: there is no such connector.
    """
    row = await find_connector(work.session, doer.agent.workspace_id, connector_id)
    connector, endpoint = row.connector, row.endpoint
    links = select(TicketLink.id).where(TicketLink.connector_id == connector.id)
    await work.session.execute(delete(TicketComment).where(TicketComment.link_id.in_(links)))
    await work.session.execute(delete(TicketLink).where(TicketLink.connector_id == connector.id))
    await work.session.execute(
        delete(InboundReceipt).where(InboundReceipt.endpoint_id == endpoint.id)
    )
    await forget_deliveries(work, endpoint.id)
    account = await work.session.get_one(Agent, connector.agent_id)
    account.disabled_at = work.clock()  # what it said keeps its author
    note(work, doer, "connector.deleted", endpoint.name, {"host": (host_of(endpoint.url), None)})
    await work.session.delete(connector)
    await work.session.flush()
    await work.session.delete(endpoint)
    await work.session.flush()


def credentials(vault: Vault, connector: Connector) -> Wanted:
    """User and secrets as they are stored; for use, never to be shown."""
    known = json.loads(vault.open(connector.credentials))
    signing_secret = known.get("signing_secret", "")
    return Wanted("", "", known["user"], known["secret"], signing_secret=signing_secret)


def keys_of(vault: Vault, endpoint: WebhookEndpoint, now: datetime) -> tuple[bytes, ...]:
    """What signs for it and what it may sign with: two keys while one replaces the other."""
    return vault.webhook_keys(endpoint.id, endpoint.secret_version, endpoint.old_secret_until, now)


def secret_of(vault: Vault, endpoint: WebhookEndpoint) -> str:
    """The newest, to be told once."""
    return signing.told(vault.webhook_key(endpoint.id, endpoint.secret_version))


def _rows() -> Select[Connector, WebhookEndpoint, int]:
    links = select(TicketLink.id).where(TicketLink.connector_id == Connector.id)
    some = links.correlate(Connector).limit(MAX_COUNTED).subquery()
    num_tickets = select(func.count()).select_from(some).scalar_subquery()
    return select(Connector, WebhookEndpoint, num_tickets).join(
        WebhookEndpoint, WebhookEndpoint.id == Connector.endpoint_id
    )


def _sealed(vault: Vault, wanted: Wanted) -> str:
    known = {
        "user": wanted.user,
        "secret": wanted.secret,
        "signing_secret": wanted.signing_secret,
    }
    return vault.seal(json.dumps(known))


def _check(url: str) -> None:
    try:
        read_target(url)
    except FetchRefused as refused:
        raise BadField("/url", refused.sentence) from refused
