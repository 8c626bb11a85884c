"""Customers without an account: recognised by their widget's token, stored at the first message."""

from dataclasses import replace
from datetime import timedelta

from sqlalchemy import select, update
from sqlalchemy.exc import IntegrityError
from sqlalchemy.ext.asyncio import AsyncSession

from app import access
from app.clock import Clock
from app.database import Work
from app.errors import NotSignedIn
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
    return replace(stranger, contact_id=known.contact_id)


async def refreshed(session: AsyncSession, stranger: Customer) -> Customer:
    """The same customer, known by now if another of their tabs has spoken."""
    known = await _find(session, stranger)
    return replace(stranger, contact_id=known.contact_id) if known else stranger


async def remember(work: Work, customer: Customer) -> Customer:
    """Store a customer who speaks for the first time; keep the others' session alive.

    Two sockets with one fresh token may come at once: the second finds what the first stored.
    """
    until = work.clock() + timedelta(days=customer.keep_days)
    if customer.contact_id is not None:
        await work.session.execute(
            update(VisitorSession)
            .where(
                VisitorSession.token_hash == customer.token_hash,
                VisitorSession.expires_at < until - _SLIDE_AT_MOST_EVERY,
            )
            .values(expires_at=until)
        )
        await access.contact(work.session, customer.contact_id)
        return customer
    known = await _find(work.session, customer) or await _store(work, customer)
    await access.contact(work.session, known.contact_id)
    return replace(customer, contact_id=known.contact_id)


async def _store(work: Work, customer: Customer) -> VisitorSession:
    contact = Contact(workspace_id=customer.workspace_id, locale=customer.locale)
    try:
        async with work.session.begin_nested():
            work.session.add(contact)
            await work.session.flush()
            stored = VisitorSession(
                workspace_id=customer.workspace_id,
                inbox_id=customer.inbox_id,
                contact_id=contact.id,
                token_hash=customer.token_hash,
                origin=customer.origin,
                page=customer.page,
                created_at=work.clock(),
                expires_at=work.clock() + timedelta(days=customer.keep_days),
            )
            work.session.add(stored)
    except IntegrityError:
        stored_by_other = await _find(work.session, customer)
        assert stored_by_other is not None, "a taken token hash must be found"
        return stored_by_other
    return stored


async def _find(session: AsyncSession, customer: Customer) -> VisitorSession | None:
    query = select(VisitorSession).where(VisitorSession.token_hash == customer.token_hash)
    return (await session.scalars(query)).one_or_none()
