"""Stores, in the transaction of an event, one delivery for every endpoint that wants it.

So an event and its deliveries are there together or not at all, whenever the process dies. What is
erased here is taken out of the deliveries in the same way.
"""

from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from uuid import UUID

from sqlalchemy import select

from app.database import Work
from app.events import ContactErased, Dispatcher, Event, EventStored, TextsErased
from app.ids import new_id
from app.models import Contact, Conversation, WebhookDelivery, WebhookEndpoint
from app.vocabulary import EndpointKind, Visibility
from app.webhooks import payload

Interest = Callable[[Work, WebhookEndpoint, EventStored], Awaitable[bool]]
"""Whether an endpoint wants an event."""

_AT_ONCE = 500


@dataclass(frozen=True)
class DeliveryStored(Event):
    """There is something to send."""


class Feed:
    """Listens within transactions; `interests` says for each kind of endpoint what it wants."""

    def __init__(self, interests: Mapping[EndpointKind, Interest]) -> None:
        self._interests = interests

    def listen(self, dispatcher: Dispatcher) -> None:
        """From now on store what happens."""
        dispatcher.within(EventStored, self.store)
        dispatcher.within(TextsErased, forget)
        dispatcher.within(ContactErased, forget_contacts)

    async def store(self, work: Work, events: Sequence[EventStored]) -> None:
        """Add a delivery for every pair of endpoint and event that belong together."""
        query = select(WebhookEndpoint).where(
            WebhookEndpoint.workspace_id.in_({event.workspace_id for event in events}),
            WebhookEndpoint.disabled_at.is_(None),
        )
        endpoints = (await work.session.scalars(query)).all()
        for endpoint in endpoints:
            for event in events:
                if event.workspace_id != endpoint.workspace_id:
                    continue
                if await self._interests[endpoint.kind](work, endpoint, event):
                    await _store_one(work, endpoint, event)


async def wants(work: Work, endpoint: WebhookEndpoint, event: EventStored) -> bool:
    """Whether a subscriber has chosen this type and this site; notes come only when named."""
    if endpoint.event_types:
        is_chosen = event.type.value in endpoint.event_types
    else:
        is_chosen = event.visibility is Visibility.PUBLIC
    if not is_chosen or not endpoint.inbox_ids:
        return is_chosen
    conversation = await work.session.get_one(Conversation, event.conversation_id)
    return str(conversation.inbox_id) in endpoint.inbox_ids


async def store_test(work: Work, endpoint: WebhookEndpoint) -> WebhookDelivery:
    """A delivery that tells nothing but that it arrives."""
    delivery = WebhookDelivery(
        id=new_id(),
        created_at=work.clock(),
        workspace_id=endpoint.workspace_id,
        endpoint_id=endpoint.id,
        type=payload.TEST_TYPE,
        payload=payload.of_test(work.clock()),
        next_at=work.clock(),
    )
    work.session.add(delivery)
    await work.session.flush()
    work.outbox.add(DeliveryStored())
    return delivery


async def forget(work: Work, erased: Sequence[TextsErased]) -> None:
    """Take erased words out of deliveries, and whatever receivers answered to them."""
    message_ids = [one for event in erased for one in event.message_ids]
    for start in range(0, len(message_ids), _AT_ONCE):
        chunk = message_ids[start : start + _AT_ONCE]
        query = select(WebhookDelivery).where(WebhookDelivery.message_id.in_(chunk))
        for delivery in await work.session.scalars(query):
            delivery.log = [attempt | {"response": ""} for attempt in delivery.log]
            if delivery.payload:
                delivery.payload = payload.without_words(delivery.payload)
        await work.session.flush()


async def forget_contacts(work: Work, erased: Sequence[ContactErased]) -> None:
    """Take who an erased contact was out of every delivery about their conversations."""
    for event in erased:
        endpoints = select(WebhookEndpoint.id).where(
            WebhookEndpoint.workspace_id == event.workspace_id
        )
        for start in range(0, len(event.conversation_ids), _AT_ONCE):
            query = select(WebhookDelivery).where(
                WebhookDelivery.endpoint_id.in_(endpoints),
                WebhookDelivery.conversation_id.in_(event.conversation_ids[start:][:_AT_ONCE]),
            )
            for delivery in await work.session.scalars(query):
                delivery.log = [attempt | {"response": ""} for attempt in delivery.log]
                if delivery.payload:
                    delivery.payload = payload.without_contact(delivery.payload)
            await work.session.flush()


async def _store_one(work: Work, endpoint: WebhookEndpoint, event: EventStored) -> None:
    told = ""
    if endpoint.kind is EndpointKind.WEBHOOK:
        conversation = await work.session.get_one(Conversation, event.conversation_id)
        contact = await work.session.get_one(Contact, conversation.contact_id)
        told = payload.of_event(event, conversation, contact)
    message = event.data.get("message")
    work.session.add(
        WebhookDelivery(
            id=new_id(),
            created_at=work.clock(),
            workspace_id=event.workspace_id,
            endpoint_id=endpoint.id,
            conversation_id=event.conversation_id,
            message_id=UUID(message["id"]) if message else None,
            seq=event.seq,
            type=event.type.value,
            payload=told,
            next_at=work.clock(),
        )
    )
    work.outbox.add(DeliveryStored())
