"""Transcripts over HTTP, for the customer with their token and for agents with their cookie."""

from typing import Annotated
from urllib.parse import quote
from uuid import UUID

from fastapi import APIRouter, Query
from fastapi.responses import Response

from app.conversations.transcript import (
    Transcript,
    TranscriptFormat,
    as_text,
    read_transcript,
)
from app.dependencies import AgentDep, SnapshotDep
from app.pages import environment
from app.widget.visitor import VISITOR_PREFIX, VisitorDep, preflight

router = APIRouter(include_in_schema=False)

_PATH = "/conversations/{conversation_id}/transcript"
_TYPES = {TranscriptFormat.TEXT: "text/plain", TranscriptFormat.HTML: "text/html"}
As = Annotated[TranscriptFormat, Query(alias="as")]
Zone = Annotated[str | None, Query(max_length=64)]


@router.options(VISITOR_PREFIX + _PATH)
async def may_ask(site: str, conversation_id: str) -> Response:
    """A browser asks before it sends a token."""
    return preflight()


@router.get(VISITOR_PREFIX + _PATH)
async def transcript(
    session: SnapshotDep,
    visitor: VisitorDep,
    conversation_id: UUID,
    chosen: As = TranscriptFormat.TEXT,
    tz: Zone = None,
) -> Response:
    """A customer's own conversation."""
    return _handed_out(await read_transcript(session, visitor, conversation_id, tz), chosen)


@router.get("/dashboard" + _PATH)
async def transcript_for_agent(
    session: SnapshotDep,
    agent: AgentDep,
    conversation_id: UUID,
    chosen: As = TranscriptFormat.TEXT,
    tz: Zone = None,
) -> Response:
    """What the customer saw, without notes."""
    return _handed_out(await read_transcript(session, agent, conversation_id, tz), chosen)


def _handed_out(made: Transcript, chosen: TranscriptFormat) -> Response:
    if chosen is TranscriptFormat.TEXT:
        text = as_text(made)
    else:
        template = environment().get_template("conversations/transcript.html")
        text = template.render(transcript=made)
    name = quote(f"{made.filename}.{chosen.value}")
    headers = {
        "Content-Disposition": f'attachment; filename="{name}"',
        "Cache-Control": "private, no-store",
    }
    return Response(text, media_type=f"{_TYPES[chosen]}; charset=utf-8", headers=headers)
