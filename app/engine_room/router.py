"""The engine's pages: live figures, the newest answers, and one answer word by word."""

from uuid import UUID

from fastapi import APIRouter
from fastapi.responses import HTMLResponse

from app.answers.drafted import cut, shares
from app.dependencies import AgentDep, PartsDep, SnapshotDep
from app.engine_room.kept import view_kept
from app.engine_room.panels import view_engine
from app.engine_room.repository import read_answer, read_answers
from app.office.frame import OfficeDep
from app.pages import page

router = APIRouter(prefix="/dashboard/engine", include_in_schema=False)


@router.get("")
async def engine(office: OfficeDep, parts: PartsDep, session: SnapshotDep) -> HTMLResponse:
    """The figures of the last ten minutes, and below them those of stored answers."""
    values = {
        "title": "Engine",
        "view": view_engine(parts.engine_history.samples),
        "kept": view_kept(await read_answers(session, office.agent.workspace_id)),
    }
    return office.page("engine_room/engine.html", "engine", values)


@router.get("/live")
async def live(_agent: AgentDep, parts: PartsDep) -> HTMLResponse:
    """The same without the frame, for a page that is open."""
    view = view_engine(parts.engine_history.samples)
    return page("engine_room/_live.html", {"view": view})


@router.get("/answers")
async def answers(office: OfficeDep, session: SnapshotDep) -> HTMLResponse:
    """The newest answers with what they took."""
    rows = await read_answers(session, office.agent.workspace_id)
    values = {"title": "Answers of the engine", "rows": rows}
    return office.page("engine_room/answers.html", "engine", values)


@router.get("/answers/{message_id}")
async def answer(office: OfficeDep, session: SnapshotDep, message_id: UUID) -> HTMLResponse:
    """One answer: its words by who drafted them."""
    row = await read_answer(session, office.agent.workspace_id, message_id)
    stretches = cut(row.text, row.drafted or ())
    tones = {one.drafter: number for number, one in enumerate(shares(stretches))}
    values = {
        "title": f"An answer in #{row.conversation_number}",
        "row": row,
        "stretches": stretches,
        "shares": shares(stretches),
        "tones": tones,
    }
    return office.page("engine_room/answer.html", "engine", values)
