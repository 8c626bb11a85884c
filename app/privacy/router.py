"""Contacts: looking them up, exporting, erasing."""

from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Query
from fastapi.responses import HTMLResponse, JSONResponse, Response

from app.audit.service import note
from app.dependencies import PartsDep, SnapshotDep, WorkDep
from app.files import service as files
from app.office.forms import Fields
from app.office.frame import ManagerDep, ManagerViewDep, go_to
from app.privacy.archive import archive
from app.privacy.repository import Contacts
from app.privacy.service import erase_contact, export_contact, files_of

router = APIRouter(prefix="/dashboard/contacts", include_in_schema=False)


@router.get("")
async def contacts(
    office: ManagerViewDep,
    session: SnapshotDep,
    q: Annotated[str, Query(max_length=200)] = "",
) -> HTMLResponse:
    """Who wrote, newest first."""
    rows = await Contacts(session).rows(office.agent.workspace_id, q.strip())
    values = {"title": "Contacts", "rows": rows, "sought": q.strip()}
    return office.page("settings/contacts.html", "settings", values)


@router.post("/{contact_id}/export")
async def export(posted: ManagerDep, work: WorkDep, parts: PartsDep, contact_id: UUID) -> Response:
    """A file with everything about them, a zip where they have sent files; it is noted."""
    told = await export_contact(work.session, posted.agent.workspace_id, contact_id, parts.clock())
    sent = await files_of(work.session, contact_id)
    note(work, posted.doer, "contact.exported", str(contact_id))
    if sent:
        return await archive(files.store_of(parts.settings), contact_id, told, sent)
    name = f"contact-{contact_id}.json"
    return JSONResponse(told, headers={"Content-Disposition": f'attachment; filename="{name}"'})


@router.post("/{contact_id}/erase")
async def erase(posted: ManagerDep, work: WorkDep, contact_id: UUID) -> Response:
    """Forget them, once the word was typed."""
    fields = Fields(posted.form)
    if fields.text("confirm", max_chars=20, is_required=False).lower() == "erase":
        await erase_contact(work, posted.doer, contact_id)
        return go_to("/dashboard/contacts", "erased")
    contacts, workspace_id = Contacts(work.session), posted.agent.workspace_id
    sought = (await contacts.contact(workspace_id, contact_id)).name
    rows = await contacts.rows(workspace_id, sought)
    fields.refuse(f"confirm-{contact_id}", "Type “erase” to confirm.")
    values = {"title": "Contacts", "rows": rows, "sought": sought}
    from_form = fields.sheet()
    return posted.page("settings/contacts.html", "settings", values, sheet=from_form, status=422)
