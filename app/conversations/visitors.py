"""Customers without an account: recognised by their widget's token, stored at the first message."""

from dataclasses import replace
from datetime import timedelta
from uuid import UUID

from sqlalchemy import delete, select
from sqlalchemy.exc import IntegrityError
from sqlalchemy.ext.asyncio import AsyncSession

from app import access
from app.clock import Clock
from app.database import Work
from app.errors import NotSignedIn
from app.events import SessionEnded
from app.identity.contacts import NAMELESS, apply, apply_details
from app.ids import new_id
from app.models import Contact, Inbox, VisitorSession
from app.security import Secrets, hash_token
from app.speakers import Customer

_SLIDE_AT_MOST_EVERY = timedelta(days=1)


async def recognise(
    session: AsyncSession, secrets: Secrets, clock: Clock, inbox: Inbox, token: str
) -> Customer:
    """The customer with this token; one of ours that has said nothing yet is a customer too.

    Raises:
        NotSignedIn: the token is not ours, of another site, or has expired.
    """
    stranger = Customer(inbox.workspace_id, inbox.id, hash_token(token))
    known = await _find(session, stranger)
    if known is None:
        if not secrets.is_visitor_token(inbox.public_token, token):
            raise NotSignedIn("This session is not known here; start a new one.")
        return stranger
    if known.inbox_id != inbox.id or known.expires_at <= clock():
        raise NotSignedIn("This session has expired; start a new one.")
    return replace(stranger, contact_id=known.contact_id, is_stored=True)


async def refreshed(session: AsyncSession, customer: Customer) -> Customer:
    """The same customer as they are by now: another of their tabs may have spoken or identified.

    Raises:
        NotSignedIn: it has logged out.
    """
    return _as_known(customer, await _find(session, customer))


async def forget(work: Work, customer: Customer) -> None:
    """End this session; what was said in it stays the contact's."""
    own = delete(VisitorSession).where(VisitorSession.token_hash == customer.token_hash)
    await work.session.execute(own)
    work.outbox.add(SessionEnded(customer.workspace_id, customer.token_hash))


async def remember(work: Work, customer: Customer) -> Customer:
    """Store a customer who speaks for the first time; keep the others' session alive.

    Two sockets with one fresh token may come at once: the second finds what the first stored.

    Raises:
        NotSignedIn: another of their tabs has logged out.
        Blocked: this customer may not write.
    """
    known = await _lock(work, customer)
    if known is None and not customer.is_stored:
        known = await _store(work, customer)
    customer = _as_known(customer, known)
    assert known is not None, "_as_known refuses a session that is gone"
    until = work.clock() + timedelta(days=customer.keep_days)
    if known.expires_at < until - _SLIDE_AT_MOST_EVERY:
        known.expires_at = until
    await access.contact(work.session, known.contact_id)
    return customer


def _as_known(customer: Customer, known: VisitorSession | None) -> Customer:
    if known is not None:
        return replace(customer, contact_id=known.contact_id, is_stored=True)
    if customer.is_stored:
        raise NotSignedIn("This session has ended; start a new one.")
    return customer


async def _store(work: Work, customer: Customer) -> VisitorSession:
    try:
        async with work.session.begin_nested():
            contact_id = customer.contact_id or await _store_contact(work, customer)
            stored = VisitorSession(
                workspace_id=customer.workspace_id,
                inbox_id=customer.inbox_id,
                contact_id=contact_id,
                token_hash=customer.token_hash,
                origin=customer.origin,
                page=customer.page,
                created_at=work.clock(),
                expires_at=work.clock() + timedelta(days=customer.keep_days),
            )
            work.session.add(stored)
    except IntegrityError:
        stored_by_other = await _find(work.session, customer)
        if stored_by_other is not None:
            return stored_by_other
        identified = await _find_identified(work.session, customer)
        assert identified is not None, "a taken token hash or identity must be found"
        return await _store(work, replace(customer, contact_id=identified.id))
    return stored


async def _store_contact(work: Work, customer: Customer) -> UUID:
    contact = Contact(
        id=new_id(),
        workspace_id=customer.workspace_id,
        locale=customer.locale,
        name=NAMELESS,
        attributes={},
    )
    contact.page_attributes = customer.page_attributes
    if customer.details is not None:
        apply_details(contact, customer.details)
    if customer.identity is not None:
        apply(contact, customer.identity)
    work.session.add(contact)
    await work.session.flush()
    return contact.id


async def _find_identified(session: AsyncSession, customer: Customer) -> Contact | None:
    if customer.identity is None:
        return None
    query = select(Contact).where(
        Contact.workspace_id == customer.workspace_id,
        Contact.external_id == customer.identity.external_id,
    )
    return (await session.scalars(query)).one_or_none()


async def _lock(work: Work, customer: Customer) -> VisitorSession | None:
    """Held while its customer writes, so that their contact does not go away meanwhile."""
    query = select(VisitorSession).where(VisitorSession.token_hash == customer.token_hash)
    locked = query.with_for_update().execution_options(populate_existing=True)
    return (await work.session.scalars(locked)).one_or_none()


async def _find(session: AsyncSession, customer: Customer) -> VisitorSession | None:
    query = select(VisitorSession).where(VisitorSession.token_hash == customer.token_hash)
    return (await session.scalars(query)).one_or_none()
