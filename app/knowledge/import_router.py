"""Importing articles: files at once, addresses in the background with their progress."""

import asyncio
from uuid import UUID

from fastapi import APIRouter
from fastapi.responses import HTMLResponse, Response
from starlette.datastructures import UploadFile

from app.dependencies import PartsDep, SnapshotDep
from app.knowledge.importing import read_files
from app.knowledge.imports import MAX_URLS, begin_urls, bring_in, read_import, read_imports
from app.office.forms import EMPTY_SHEET, Fields, Sheet
from app.office.frame import ManagerDep, ManagerViewDep, Office, go_to
from app.outbound import FetchRefused, read_target
from app.pages import page
from app.vocabulary import ImportState

router = APIRouter(prefix="/dashboard/import", include_in_schema=False)

_PATH = "/dashboard/import"
_MAX_LIST_CHARS = 50_000


@router.get("")
async def imports(office: ManagerViewDep, session: SnapshotDep) -> HTMLResponse:
    """Both forms, and what came in before."""
    return await _page(office, session, EMPTY_SHEET)


@router.post("/files")
async def files(posted: ManagerDep, parts: PartsDep) -> Response:
    """Markdown, HTML, or zips of them."""
    uploads = [one for one in posted.form.getlist("files") if isinstance(one, UploadFile)]
    chosen = [one for one in uploads if one.filename]
    if not chosen:
        async with parts.database.snapshot() as session:
            sheet = Sheet(errors={"files": "Please choose a file."})
            return await _page(posted, session, sheet, status=422)
    contents = [(one.filename or "", await one.read()) for one in chosen]
    incoming, failures = await asyncio.to_thread(read_files, contents)
    name = ", ".join(name for name, _ in contents)
    async with parts.database.work() as work:
        row = await bring_in(work, posted.doer, name, incoming, failures)
    return go_to(_PATH, "imported" if row.state is ImportState.DONE else None)


@router.post("/urls")
async def urls(posted: ManagerDep, parts: PartsDep) -> Response:
    """A list of addresses, one a line."""
    fields = Fields(posted.form)
    listed = fields.text("urls", max_chars=_MAX_LIST_CHARS).split()
    for url in listed:
        try:
            read_target(url)
        except FetchRefused as refused:
            fields.refuse("urls", f"{url[:80]}: {refused.sentence}")
    if len(listed) > MAX_URLS:
        fields.refuse("urls", f"At most {MAX_URLS} addresses; these are {len(listed)}.")
    if fields.errors:
        async with parts.database.snapshot() as session:
            return await _page(posted, session, Sheet(fields.values, fields.errors), status=422)
    async with parts.database.work() as work:
        await begin_urls(work, posted.doer, listed)
    return go_to(_PATH)


@router.get("/{import_id}")
async def progress(office: ManagerViewDep, session: SnapshotDep, import_id: UUID) -> HTMLResponse:
    """One import's row, for a page that waits for its end."""
    row = await read_import(session, office.agent.workspace_id, import_id)
    return page("knowledge/_import.html", {"row": row})


async def _page(
    office: Office, session: SnapshotDep, sheet: Sheet, *, status: int = 200
) -> HTMLResponse:
    rows = await read_imports(session, office.agent.workspace_id)
    values = {"title": "Import", "rows": rows}
    return office.page("knowledge/import.html", "knowledge", values, sheet=sheet, status=status)
