"""`/v1/contacts`: customers, by your own ids."""

from typing import Annotated, Any
from uuid import UUID

from fastapi import Query, Response

from app.api.etags import IfMatch, check_match, tagged
from app.api.keys import ApiCaller, ApiWorkDep, require
from app.api.paging import Page, PagerDep
from app.api.routes import api_router
from app.api.scopes import Scope
from app.api.values import Email, Reference
from app.audit.service import note
from app.contacts import service
from app.contacts.resources import ContactBody, ContactMerge, ContactResource
from app.contacts.service import Details
from app.dependencies import PartsDep, SnapshotDep
from app.privacy.repository import Contacts
from app.privacy.service import erase_contact, export_contact

router = api_router("/contacts", "contacts")

Reads = Annotated[ApiCaller, require(Scope.CONTACTS_READ)]
Writes = Annotated[ApiCaller, require(Scope.CONTACTS_WRITE)]


@router.get("")
async def list_contacts(
    caller: Reads,
    pager: PagerDep,
    session: SnapshotDep,
    external_id: Annotated[Reference | None, Query()] = None,
    email: Annotated[Email | None, Query()] = None,
    q: Annotated[
        str | None, Query(max_length=200, description="Words of name, e-mail or id.")
    ] = None,
) -> Page[ContactResource]:
    """Contacts, newest first.

    With `q` a page looks through 10,000 contacts, so it may hold fewer than `limit`, or none, and
    `has_more` tells whether there are others to look through.
    """
    wanted = Details(external_id, email)
    after = pager.after("contacts")
    found = await service.page_of_contacts(
        session, caller.workspace_id, after, pager.limit + 1, wanted=wanted, words=q
    )
    stopped_at = None if found.stopped_at is None else [str(found.stopped_at)]
    return pager.page("contacts", found.contacts, ContactResource.of, stopped_at=stopped_at)


@router.post("", status_code=201, responses={200: {"description": "It was here, and is changed."}})
async def save_contact(
    caller: Writes, work: ApiWorkDep, body: ContactBody, response: Response
) -> ContactResource:
    """Make a contact, or change the one that has this `external_id`."""
    contact, is_new = await service.save_contact(work, caller.doer, body.details)
    if not is_new:
        response.status_code = 200
    response.headers["Location"] = f"/v1/contacts/{contact.id}"
    return tagged(response, ContactResource.of(contact))


@router.get("/{contact_id}")
async def get_contact(
    contact_id: UUID, caller: Reads, session: SnapshotDep, response: Response
) -> ContactResource:
    """One contact; its `ETag` names this state."""
    return tagged(
        response,
        ContactResource.of(await Contacts(session).contact(caller.workspace_id, contact_id)),
    )


@router.patch("/{contact_id}", responses={412: {"description": "It has changed."}})
async def patch_contact(
    contact_id: UUID,
    caller: Writes,
    work: ApiWorkDep,
    body: ContactBody,
    response: Response,
    if_match: IfMatch = None,
) -> ContactResource:
    """Change what is given; `null` takes away e-mail, locale or your own id."""
    contact = await service.lock_contact(work, caller.workspace_id, contact_id)
    check_match(if_match, ContactResource.of(contact))
    await service.change_contact(work, contact, body.details)
    return tagged(response, ContactResource.of(contact))


@router.post("/{contact_id}/merge")
async def merge_contacts(
    contact_id: UUID, caller: Writes, work: ApiWorkDep, body: ContactMerge, response: Response
) -> ContactResource:
    """Give all conversations of this contact to another, who is shown; this one is gone."""
    return tagged(
        response,
        ContactResource.of(await service.merge(work, caller.doer, contact_id, body.into_id)),
    )


@router.get("/{contact_id}/export")
async def export(
    contact_id: UUID, caller: Reads, work: ApiWorkDep, parts: PartsDep
) -> dict[str, Any]:
    """Everything about a contact; that it was taken is noted."""
    told = await export_contact(work.session, caller.workspace_id, contact_id, parts.clock())
    note(work, caller.doer, "contact.exported", str(contact_id))
    return told


@router.post("/{contact_id}/erase")
async def erase(
    contact_id: UUID, caller: Writes, work: ApiWorkDep, response: Response
) -> ContactResource:
    """Forget a contact: name, addresses, sessions, and all words of their conversations."""
    await erase_contact(work, caller.doer, contact_id)
    return tagged(
        response,
        ContactResource.of(await Contacts(work.session).contact(caller.workspace_id, contact_id)),
    )
