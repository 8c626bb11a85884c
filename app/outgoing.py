"""What talks to other people's systems, put together: the feed, the runner, and what they need."""

import asyncio
from dataclasses import dataclass
from functools import partial

from app.clock import Clock
from app.connectors.inward import House
from app.connectors.outward import TicketSender, concerns
from app.connectors.poller import Poller
from app.connectors.systems import Systems
from app.conversations.control import ShownText
from app.database import Database
from app.events import Dispatcher
from app.outbound import Ask, reaching, read_networks, send
from app.settings import Settings
from app.vault import Vault
from app.vocabulary import EndpointKind
from app.webhooks.feed import Feed, wants
from app.webhooks.runner import DeliveryRunner, Sender
from app.webhooks.sending import WebhookSender


@dataclass(frozen=True)
class Outgoing:
    """One of each, for the whole application."""

    vault: Vault
    ask: Ask
    systems: Systems
    house: House
    senders: dict[EndpointKind, Sender]
    runner: DeliveryRunner
    poller: Poller

    async def run(self) -> None:
        """Until cancelled."""
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(self.runner.run())
            tasks.create_task(self.poller.run())


def build_outgoing(
    settings: Settings,
    database: Database,
    dispatcher: Dispatcher,
    clock: Clock,
    key: bytes,
    *,
    shown: ShownText,
) -> Outgoing:
    """From now on what happens is stored for those who want it; `run` sends it."""
    vault = Vault(key)
    ask = partial(send, is_allowed=reaching(read_networks(settings.allowed_networks)))
    systems = Systems(database, ask, vault, clock)
    house = House(shown, settings.text_limit, settings.reopen_days)
    Feed({EndpointKind.WEBHOOK: wants, EndpointKind.CONNECTOR: concerns}).listen(dispatcher)
    senders: dict[EndpointKind, Sender] = {
        EndpointKind.WEBHOOK: WebhookSender(ask, vault, clock),
        EndpointKind.CONNECTOR: TicketSender(database, systems, clock),
    }
    poll_s = settings.job_poll_s
    runner = DeliveryRunner(database, senders, clock, poll_s=poll_s, lease_s=settings.job_lease_s)
    runner.listen(dispatcher)
    poller = Poller(database, systems, clock, house, every_s=poll_s)
    return Outgoing(vault, ask, systems, house, senders, runner, poller)
