"""Which ticket systems there are, what each wants to know, and how to open one."""

from collections.abc import Callable
from dataclasses import dataclass
from uuid import UUID

from sqlalchemy import select

from app.clock import Clock
from app.connectors import service
from app.connectors.freshdesk import Freshdesk
from app.connectors.generic import Generic
from app.connectors.request_tracker import RequestTracker
from app.connectors.roundup import Roundup
from app.connectors.system import Access, TicketSystem
from app.connectors.zammad import Zammad
from app.connectors.zendesk import Zendesk
from app.database import Database
from app.models import Connector, WebhookEndpoint
from app.outbound import Ask
from app.vault import Vault
from app.vocabulary import TicketSystemKind

Opener = Callable[[Ask, Clock, Access], TicketSystem]


@dataclass(frozen=True)
class Kind:
    """A ticket system as its settings page shows it."""

    title: str
    opener: Opener
    user_label: str
    secret_label: str
    settings: tuple[tuple[str, str], ...] = ()
    """Name and label of what else it can be told."""
    signing_label: str = ""
    """Of the secret with which it signs its own webhooks, where it chooses that itself."""


KINDS = {
    TicketSystemKind.ROUNDUP: Kind(
        "Roundup",
        Roundup,
        "User name",
        "Password",
        settings=(
            ("statuses_open", "Status of open issues"),
            ("statuses_pending", "Statuses that wait for the customer"),
            ("statuses_resolved", "Statuses of resolved issues"),
            ("priority", "Priority of new issues"),
        ),
    ),
    TicketSystemKind.ZENDESK: Kind(
        "Zendesk",
        Zendesk,
        "E-mail of the account",
        "API token",
        signing_label="Signing secret of its webhook",
    ),
    TicketSystemKind.ZAMMAD: Kind(
        "Zammad",
        Zammad,
        "",
        "Access token",
        settings=(("group", "Group of new tickets"),),
    ),
    TicketSystemKind.REQUEST_TRACKER: Kind(
        "Request Tracker",
        RequestTracker,
        "User name",
        "Password",
        settings=(("queue", "Queue of new tickets"),),
    ),
    TicketSystemKind.FRESHDESK: Kind("Freshdesk", Freshdesk, "", "API key"),
    TicketSystemKind.GENERIC: Kind("Signed JSON", Generic, "", ""),
}


class Systems:
    """Opens the ticket system of a connector."""

    def __init__(self, database: Database, ask: Ask, vault: Vault, clock: Clock) -> None:
        self._database = database
        self._ask = ask
        self._vault = vault
        self._clock = clock
        self._opened: dict[UUID, tuple[Access, TicketSystem]] = {}

    async def open(self, connector: Connector) -> TicketSystem:
        """With the credentials and settings of now; it remembers who is who there until then."""
        async with self._database.snapshot() as session:
            query = select(WebhookEndpoint).where(WebhookEndpoint.id == connector.endpoint_id)
            endpoint = (await session.scalars(query)).one()
        known = service.credentials(self._vault, connector)
        access = Access(
            endpoint.url.rstrip("/"),
            known.user,
            known.secret,
            connector.settings,
            service.keys_of(self._vault, endpoint, self._clock()),
        )
        opened = self._opened.get(connector.id)
        if opened is None or opened[0] != access:
            system = KINDS[connector.system].opener(self._ask, self._clock, access)
            opened = self._opened[connector.id] = (access, system)
        return opened[1]
