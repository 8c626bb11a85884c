"""Contacts that other systems know: found or made, changed, made one out of two.

An `external_id` is what the company itself calls somebody; there is one contact of each.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Protocol
from uuid import UUID

from sqlalchemy import or_, select
from sqlalchemy.exc import IntegrityError
from sqlalchemy.ext.asyncio import AsyncSession

from app.api.errors import BadField
from app.api.seeking import Order, last_of_stretch, place_of_id, seek
from app.audit.service import Doer, note
from app.database import Work
from app.errors import Conflict, NotFound
from app.events import ContactChanged
from app.identity.contacts import NAMELESS, merge_contacts, merged
from app.ids import new_id
from app.models import Contact
from app.privacy.repository import Contacts

LOOKED_THROUGH = 10_000
"""Contacts whose names one page of a search reads."""


class Known(Protocol):
    """What is known of somebody; None is nothing."""

    @property
    def external_id(self) -> str | None: ...
    @property
    def email(self) -> str | None: ...
    @property
    def name(self) -> str | None: ...
    @property
    def locale(self) -> str | None: ...


@dataclass(frozen=True)
class Details:
    """What is to be kept of a contact; None leaves it as it is."""

    external_id: str | None = None
    email: str | None = None
    name: str | None = None
    locale: str | None = None
    attributes: Mapping[str, Any] = field(default_factory=dict)
    """A None in it takes the attribute away."""
    cleared: frozenset[str] = frozenset()
    """Fields of the contact that are known no more."""


class Erased(Conflict):
    code = "erased"
    sentence = "This contact was erased; what is known from now on is another one's."


@dataclass(frozen=True)
class Stretch:
    """Contacts that were found, and where looking stopped if not at the end."""

    contacts: list[Contact]
    stopped_at: UUID | None = None


async def page_of_contacts(
    session: AsyncSession,
    workspace_id: UUID,
    after: list[str] | None,
    limit: int,
    *,
    wanted: Details,
    words: str | None = None,
) -> Stretch:
    """The next contacts behind a place, newest first; with what is given in `wanted`.

    No index knows the middle of a name, so for `words` at most `LOOKED_THROUGH` are looked at.
    """
    query = select(Contact).where(Contact.workspace_id == workspace_id)
    if wanted.external_id is not None:
        query = query.where(Contact.external_id == wanted.external_id)
    if wanted.email is not None:
        query = query.where(Contact.email == wanted.email)
    place = place_of_id(after)
    last = None
    if words:
        ids = select(Contact.id).where(Contact.workspace_id == workspace_id)
        last = await last_of_stretch(session, ids, Contact.id, place, LOOKED_THROUGH)
        sought = (Contact.name, Contact.email, Contact.external_id)
        query = query.where(or_(*(one.icontains(words, autoescape=True) for one in sought)))
        query = query if last is None else query.where(Contact.id >= last)
    found = await session.scalars(seek(query, [Contact.id], place, limit, Order.DESC))
    return Stretch(list(found), last)


async def choose_contact(
    work: Work, workspace_id: UUID, contact_id: UUID | None, known: Known
) -> Contact:
    """Whom a new conversation is with: the one who is named, or is known so, or somebody new.

    Raises:
        BadField: there is no such contact.
        Conflict: somebody else made the contact a moment ago.
    """
    details = Details(known.external_id, known.email, known.name, known.locale)
    found = None
    if contact_id is not None:
        found = await work.session.get(Contact, contact_id)
        if found is None or found.workspace_id != workspace_id or found.erased_at is not None:
            raise BadField("/contact/id", "There is no such contact.", "not_found")
    elif known.external_id is not None:
        found = await _find(work, workspace_id, Contact.external_id == known.external_id)
    elif known.email is not None:
        found = await _find(work, workspace_id, Contact.email == known.email)
    if found is None:
        return await _make(work, workspace_id, details)
    await _apply(work, found, details, pointer="/contact/external_id")
    return found


async def save_contact(work: Work, doer: Doer, details: Details) -> tuple[Contact, bool]:
    """The contact of this `external_id`, changed, or a new one; and whether it is new.

    Raises:
        Conflict: somebody else made it a moment ago.
    """
    workspace_id = doer.agent.workspace_id
    found = None
    if details.external_id is not None:
        found = await _find(work, workspace_id, Contact.external_id == details.external_id)
    if found is None:
        return await _make(work, workspace_id, details), True
    await _apply(work, found, details)
    return found, False


async def lock_contact(work: Work, workspace_id: UUID, contact_id: UUID) -> Contact:
    """A contact that is about to be changed.

    Raises:
        NotFound: unknown, or another company's.
    """
    found = await Contacts(work.session).contact(workspace_id, contact_id)
    await work.session.refresh(found, with_for_update=True)
    return found


async def change_contact(work: Work, contact: Contact, details: Details) -> None:
    """Keep what is given.

    Raises:
        BadField: another contact has this `external_id`.
        Erased: it is to stay forgotten.
    """
    if contact.erased_at is not None:
        raise Erased
    await _apply(work, contact, details)


async def correct_contact(
    work: Work, doer: Doer, contact_id: UUID, *, name: str, email: str | None
) -> None:
    """What an agent knows better; that it was changed is noted, the words themselves are not.

    Raises:
        NotFound: unknown, another company's, or erased.
    """
    contact = await lock_contact(work, doer.agent.workspace_id, contact_id)
    if contact.erased_at is not None:
        raise NotFound("This contact was erased.")
    given = {"name": name, "email": email}
    changed = [one for one, value in given.items() if getattr(contact, one) != value]
    if not changed:
        return
    contact.name, contact.email = name, email
    await work.session.flush()
    note(work, doer, "contact.changed", str(contact_id), {"fields": (None, ", ".join(changed))})
    work.outbox.add(ContactChanged(contact.workspace_id))


async def merge(work: Work, doer: Doer, contact_id: UUID, into_id: UUID) -> Contact:
    """Give everything of one contact to another, who stays; sessions go along.

    Raises:
        NotFound: the contact is unknown here.
        BadField: the other one is, or they are the same, or two of your own ids are in play.
        Erased: the contact is to stay forgotten.
    """
    workspace_id = doer.agent.workspace_id
    if contact_id == into_id:
        raise BadField("/into_id", "A contact cannot be merged into itself.")
    gone = await lock_contact(work, workspace_id, contact_id)
    if gone.erased_at is not None:
        raise Erased
    kept = await work.session.get(Contact, into_id, with_for_update=True)
    if kept is None or kept.workspace_id != workspace_id or kept.erased_at is not None:
        raise BadField("/into_id", "There is no such contact.", "not_found")
    external_id, attributes = gone.external_id, gone.attributes
    if None not in (external_id, kept.external_id):
        raise BadField("/into_id", "Both have an `external_id`; they are two people to you.")
    await merge_contacts(work, gone, kept)
    kept.external_id = kept.external_id or external_id
    kept.attributes = attributes | kept.attributes
    await work.session.flush()
    note(work, doer, "contact.merged", str(contact_id), {"into": (None, str(into_id))})
    work.outbox.add(ContactChanged(workspace_id))
    return kept


async def _find(work: Work, workspace_id: UUID, condition: Any) -> Contact | None:
    query = select(Contact).where(
        Contact.workspace_id == workspace_id, Contact.erased_at.is_(None), condition
    )
    locked = query.order_by(Contact.id).limit(1).with_for_update()
    return (await work.session.scalars(locked)).one_or_none()


async def _make(work: Work, workspace_id: UUID, details: Details) -> Contact:
    contact = Contact(
        id=new_id(),
        created_at=work.clock(),
        workspace_id=workspace_id,
        external_id=details.external_id,
        email=details.email,
        name=details.name or NAMELESS,
        locale=details.locale,
        attributes=merged({}, dict(details.attributes)),
        page_attributes={},
    )
    work.session.add(contact)
    try:
        await work.session.flush()
    except IntegrityError as error:
        raise Conflict from error
    return contact


async def _apply(
    work: Work, contact: Contact, details: Details, pointer: str = "/external_id"
) -> None:
    if details.external_id not in (None, contact.external_id):
        other = await _find(work, contact.workspace_id, Contact.external_id == details.external_id)
        if other is not None:
            raise BadField(pointer, "Another contact has this id.", "taken")
        contact.external_id = details.external_id
    contact.email = details.email or contact.email
    contact.name = details.name or contact.name
    contact.locale = details.locale or contact.locale
    contact.attributes = merged(contact.attributes, dict(details.attributes))
    for name in details.cleared:
        setattr(contact, name, None)
    if work.session.is_modified(contact):
        await work.session.flush()
        work.outbox.add(ContactChanged(contact.workspace_id))
