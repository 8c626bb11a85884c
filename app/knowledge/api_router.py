"""`/v1/articles` and `/v1/gaps`: what the bot quotes, and what it could not."""

import asyncio
from functools import partial
from typing import Annotated
from uuid import UUID

from fastapi import File, Query, Response, UploadFile

from app.api.errors import BadField
from app.api.etags import IfMatch, check_match, tagged
from app.api.keys import ApiCaller, ApiWorkDep, require
from app.api.paging import Page, PagerDep
from app.api.routes import api_router
from app.api.scopes import Scope
from app.api.values import Reference
from app.dependencies import PartsDep, SnapshotDep
from app.knowledge import editing, gaps, outside
from app.knowledge.importing import read_files
from app.knowledge.imports import begin_urls, bring_in, read_import
from app.knowledge.outside import Wanted
from app.knowledge.resources import (
    ArticlePatch,
    ArticleResource,
    Collection,
    GapResource,
    ImportResource,
    NewArticleBody,
    SearchHit,
    SearchResult,
    UrlList,
)
from app.knowledge.search import Hit, SearchIndex
from app.knowledge.service import article_url
from app.outbound import FetchRefused, read_target
from app.vocabulary import ArticleState

router = api_router("/articles", "articles")
gap_router = api_router("/gaps", "gaps")

Reads = Annotated[ApiCaller, require(Scope.KB_READ)]
Writes = Annotated[ApiCaller, require(Scope.KB_WRITE)]


@router.get("")
async def list_articles(
    caller: Reads,
    pager: PagerDep,
    session: SnapshotDep,
    state: ArticleState | None = None,
    collection: Annotated[Collection | None, Query()] = None,
    external_ref: Annotated[Reference | None, Query()] = None,
    q: Annotated[str | None, Query(max_length=200, description="Words of title or text.")] = None,
) -> Page[ArticleResource]:
    """Articles in every state, newest first.

    With `q` a page looks through 1,000 articles, so it may hold fewer than `limit`, or none, and
    `has_more` tells whether there are others to look through.
    """
    wanted, after = Wanted(state, collection, external_ref, q), pager.after("articles")
    found = await outside.page_of_articles(
        session, caller.workspace_id, after, pager.limit + 1, wanted
    )
    stopped_at = None if found.stopped_at is None else [str(found.stopped_at)]
    return pager.page(
        "articles",
        found.views,
        ArticleResource.of,
        lambda view: [str(view.article.id)],
        stopped_at=stopped_at,
    )


@router.post("", status_code=201, responses={200: {"description": "It was here, and is changed."}})
async def save_article(
    caller: Writes, work: ApiWorkDep, body: NewArticleBody, response: Response
) -> ArticleResource:
    """Make an article, or write on the one that has this `external_ref`."""
    view, is_new = await outside.save_article(work, caller.doer, body.new)
    if body.publish:
        try:
            await editing.publish_draft(work, caller.doer, view.article.id)
        except editing.NothingToQuote as error:
            raise BadField("/body_md", error.sentence) from error
    if not is_new:
        response.status_code = 200
    response.headers["Location"] = f"/v1/articles/{view.article.id}"
    return await _now(caller, work, response, view.article.id)


@router.get("/search")
async def search(
    caller: Reads,
    parts: PartsDep,
    q: Annotated[str, Query(min_length=1, max_length=400, description="A question.")],
    limit: Annotated[int, Query(ge=1, le=20)] = 5,
) -> SearchResult:
    """The paragraphs of published articles that fit a question, best first."""
    shelf = await parts.library.shelf(caller.workspace_id)
    hits = await asyncio.to_thread(_search, shelf.index, q, limit)
    return SearchResult(data=[_hit(hit) for hit in hits])


@router.post("/import/urls", status_code=202)
async def import_urls(
    caller: Writes, work: ApiWorkDep, body: UrlList, response: Response
) -> ImportResource:
    """Fetch pages and make drafts of all of them, or of none; look at `Location` for the end."""
    for i, url in enumerate(body.urls):
        try:
            read_target(url)
        except FetchRefused as refused:
            raise BadField(f"/urls/{i}", refused.sentence) from refused
    wanted = await begin_urls(work, caller.doer, body.urls)
    response.headers["Location"] = f"/v1/articles/imports/{wanted.import_id}"
    row = await read_import(work.session, caller.workspace_id, wanted.import_id)
    return ImportResource.of(row)


@router.post("/import/files", status_code=201)
async def import_files(
    caller: Writes,
    work: ApiWorkDep,
    files: Annotated[list[UploadFile], File(min_length=1, max_length=500)],
    response: Response,
) -> ImportResource:
    """Markdown, HTML, or zips of them become drafts, all of them or none; `failures` says why."""
    contents = [((one.filename or "").replace("\0", ""), await one.read()) for one in files]
    incoming, failures = await asyncio.to_thread(read_files, contents)
    name = ", ".join(name for name, _ in contents)
    row = await bring_in(work, caller.doer, name, incoming, failures)
    await work.session.flush()
    response.headers["Location"] = f"/v1/articles/imports/{row.id}"
    return ImportResource.of(row)


@router.get("/imports/{import_id}")
async def get_import(import_id: UUID, caller: Reads, session: SnapshotDep) -> ImportResource:
    """How far an import is."""
    return ImportResource.of(await read_import(session, caller.workspace_id, import_id))


@router.get("/{article_id}")
async def get_article(
    article_id: UUID, caller: Reads, session: SnapshotDep, response: Response
) -> ArticleResource:
    """One article; its `ETag` names this state."""
    return tagged(
        response,
        ArticleResource.of(await outside.read_view(session, caller.workspace_id, article_id)),
    )


@router.patch("/{article_id}", responses={412: {"description": "It has changed."}})
async def patch_article(
    article_id: UUID,
    caller: Writes,
    work: ApiWorkDep,
    body: ArticlePatch,
    response: Response,
    if_match: IfMatch = None,
) -> ArticleResource:
    """Write on the draft; what is published stays until the draft is."""
    view = await outside.read_view(work.session, caller.workspace_id, article_id)
    check_match(if_match, ArticleResource.of(view))
    return tagged(
        response,
        ArticleResource.of(await outside.change_draft(work, caller.doer, view, body.change)),
    )


@router.post("/{article_id}/publish")
async def publish(
    article_id: UUID, caller: Writes, work: ApiWorkDep, response: Response
) -> ArticleResource:
    """Make the draft the article's text; the bot quotes it from now on."""
    await editing.publish_draft(work, caller.doer, article_id)
    return await _now(caller, work, response, article_id)


@router.post("/{article_id}/archive")
async def archive(
    article_id: UUID, caller: Writes, work: ApiWorkDep, response: Response
) -> ArticleResource:
    """Search and show it no more; old answers still lead to it."""
    await editing.archive_article(work, caller.doer, article_id)
    return await _now(caller, work, response, article_id)


@router.post("/{article_id}/restore")
async def restore(
    article_id: UUID, caller: Writes, work: ApiWorkDep, response: Response
) -> ArticleResource:
    """Let an archived article be found again."""
    await editing.restore_article(work, caller.doer, article_id)
    return await _now(caller, work, response, article_id)


@router.delete("/{article_id}", status_code=204)
async def delete_article(article_id: UUID, caller: Writes, work: ApiWorkDep) -> None:
    """Remove an article that was never published; one that was is archived instead."""
    await outside.delete_article(work, caller.doer, article_id)


@gap_router.get("")
async def list_gaps(
    caller: Reads, pager: PagerDep, session: SnapshotDep, is_open: bool | None = None
) -> Page[GapResource]:
    """Questions no article answered, newest first."""
    found = partial(gaps.page_of_gaps, session, caller.workspace_id, is_open=is_open)
    return await pager.read("gaps", found, GapResource.of)


@gap_router.post("/{gap_id}/draft", status_code=201)
async def draft_from_gap(
    gap_id: UUID, caller: Writes, work: ApiWorkDep, response: Response
) -> ArticleResource:
    """A draft that answers it, in the words of the person who did, if one did."""
    article = await gaps.draft_from(work, caller.doer, [gap_id])
    response.headers["Location"] = f"/v1/articles/{article.id}"
    return await _now(caller, work, response, article.id)


@gap_router.post("/{gap_id}/dismiss", status_code=204)
async def dismiss_gap(gap_id: UUID, caller: Writes, work: ApiWorkDep) -> None:
    """Nobody wants an article about it."""
    await gaps.dismiss(work, caller.doer, [gap_id])


def _search(index: SearchIndex, question: str, limit: int) -> list[Hit]:
    return list(index.search(index.understand(question), limit))


def _hit(hit: Hit) -> SearchHit:
    article = hit.passage.article
    return SearchHit(
        article_id=article.article_id,
        version=article.version,
        slug=article.slug,
        title=article.title,
        heading=hit.passage.heading,
        paragraph=hit.passage.paragraph,
        text=hit.passage.text,
        url=article_url(article.slug, article.version, hit.passage.paragraph),
        score=hit.score,
    )


async def _now(
    caller: ApiCaller, work: ApiWorkDep, response: Response, article_id: UUID
) -> ArticleResource:
    await work.session.flush()
    view = await outside.read_view(work.session, caller.workspace_id, article_id)
    return tagged(response, ArticleResource.of(view))
