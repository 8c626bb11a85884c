"""What a customer's page says about them over the socket, and their leaving."""

from dataclasses import replace

from app.conversations import visitors
from app.errors import Invalid
from app.identity.contacts import apply_details, merged
from app.identity.tokens import BadIdentity, clean_attributes
from app.live.prechat import read_details
from app.live.protocol import Details as DetailsFrame
from app.live.protocol import SetAttributes
from app.models import Contact, Inbox
from app.parts import Parts
from app.speakers import Customer
from app.widget.looks import Prechat


async def set_attributes(parts: Parts, customer: Customer, frame: SetAttributes) -> Customer:
    """Keep what the page says: with the contact if there is one, else until there is.

    Raises:
        Invalid: nested, too many, too long, or with names that cannot be shown.
    """
    values = _clean(frame.values)
    async with parts.database.work() as work:
        customer = await visitors.refreshed(work.session, customer)
        if customer.contact_id is not None:
            contact = await work.session.get_one(Contact, customer.contact_id)
            contact.page_attributes = _clean(merged(contact.page_attributes, values))
    return replace(customer, page_attributes=_clean(merged(customer.page_attributes, values)))


async def set_details(parts: Parts, customer: Customer, frame: DetailsFrame) -> Customer:
    """Keep what they say of themselves: with the contact if there is one, else until there is.

    Raises:
        BadDetails: something is missing or does not fit; it says what, by field.
    """
    async with parts.database.work() as work:
        customer = await visitors.refreshed(work.session, customer)
        inbox = await work.session.get_one(Inbox, customer.inbox_id)
        details = read_details(frame, Prechat.read(inbox.prechat), work.clock())
        if customer.contact_id is not None:
            apply_details(await work.session.get_one(Contact, customer.contact_id), details)
    return replace(customer, details=details)


async def log_out(parts: Parts, customer: Customer) -> None:
    """End the session; its sockets are closed with 4401."""
    async with parts.database.work() as work:
        await visitors.forget(work, customer)


def _clean(attributes: object) -> dict[str, object]:
    try:
        return clean_attributes(attributes)
    except BadIdentity as error:
        raise Invalid(error.sentence) from error
