"""An application whose clock tests turn, which may send to this machine."""

from collections.abc import AsyncIterator
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from uuid import UUID

import pytest
from sqlalchemy import select

from app.conversations import service
from app.data_folder import DataFolder
from app.ids import new_id
from app.main import build_parts
from app.models import WebhookDelivery, WebhookEndpoint
from app.parts import Parts
from app.settings import Settings
from app.speakers import Customer
from app.vocabulary import EndpointKind
from app.webhooks.claims import next_due
from app.webhooks.runner import DeliveryRunner
from app.webhooks.sending import WebhookSender
from app.webhooks.signing import told
from tests.app.webhooks.receiver import Receiver, receiving
from tests.factories import Shop, message, nothing_shown, stranger
from tests.turned_clock import TurnedClock


@dataclass
class Rig:
    """A shop, a receiver, and the runner between them."""

    parts: Parts
    shop: Shop
    clock: TurnedClock
    runner: DeliveryRunner
    receiver: Receiver

    def another_runner(self, *, lease_s: float = 60.0) -> DeliveryRunner:
        """Of another worker on the same store."""
        outgoing = self.parts.outgoing
        sender = WebhookSender(outgoing.ask, outgoing.vault, self.clock)
        return DeliveryRunner(
            self.parts.database,
            {EndpointKind.WEBHOOK: sender},
            self.clock,
            poll_s=60.0,
            lease_s=lease_s,
            jitter=lambda: 0.0,
        )

    async def subscribe(self, url: str | None = None, **values: object) -> UUID:
        """An endpoint; at the receiver unless a `url` is given."""
        endpoint = WebhookEndpoint(
            id=new_id(),
            workspace_id=self.shop.workspace_id,
            name="Receiver",
            url=url or self.receiver.url,
            **values,
        )
        async with self.parts.database.work() as work:
            work.session.add(endpoint)
        return endpoint.id

    async def say(self, text: str = "Where is my parcel?", who: str = "token") -> UUID:
        """A customer writes."""
        customer: Customer = stranger(self.shop, who)
        async with self.parts.database.work() as work:
            posted = await service.post_message(
                work, customer, message(text), shown=nothing_shown, reopen_days=7
            )
        return posted.conversation_id

    async def endpoint(self, endpoint_id: UUID) -> WebhookEndpoint:
        async with self.parts.database.snapshot() as session:
            return await session.get_one(WebhookEndpoint, endpoint_id)

    async def deliveries(self) -> list[WebhookDelivery]:
        query = select(WebhookDelivery).order_by(WebhookDelivery.id)
        async with self.parts.database.snapshot() as session:
            return list(await session.scalars(query))

    async def next_due(self) -> datetime | None:
        async with self.parts.database.snapshot() as session:
            return await next_due(session)

    def secret(self, endpoint_id: UUID, version: int = 1) -> str:
        return told(self.parts.outgoing.vault.webhook_key(endpoint_id, version))


@pytest.fixture
def settings(tmp_path: Path, database_url: str) -> Settings:
    return Settings(
        port=0,
        data=tmp_path / "data",
        database_url=database_url,
        allowed_networks="127.0.0.1/32",
    )


@pytest.fixture
def clock() -> TurnedClock:
    return TurnedClock()


@pytest.fixture
async def parts(settings: Settings, clock: TurnedClock) -> AsyncIterator[Parts]:
    made = build_parts(settings, DataFolder(settings.data).prepare(), clock)
    yield made
    await made.database.close()


@pytest.fixture
async def rig(parts: Parts, shop: Shop, clock: TurnedClock) -> AsyncIterator[Rig]:
    async with receiving() as receiver:
        made = Rig(parts, shop, clock, parts.outgoing.runner, receiver)
        made.runner = made.another_runner()
        yield made
