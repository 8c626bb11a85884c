"""The panel about a contact beside their conversation: shown, corrected, fetched again.

A page that is told of a changed contact fetches the panel; name and subject in the conversation's
head come along out of band.
"""

from uuid import UUID

from fastapi import APIRouter
from fastapi.responses import HTMLResponse
from sqlalchemy.ext.asyncio import AsyncSession

from app import access
from app.contacts.service import correct_contact
from app.conversations.repository import ConversationRow, Conversations
from app.dashboard.earlier import earlier_conversations
from app.dependencies import SnapshotDep, WorkDep
from app.errors import Forbidden
from app.office.forms import Fields, Sheet
from app.office.frame import Office, OfficeDep, WriterDep
from app.pages import page

router = APIRouter(prefix="/dashboard/conversations", include_in_schema=False)

_MAX_NAME_CHARS = 200


@router.get("/{conversation_id}/contact")
async def contact(
    conversation_id: UUID, office: OfficeDep, session: SnapshotDep, back: bool = False
) -> HTMLResponse:
    """As it stands now; `back` puts the focus where the form was opened."""
    row = await _row(session, office, conversation_id)
    return await _panel(session, office, row, is_back=back)


@router.get("/{conversation_id}/contact/edit")
async def edit(conversation_id: UUID, office: OfficeDep, session: SnapshotDep) -> HTMLResponse:
    """The same as a form."""
    row = await _row(session, office, conversation_id)
    if not office.agent.may_converse:
        raise Forbidden
    return _form(office, row, Sheet({"name": row.contact.name, "email": row.contact.email or ""}))


@router.post("/{conversation_id}/contact")
async def correct(conversation_id: UUID, posted: WriterDep, work: WorkDep) -> HTMLResponse:
    """Another name or address, or the form again with what does not fit."""
    row = await _row(work.session, posted, conversation_id)
    fields = Fields(posted.form)
    name = fields.text("name", max_chars=_MAX_NAME_CHARS)
    email = fields.email("email", is_required=False)
    if fields.errors:
        return _form(posted, row, fields.sheet())
    await correct_contact(work, posted.doer, row.contact.id, name=name, email=email or None)
    return await _panel(work.session, posted, row, is_back=True)


async def _row(session: AsyncSession, office: Office, conversation_id: UUID) -> ConversationRow:
    found = await access.conversation(session, office.agent, conversation_id)
    return await Conversations(session).row(found)


async def _panel(
    session: AsyncSession, office: Office, row: ConversationRow, *, is_back: bool
) -> HTMLResponse:
    values = {
        "agent": office.agent,
        "row": row,
        "earlier": await earlier_conversations(session, row.conversation),
        "is_back": is_back,
    }
    return page("dashboard/_contact_news.html", values)


def _form(office: Office, row: ConversationRow, sheet: Sheet) -> HTMLResponse:
    values = {"row": row, "csrf": office.csrf, "sheet": sheet}
    status = 422 if sheet.errors else 200
    return page("dashboard/_contact_form.html", values, status=status)
