"""The pages of canned replies and of labels."""

from uuid import UUID

from fastapi import APIRouter
from fastapi.responses import HTMLResponse, Response

from app.dependencies import SnapshotDep, WorkDep
from app.errors import Invalid
from app.office.forms import EMPTY_SHEET, Fields, Sheet
from app.office.frame import ManagerDep, Office, OfficeDep, WriterDep, go_to
from app.replies import service
from app.replies.service import ReplyText

router = APIRouter(prefix="/dashboard", include_in_schema=False)

_REPLIES = "/dashboard/replies"
_LABELS = "/dashboard/labels"


@router.get("/replies")
async def replies(office: OfficeDep, session: SnapshotDep) -> HTMLResponse:
    """Shared and own replies."""
    sheet = Sheet({"is_shared": "on" if office.agent.may_manage else ""})
    return await _replies(office, session, sheet)


@router.get("/replies/{reply_id}")
async def edit_reply(office: OfficeDep, session: SnapshotDep, reply_id: UUID) -> HTMLResponse:
    """The form with one of them."""
    reply = await service.read_reply(session, office.agent, reply_id)
    values = {
        "shortcut": reply.shortcut,
        "title": reply.title,
        "body_md": reply.body_md,
        "is_shared": "on" if reply.owner_agent_id is None else "",
    }
    return await _replies(office, session, Sheet(values), reply_id)


@router.post("/replies")
async def create_reply(posted: WriterDep, work: WorkDep) -> Response:
    """A new one."""
    return await _save_reply(posted, work, None, Fields(posted.form))


@router.post("/replies/{reply_id}")
async def change_reply(posted: WriterDep, work: WorkDep, reply_id: UUID) -> Response:
    """Another text."""
    return await _save_reply(posted, work, reply_id, Fields(posted.form))


@router.post("/replies/{reply_id}/delete")
async def delete_reply(posted: WriterDep, work: WorkDep, reply_id: UUID) -> Response:
    """Gone."""
    await service.delete_reply(work, posted.doer, reply_id)
    return go_to(_REPLIES, "deleted")


@router.get("/labels")
async def labels(office: OfficeDep, session: SnapshotDep) -> HTMLResponse:
    """All labels."""
    return await _labels(office, session, EMPTY_SHEET)


@router.post("/labels")
async def create_label(posted: ManagerDep, work: WorkDep) -> Response:
    """A new one."""
    return await _save_label(posted, work, None, Fields(posted.form))


@router.post("/labels/{label_id}")
async def change_label(posted: ManagerDep, work: WorkDep, label_id: UUID) -> Response:
    """Another name or colour."""
    return await _save_label(posted, work, label_id, Fields(posted.form))


@router.post("/labels/{label_id}/delete")
async def delete_label(posted: ManagerDep, work: WorkDep, label_id: UUID) -> Response:
    """Gone, from conversations too."""
    await service.delete_label(work, posted.doer, label_id)
    return go_to(_LABELS, "deleted")


async def _save_reply(
    posted: WriterDep, work: WorkDep, reply_id: UUID | None, fields: Fields
) -> Response:
    text = ReplyText(
        shortcut=fields.text("shortcut", max_chars=service.MAX_SHORTCUT_CHARS).lstrip("/").lower(),
        title=fields.text("title", max_chars=service.MAX_TITLE_CHARS),
        body_md=fields.text("body_md", max_chars=service.MAX_BODY_CHARS),
        is_shared=fields.flag("is_shared"),
    )
    if text.shortcut and not service.is_shortcut(text.shortcut):
        fields.refuse("shortcut", "Only a-z, 0-9, dashes and underscores.")
    if text.is_shared and not posted.agent.may_manage:
        fields.refuse("is_shared", "Only admins change shared replies.")
    if not fields.errors:
        try:
            await service.save_reply(work, posted.doer, reply_id, text)
        except service.Taken as error:
            fields.refuse("shortcut", error.sentence)
        else:
            return go_to(_REPLIES, "saved")
    sheet = Sheet(fields.values, fields.errors)
    return await _replies(posted, work.session, sheet, reply_id, status=422)


async def _save_label(
    posted: ManagerDep, work: WorkDep, label_id: UUID | None, fields: Fields
) -> Response:
    name = " ".join(fields.text("name", max_chars=service.MAX_LABEL_CHARS).split())
    if not fields.errors:
        try:
            colour = fields.values.get("colour", "")
            await service.save_label(work, posted.doer, label_id, name, colour)
        except Invalid as error:
            fields.refuse("name", error.sentence)
        else:
            return go_to(_LABELS, "saved")
    sheet = fields.sheet() if label_id is None else _at_row(label_id, fields)
    return await _labels(posted, work.session, sheet, status=422)


def _at_row(label_id: UUID, fields: Fields) -> Sheet:
    """The same for a row of the table, whose field shares its name with the form's below."""
    field = f"label-{label_id}"
    return Sheet({field: fields.values.get("name", "")}, {field: fields.errors["name"]})


async def _replies(
    office: Office,
    session: SnapshotDep,
    sheet: Sheet,
    reply_id: UUID | None = None,
    *,
    status: int = 200,
) -> HTMLResponse:
    values = {
        "title": "Canned replies",
        "replies": await service.read_replies(session, office.agent),
        "reply_id": reply_id,
    }
    return office.page("settings/replies.html", "settings", values, sheet=sheet, status=status)


async def _labels(
    office: Office, session: SnapshotDep, sheet: Sheet, *, status: int = 200
) -> HTMLResponse:
    values = {
        "title": "Labels",
        "rows": await service.read_labels(session, office.agent.workspace_id),
        "colours": service.LABEL_COLOURS,
    }
    return office.page("settings/labels.html", "settings", values, sheet=sheet, status=status)
