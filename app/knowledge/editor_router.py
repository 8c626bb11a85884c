"""The pages of those who write articles: list, editor, versions."""

import asyncio
from typing import Annotated, Literal
from uuid import UUID

from fastapi import APIRouter, Query
from fastapi.responses import HTMLResponse, Response

from app.dependencies import SnapshotDep, WorkDep
from app.errors import AppError
from app.knowledge.diffs import diff
from app.knowledge.drafts import Drafts
from app.knowledge.editing import (
    MAX_BODY_CHARS,
    MAX_COLLECTION_CHARS,
    MAX_TITLE_CHARS,
    Edit,
    archive_article,
    create_article,
    discard_draft,
    publish_draft,
    restore_article,
    save_draft,
)
from app.knowledge.paragraphs import read_blocks
from app.models import Article, ArticleDraft
from app.office.forms import BadForm, Fields, Sheet
from app.office.frame import ManagerDep, Office, OfficeDep, Posted, WriterDep, go_to
from app.pages import page
from app.vocabulary import ArticleState, Visibility

router = APIRouter(prefix="/dashboard/articles", include_in_schema=False)

_MAX_SOUGHT_CHARS = 100
VersionQuery = Annotated[int | None, Query(ge=1, le=2**31 - 1)]
"""A version by its number; no database counts further."""


@router.get("")
async def articles(
    office: OfficeDep,
    session: SnapshotDep,
    state: Annotated[ArticleState | Literal[""], Query()] = "",
    q: Annotated[str, Query(max_length=_MAX_SOUGHT_CHARS)] = "",
) -> HTMLResponse:
    """All articles of a state, or those with some words in them."""
    drafts = Drafts(session)
    workspace_id = office.agent.workspace_id
    values = {
        "title": "Articles",
        "rows": await drafts.rows(workspace_id, state or None, q.strip()),
        "counts": await drafts.counts(workspace_id),
        "state": state or None,
        "sought": q.strip(),
    }
    return office.page("knowledge/articles.html", "knowledge", values)


@router.get("/new")
async def new(office: OfficeDep, session: SnapshotDep) -> HTMLResponse:
    """An empty editor."""
    return await _editor(office, session, None, None, Sheet({"visibility": "public"}))


@router.post("/new")
async def create(posted: WriterDep, work: WorkDep) -> Response:
    """The first draft of an article."""
    try:
        edit = _read_edit(posted)
    except BadForm as bad:
        return await _editor(posted, work.session, None, None, bad.sheet, 422)
    article = await create_article(work, posted.doer, edit)
    return go_to(f"/dashboard/articles/{article.id}", "saved")


@router.post("/preview")
async def preview(posted: WriterDep) -> HTMLResponse:
    """What stands in the editor as customers would see it."""
    body = str(posted.form.get("body_md", ""))[:MAX_BODY_CHARS]
    return page("knowledge/_prose.html", {"blocks": await asyncio.to_thread(read_blocks, body)})


@router.get("/{article_id}")
async def edit(office: OfficeDep, session: SnapshotDep, article_id: UUID) -> HTMLResponse:
    """The editor with the draft, or with the published text."""
    drafts = Drafts(session)
    article = await drafts.article(office.agent.workspace_id, article_id)
    draft = await drafts.draft(article_id)
    return await _editor(office, session, article, draft, _sheet(draft or article))


@router.post("/{article_id}")
async def save(posted: WriterDep, work: WorkDep, article_id: UUID) -> Response:
    """Keep the draft."""
    return await _save(posted, work, article_id, done="saved")


@router.post("/{article_id}/publish")
async def publish(posted: ManagerDep, work: WorkDep, article_id: UUID) -> Response:
    """Keep what stands in the editor and make it the article."""
    return await _save(posted, work, article_id, done="published")


@router.post("/{article_id}/discard")
async def discard(posted: WriterDep, work: WorkDep, article_id: UUID) -> Response:
    """Forget the draft."""
    is_left = await discard_draft(work, posted.doer, article_id)
    path = f"/dashboard/articles/{article_id}" if is_left else "/dashboard/articles"
    return go_to(path, "deleted")


@router.post("/{article_id}/archive")
async def archive(posted: ManagerDep, work: WorkDep, article_id: UUID) -> Response:
    """Take it out of search."""
    await archive_article(work, posted.doer, article_id)
    return go_to(f"/dashboard/articles/{article_id}", "archived")


@router.post("/{article_id}/restore")
async def restore(posted: ManagerDep, work: WorkDep, article_id: UUID) -> Response:
    """Put it back."""
    await restore_article(work, posted.doer, article_id)
    return go_to(f"/dashboard/articles/{article_id}", "published")


@router.get("/{article_id}/text")
async def text(
    office: OfficeDep,
    session: SnapshotDep,
    article_id: UUID,
    v: VersionQuery = None,
) -> HTMLResponse:
    """A version paragraph by paragraph, whatever became of the article; `#p3` marks the third."""
    drafts = Drafts(session)
    article = await drafts.article(office.agent.workspace_id, article_id)
    title, body, number = article.title, article.body_md, article.version
    if v is not None and v != article.version:
        older = await drafts.version(article_id, v)
        title, body, number = older.title, older.body_md, older.version
    values = {
        "title": title,
        "article": article,
        "number": number,
        "blocks": await asyncio.to_thread(read_blocks, body),
    }
    return office.page("knowledge/text.html", "knowledge", values)


@router.get("/{article_id}/versions")
async def versions(
    office: OfficeDep,
    session: SnapshotDep,
    article_id: UUID,
    v: VersionQuery = None,
) -> HTMLResponse:
    """All versions, and what `v` changed in the one before; without `v`, the newest."""
    drafts = Drafts(session)
    article = await drafts.article(office.agent.workspace_id, article_id)
    rows = await drafts.versions(article_id)
    chosen = v or (rows[0].version if rows else None)
    lines = None
    if chosen is not None:
        now = await drafts.version(article_id, chosen)
        earlier = next((row.version for row in rows if row.version < chosen), None)
        before = await drafts.version(article_id, earlier) if earlier is not None else None
        old = _as_file(before.title, before.body_md) if before else ""
        lines = await asyncio.to_thread(diff, old, _as_file(now.title, now.body_md))
    values = {
        "title": article.title,
        "article": article,
        "rows": rows,
        "chosen": chosen,
        "lines": lines,
    }
    return office.page("knowledge/versions.html", "knowledge", values)


async def _save(posted: Posted, work: WorkDep, article_id: UUID, *, done: str) -> Response:
    drafts = Drafts(work.session)
    article = await drafts.article(posted.agent.workspace_id, article_id)
    try:
        edit = _read_edit(posted)
        revision = Fields(posted.form).number("revision", 0, 1_000_000)
        await save_draft(work, posted.doer, article_id, edit, revision=revision)
        if done == "published":
            await publish_draft(work, posted.doer, article_id)
    except BadForm as bad:
        return await _editor(posted, work.session, article, None, bad.sheet, bad.status)
    except AppError as error:
        await work.session.rollback()
        sheet = Sheet(Fields(posted.form).values, {"body_md": error.sentence})
        fresh = await drafts.article(posted.agent.workspace_id, article_id)
        return await _editor(posted, work.session, fresh, None, sheet, error.status)
    return go_to(f"/dashboard/articles/{article_id}", done)


def _read_edit(posted: Posted) -> Edit:
    fields = Fields(posted.form)
    edit = Edit(
        title=" ".join(fields.text("title", max_chars=MAX_TITLE_CHARS).split()),
        body_md=fields.text("body_md", max_chars=MAX_BODY_CHARS) + "\n",
        collection=fields.text("collection", max_chars=MAX_COLLECTION_CHARS, is_required=False),
        visibility=fields.word("visibility", Visibility),
    )
    fields.check()
    return edit


def _sheet(text: Article | ArticleDraft) -> Sheet:
    return Sheet(
        {
            "title": text.title,
            "body_md": text.body_md,
            "collection": text.collection,
            "visibility": text.visibility.value,
            "revision": str(text.revision if isinstance(text, ArticleDraft) else 0),
        }
    )


async def _editor(
    office: Office,
    session: SnapshotDep,
    article: Article | None,
    draft: ArticleDraft | None,
    sheet: Sheet,
    status: int = 200,
) -> HTMLResponse:
    values = {
        "title": sheet.value("title") or "New article",
        "article": article,
        "draft": draft,
        "collections": await Drafts(session).collections(office.agent.workspace_id),
        "blocks": await asyncio.to_thread(read_blocks, sheet.value("body_md")),
    }
    return office.page("knowledge/editor.html", "knowledge", values, sheet=sheet, status=status)


def _as_file(title: str, body_md: str) -> str:
    return f"# {title}\n\n{body_md}"
