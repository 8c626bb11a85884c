"""The test bench: a list of questions, each asked by the page itself, one after the other."""

import asyncio
from uuid import UUID

from fastapi import APIRouter
from fastapi.responses import HTMLResponse

from app.bench.service import (
    MAX_QUESTION_CHARS,
    MAX_QUESTIONS,
    Bench,
    House,
    Trial,
    articles_with,
    read_house,
    try_question,
)
from app.dependencies import PartsDep, SnapshotDep
from app.errors import NotFound, Unavailable
from app.knowledge.editing import MAX_BODY_CHARS, MAX_TITLE_CHARS
from app.knowledge.passages import SourceArticle
from app.knowledge.search import SearchIndex
from app.office.forms import BadForm, Fields, Sheet
from app.office.frame import OfficeDep, WriterDep
from app.pages import page
from app.parts import Parts

router = APIRouter(prefix="/dashboard/bench", include_in_schema=False)

_TITLE = "Test bench"
_EXAMPLES = (
    "How do I return an item?\nHow long does delivery take?\nCan I change my order?\n"
    "Do you sell gift cards?\nIs my tent covered if it rips?\nI want to speak to a person"
)


@router.get("")
async def bench(office: OfficeDep) -> HTMLResponse:
    """An empty bench with a few questions to begin with."""
    sheet = Sheet({"questions": _EXAMPLES})
    values = {"title": _TITLE, "questions": []}
    return office.page("bench/bench.html", "knowledge", values, sheet=sheet)


@router.post("")
async def lay_out(posted: WriterDep) -> HTMLResponse:
    """The questions as rows that ask themselves."""
    fields = Fields(posted.form)
    text = fields.text("questions", max_chars=MAX_QUESTIONS * MAX_QUESTION_CHARS)
    lines = [line for raw in text.splitlines() if (line := " ".join(raw.split()))]
    if len(lines) > MAX_QUESTIONS:
        fields.refuse("questions", f"At most {MAX_QUESTIONS} at a time; these are {len(lines)}.")
    if any(len(line) > MAX_QUESTION_CHARS for line in lines):
        fields.refuse("questions", f"A question has at most {MAX_QUESTION_CHARS} characters.")
    values: dict[str, object] = {"title": _TITLE, "questions": [] if fields.errors else lines}
    sheet = Sheet(fields.values, fields.errors)
    status = 422 if fields.errors else 200
    return posted.page("bench/bench.html", "knowledge", values, sheet=sheet, status=status)


@router.post("/ask")
async def ask(posted: WriterDep, session: SnapshotDep, parts: PartsDep) -> HTMLResponse:
    """One row, answered by the published articles."""
    fields = Fields(posted.form)
    question = fields.text("question", max_chars=MAX_QUESTION_CHARS)
    fields.check()
    house = await read_house(session, posted.agent.workspace_id)
    await session.close()  # what waits for the engine must hold no connection meanwhile
    shelf = await parts.library.shelf(posted.agent.workspace_id)
    return await _trial(parts, house, shelf.index, question, "bench/_row.html")


@router.post("/draft")
async def ask_draft(posted: WriterDep, session: SnapshotDep, parts: PartsDep) -> HTMLResponse:
    """The bot's answer as if what stands in the editor were published."""
    fields = Fields(posted.form)
    question = fields.text("question", max_chars=MAX_QUESTION_CHARS)
    title = fields.text("title", max_chars=MAX_TITLE_CHARS)
    body = fields.text("body_md", max_chars=MAX_BODY_CHARS)
    if fields.errors:
        values = {"trial": None, "trouble": BadForm(Sheet(errors=fields.errors)).sentence}
        return page("bench/_draft_answer.html", values, status=422)
    draft = SourceArticle(
        article_id=_article_id(fields),
        version=0,
        slug="draft",
        title=title,
        topic=fields.values.get("collection", ""),
        body_md=body,
    )
    articles = await articles_with(session, posted.agent.workspace_id, draft)
    house = await read_house(session, posted.agent.workspace_id)
    await session.close()
    index = await parts.library.index_of(posted.agent.workspace_id, articles)
    return await _trial(parts, house, index, question, "bench/_draft_answer.html")


def _article_id(fields: Fields) -> UUID:
    """Of the article this draft would replace; a new one's is nobody's."""
    try:
        return UUID(fields.values.get("article_id") or str(UUID(int=0)))
    except ValueError as error:
        raise NotFound from error


async def _trial(
    parts: Parts, house: House, index: SearchIndex, question: str, template: str
) -> HTMLResponse:
    trial: Trial | None = None
    trouble = ""
    try:
        if parts.engine is None:
            raise Unavailable("The engine is not there yet.")
        bench = Bench(house, index, parts.secrets.prefix_salt(house.workspace_id))
        async with asyncio.timeout(parts.settings.answer_timeout_s):
            trial = await try_question(parts.engine.client, bench, question)
    except Unavailable as error:
        trouble = error.sentence
    except TimeoutError:
        trouble = "The engine took too long."
    return page(template, {"trial": trial, "question": question, "trouble": trouble})
