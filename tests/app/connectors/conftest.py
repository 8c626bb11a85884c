"""An application whose connectors may reach this machine, and a ticket system for it."""

from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from uuid import UUID

import pytest
from sqlalchemy import select

from app import access
from app.audit.service import Doer
from app.connectors.poller import Poller
from app.connectors.service import Wanted, create
from app.conversations import service
from app.data_folder import DataFolder
from app.handoff import service as handoff
from app.main import build_parts
from app.models import Connector, Conversation, Message, TicketLink, WebhookDelivery
from app.parts import Parts
from app.settings import Settings
from app.speakers import Customer
from app.vocabulary import AgentRole, Role, TicketSystemKind, Visibility
from app.webhooks.runner import DeliveryRunner
from tests.factories import Shop, message, nothing_shown, stranger
from tests.request_tracker import find_root
from tests.roundup_tracker import Tracker, running_tracker
from tests.turned_clock import TurnedClock

collect_ignore = [] if find_root() else ["test_request_tracker.py"]


@dataclass
class Desk:
    """A shop with a connector, and a customer of it."""

    parts: Parts
    shop: Shop
    clock: TurnedClock
    runner: DeliveryRunner
    poller: Poller
    customer: Customer = field(init=False)

    def __post_init__(self) -> None:
        self.customer = stranger(self.shop)

    async def connect(self, system: TicketSystemKind, url: str, **values: str) -> UUID:
        """Make a connector; `user` and `secret` are its credentials, all else its settings."""
        user, secret = values.pop("user", ""), values.pop("secret", "")
        signing_secret = values.pop("signing_secret", "")
        wanted = Wanted("Support team", url, user, secret, values, signing_secret)
        doer = Doer(self.shop.agents[AgentRole.ADMIN])
        async with self.parts.database.work() as work:
            made = await create(work, doer, self.parts.outgoing.vault, system, wanted)
        return made.id

    async def say(self, text: str, conversation_id: UUID | None = None) -> UUID:
        new = message(text, conversation_id=conversation_id)
        async with self.parts.database.work() as work:
            posted = await service.post_message(
                work, self.customer, new, shown=nothing_shown, reopen_days=7
            )
        self.customer = Customer(
            self.shop.workspace_id,
            self.shop.inbox_id,
            self.customer.token_hash,
            contact_id=posted.contact_id,
        )
        return posted.conversation_id

    async def hand_off(self, conversation_id: UUID) -> None:
        """The customer asks for a person."""
        async with self.parts.database.work() as work:
            await handoff.request_handoff(work, self.customer, conversation_id, shown=nothing_shown)

    async def bring(self) -> None:
        """Send what is due, and look for news."""
        await self.runner.run_due()
        self.clock.go_on(seconds=60)
        await self.poller.run_due()

    async def conversation(self, conversation_id: UUID) -> Conversation:
        async with self.parts.database.snapshot() as session:
            return await session.get_one(Conversation, conversation_id)

    async def seen(self, conversation_id: UUID) -> list[tuple[Role, str | None, str]]:
        """What the customer sees in the widget: role, author, text."""
        async with self.parts.database.snapshot() as session:
            await access.conversation(session, self.customer, conversation_id)
        return await self.heard(conversation_id)

    async def heard(self, conversation_id: UUID) -> list[tuple[Role, str | None, str]]:
        """What was said in public, whoever the customer is."""
        async with self.parts.database.snapshot() as session:
            query = select(Message).where(Message.conversation_id == conversation_id)
            shown = query.where(Message.visibility == Visibility.PUBLIC).order_by(Message.seq)
            found = list(await session.scalars(shown))
        return [(one.role, one.author_name, one.text) for one in found]

    async def link(self) -> TicketLink:
        async with self.parts.database.snapshot() as session:
            return (await session.scalars(select(TicketLink))).one()

    async def connector(self, connector_id: UUID) -> Connector:
        async with self.parts.database.snapshot() as session:
            return await session.get_one(Connector, connector_id)

    async def log(self) -> list[tuple[str, str, str | None]]:
        """Of each delivery: type, state, last error or answer."""
        async with self.parts.database.snapshot() as session:
            query = select(WebhookDelivery).order_by(WebhookDelivery.id)
            found = list(await session.scalars(query))
        return [
            (one.type, one.state.value, one.log[-1]["error"] or one.log[-1]["response"])
            if one.log
            else (one.type, one.state.value, None)
            for one in found
        ]


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
async def desk(parts: Parts, shop: Shop, clock: TurnedClock) -> Desk:
    outgoing = parts.outgoing
    return Desk(parts, shop, clock, outgoing.runner, outgoing.poller)


@pytest.fixture(scope="session")
def tracker(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Tracker]:
    with running_tracker(tmp_path_factory.mktemp("roundup")) as running:
        yield running
