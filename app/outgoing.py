"""What talks to other people's systems, put together: the feed, the runner, and what they need."""

from dataclasses import dataclass
from functools import partial

from app.clock import Clock
from app.database import Database
from app.events import Dispatcher
from app.outbound import Ask, reaching, read_networks, send
from app.settings import Settings
from app.vault import Vault
from app.vocabulary import EndpointKind
from app.webhooks import feed
from app.webhooks.runner import DeliveryRunner
from app.webhooks.sending import WebhookSender


@dataclass(frozen=True)
class Outgoing:
    """One of each, for the whole application."""

    vault: Vault
    ask: Ask
    runner: DeliveryRunner

    async def run(self) -> None:
        """Until cancelled."""
        await self.runner.run()


def build_outgoing(
    settings: Settings, database: Database, dispatcher: Dispatcher, clock: Clock, key: bytes
) -> Outgoing:
    """From now on what happens is stored for those who want it; `run` sends it."""
    vault = Vault(key)
    ask = partial(send, is_allowed=reaching(read_networks(settings.allowed_networks)))
    feed.Feed({EndpointKind.WEBHOOK: feed.wants}).listen(dispatcher)
    runner = DeliveryRunner(
        database,
        {EndpointKind.WEBHOOK: WebhookSender(ask, vault, clock)},
        clock,
        poll_s=settings.job_poll_s,
        lease_s=settings.job_lease_s,
    )
    runner.listen(dispatcher)
    return Outgoing(vault, ask, runner)
