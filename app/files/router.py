"""Files over HTTP: a visitor's with their token, an agent's with their cookie.

Nothing is ever shown in place: a file is handed out to be saved, without guessing its kind, and a
browser that opens it all the same runs nothing in it.
"""

import asyncio
from typing import Annotated
from urllib.parse import unquote
from uuid import UUID

from fastapi import APIRouter, Header, Request
from fastapi.responses import FileResponse, JSONResponse, Response
from starlette.requests import ClientDisconnect

from app.dependencies import AgentDep, PartsDep, SnapshotDep, check_csrf
from app.errors import Forbidden, Invalid, TooLong
from app.files import service as files
from app.files.service import NewFile
from app.parts import Parts
from app.speakers import Speaker
from app.widget.visitor import VISITOR_PREFIX, VisitorDep, preflight

router = APIRouter(include_in_schema=False)

_HEADERS = {
    "Cache-Control": "private, no-store",
    "Content-Security-Policy": "default-src 'none'; sandbox",
    "X-Content-Type-Options": "nosniff",
}
FileName = Annotated[str, Header(alias="X-File-Name", max_length=2_000)]


@router.options(VISITOR_PREFIX + "/files")
@router.options(VISITOR_PREFIX + "/files/{file_id}")
async def may_send(site: str, file_id: str = "") -> Response:
    """A browser asks before it sends a token."""
    return preflight()


@router.post(VISITOR_PREFIX + "/files", status_code=201)
async def upload(
    request: Request, parts: PartsDep, visitor: VisitorDep, x_file_name: FileName
) -> JSONResponse:
    """A customer's file: its bytes are the body, its name the header, percent-encoded."""
    return await _receive(request, parts, visitor, x_file_name)


@router.get(VISITOR_PREFIX + "/files/{file_id}")
async def download(
    parts: PartsDep, session: SnapshotDep, visitor: VisitorDep, file_id: UUID
) -> FileResponse:
    """A file of one of the customer's conversations."""
    return _handed_out(await files.find(session, parts.settings, visitor, file_id))


@router.post("/dashboard/files", status_code=201)
async def upload_as_agent(
    request: Request,
    parts: PartsDep,
    agent: AgentDep,
    x_file_name: FileName,
    x_csrf: Annotated[str, Header(max_length=200)],
) -> JSONResponse:
    """An agent's file."""
    check_csrf(request, parts, x_csrf)
    if not agent.may_converse:
        raise Forbidden
    return await _receive(request, parts, agent, x_file_name)


@router.get("/dashboard/files/{file_id}")
async def download_as_agent(
    parts: PartsDep, session: SnapshotDep, agent: AgentDep, file_id: UUID
) -> FileResponse:
    """A file of a conversation of the company."""
    return _handed_out(await files.find(session, parts.settings, agent, file_id))


async def _receive(
    request: Request, parts: Parts, speaker: Speaker, encoded_name: str
) -> JSONResponse:
    limit = parts.settings.file_limit_bytes
    told = request.headers.get("content-length", "")
    if told.isdecimal() and int(told) > limit:
        raise TooLong(f"A file may have {limit:,} bytes; this one has {int(told):,}.")
    address = request.client.host if request.client else ""
    parts.uploads.check(address)
    parts.uploads.count(address)
    declared = request.headers.get("content-type", "")
    new = NewFile(unquote(encoded_name), declared, request.stream())
    try:
        async with asyncio.timeout(parts.settings.file_timeout_s):
            file = await files.receive(parts.database, parts.settings, speaker, new, parts.clock())
    except (ClientDisconnect, TimeoutError) as error:
        raise Invalid("The file did not arrive.") from error
    return JSONResponse(files.shown(file), status_code=201)


def _handed_out(found: files.Found) -> FileResponse:
    return FileResponse(
        found.path, media_type=found.media_type, filename=found.name, headers=_HEADERS
    )
