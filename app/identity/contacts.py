"""Which contact a proven identity is, and making one of two that turn out to be one person."""

from dataclasses import replace
from uuid import UUID

from sqlalchemy import delete, select, update
from sqlalchemy.exc import IntegrityError

from app.database import Work
from app.events import ContactChanged
from app.models import Contact, Conversation, ConversationEvent, ReadMarker, VisitorSession
from app.speakers import Customer, Details, Identity

NAMELESS = "Visitor"


async def is_somebody_else(work: Work, customer: Customer, identity: Identity) -> bool:
    """Whether this session is already another identified person's, who shared the device."""
    if customer.contact_id is None:
        return False
    contact = await work.session.get_one(Contact, customer.contact_id)
    return contact.external_id not in (None, identity.external_id)


async def identify(work: Work, customer: Customer, identity: Identity) -> Customer:
    """The customer as who they are; what they said without a name goes along.

    Somebody who has neither written nor is known is not stored: their first message does that.
    """
    known = await _find(work, customer.workspace_id, identity)
    if customer.contact_id is not None and (known is None or known.id != customer.contact_id):
        known = await _join(work, customer, identity, known)
    if known is not None:
        apply(known, identity)
        await work.session.flush()
        work.outbox.add(ContactChanged(customer.workspace_id))
    return replace(customer, contact_id=known.id if known else None, identity=identity)


def apply(contact: Contact, identity: Identity) -> None:
    """Keep what was signed; what it does not speak of stays."""
    contact.external_id = identity.external_id
    contact.email = identity.email or contact.email
    contact.name = identity.name or contact.name
    contact.attributes = merged(contact.attributes, identity.attributes)


def apply_details(contact: Contact, details: Details) -> None:
    """Keep what somebody says of themselves; what was signed wins."""
    if contact.external_id is None:
        contact.name = details.name or contact.name
        contact.email = details.email or contact.email
    contact.consented_at = details.consented_at or contact.consented_at


def merged(old: dict[str, object], new: dict[str, object]) -> dict[str, object]:
    """The newer values win, and None takes one away."""
    both = old | new
    return {name: value for name, value in both.items() if value is not None}


async def _join(
    work: Work, customer: Customer, identity: Identity, known: Contact | None
) -> Contact:
    """One contact out of the one who wrote without a name and the one with this identity."""
    assert customer.contact_id is not None
    nameless = await work.session.get_one(Contact, customer.contact_id)
    assert nameless.external_id in (None, identity.external_id), "checked by is_somebody_else"
    if known is None:
        try:
            async with work.session.begin_nested():
                nameless.external_id = identity.external_id
        except IntegrityError:  # another of their tabs was faster
            known = await _find(work, customer.workspace_id, identity)
            assert known is not None, "a taken identity must be found"
        else:
            return nameless
    await merge_contacts(work, nameless, known)
    return known


async def merge_contacts(work: Work, gone: Contact, kept: Contact) -> None:
    """Everything of one contact becomes another's; a block goes along.

    Sessions come first: who writes holds the row of their session, so that no conversation is
    begun for a contact that is about to go (`conversations/visitors.py: remember`).
    """
    kept.blocked_at = kept.blocked_at or gone.blocked_at
    kept.email = kept.email or gone.email
    kept.name = gone.name if kept.name == NAMELESS else kept.name
    kept.locale = kept.locale or gone.locale
    kept.consented_at = kept.consented_at or gone.consented_at
    kept.page_attributes = kept.page_attributes | gone.page_attributes
    for table, column in (
        (VisitorSession, VisitorSession.contact_id),
        (Conversation, Conversation.contact_id),
        (ReadMarker, ReadMarker.reader_id),
        (ConversationEvent, ConversationEvent.actor_id),
    ):
        moved = update(table).where(column == gone.id).values({column: kept.id})
        await work.session.execute(moved.execution_options(synchronize_session=False))
    await work.session.flush()
    await work.session.execute(delete(Contact).where(Contact.id == gone.id))
    work.session.expunge(gone)


async def _find(work: Work, workspace_id: UUID, identity: Identity) -> Contact | None:
    query = select(Contact).where(
        Contact.workspace_id == workspace_id, Contact.external_id == identity.external_id
    )
    locked = query.with_for_update().execution_options(populate_existing=True)
    return (await work.session.scalars(locked)).one_or_none()
