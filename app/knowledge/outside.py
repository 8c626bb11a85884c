"""Articles that other systems keep: found by their own reference, saved over, listed by place."""

from dataclasses import dataclass
from uuid import UUID

from sqlalchemy import func, or_, select
from sqlalchemy.exc import IntegrityError
from sqlalchemy.ext.asyncio import AsyncSession

from app.api.seeking import Order, last_of_stretch, place_of_id, seek
from app.audit.service import Doer
from app.database import Work
from app.errors import Conflict
from app.knowledge.drafts import Drafts
from app.knowledge.editing import Edit, create_article, discard_draft, save_draft
from app.models import Article, ArticleDraft
from app.vocabulary import ArticleState, Visibility

LOOKED_THROUGH = 1_000
"""Articles whose texts one page of a search reads."""


@dataclass(frozen=True)
class ArticleView:
    """An article and what is being written on it."""

    article: Article
    draft: ArticleDraft | None


@dataclass(frozen=True)
class NewArticle:
    """An article as it comes from another system."""

    edit: Edit
    slug: str | None = None
    locale: str = "en"
    source_url: str | None = None
    external_ref: str | None = None


@dataclass(frozen=True)
class Change:
    """What is to be written anew; None stays."""

    title: str | None = None
    body_md: str | None = None
    collection: str | None = None
    visibility: Visibility | None = None


@dataclass(frozen=True)
class Wanted:
    """Which articles; None means any."""

    state: ArticleState | None = None
    collection: str | None = None
    external_ref: str | None = None
    words: str | None = None


@dataclass(frozen=True)
class Stretch:
    """Articles that were found, and where looking stopped if not at the end."""

    views: list[ArticleView]
    stopped_at: UUID | None = None


async def page_of_articles(
    session: AsyncSession, workspace_id: UUID, after: list[str] | None, limit: int, wanted: Wanted
) -> Stretch:
    """The next articles behind a place, newest first.

    No index knows the words in a text, so for them at most `LOOKED_THROUGH` are looked at.
    """
    is_mine = Article.workspace_id == workspace_id
    query = (
        select(Article, ArticleDraft)
        .outerjoin(ArticleDraft, ArticleDraft.article_id == Article.id)
        .where(is_mine)
    )
    if wanted.state is not None:
        query = query.where(Article.state == wanted.state)
    if wanted.external_ref is not None:
        query = query.where(Article.external_ref == wanted.external_ref)
    if wanted.collection is not None:
        shown = func.coalesce(ArticleDraft.collection, Article.collection)
        query = query.where(shown == wanted.collection)
    place, last = place_of_id(after), None
    if wanted.words:
        ids = select(Article.id).where(is_mine)
        last = await last_of_stretch(session, ids, Article.id, place, LOOKED_THROUGH)
        sought = (Article.title, Article.body_md, ArticleDraft.title, ArticleDraft.body_md)
        query = query.where(or_(*(one.icontains(wanted.words, autoescape=True) for one in sought)))
        query = query if last is None else query.where(Article.id >= last)
    query = seek(query, [Article.id], place, limit, Order.DESC)
    views = [ArticleView(article, draft) for article, draft in await session.execute(query)]
    return Stretch(views, last)


async def read_view(session: AsyncSession, workspace_id: UUID, article_id: UUID) -> ArticleView:
    """One of them.

    Raises:
        NotFound: unknown, or another company's.
    """
    drafts = Drafts(session)
    article = await drafts.article(workspace_id, article_id)
    return ArticleView(article, await drafts.draft(article_id))


async def save_article(work: Work, doer: Doer, new: NewArticle) -> tuple[ArticleView, bool]:
    """A draft of the article of this reference, or of a new one; and whether it is new.

    Raises:
        Conflict: another one took the reference a moment ago.
    """
    workspace_id = doer.agent.workspace_id
    known = await _find(work.session, workspace_id, new.external_ref)
    if known is not None:
        await _save_over(work, doer, known.id, new.edit)
        return await read_view(work.session, workspace_id, known.id), False
    article = await create_article(
        work, doer, new.edit, slug=new.slug, source_url=new.source_url, locale=new.locale
    )
    article.external_ref = new.external_ref
    try:
        await work.session.flush()
    except IntegrityError as error:
        raise Conflict from error
    return await read_view(work.session, workspace_id, article.id), True


async def change_draft(work: Work, doer: Doer, view: ArticleView, change: Change) -> ArticleView:
    """Write on it: what is not given is taken from the draft, or from what is published."""
    text = view.draft or view.article
    edit = Edit(
        text.title if change.title is None else change.title,
        text.body_md if change.body_md is None else change.body_md,
        text.collection if change.collection is None else change.collection,
        text.visibility if change.visibility is None else change.visibility,
    )
    await _save_over(work, doer, view.article.id, edit)
    return await read_view(work.session, doer.agent.workspace_id, view.article.id)


async def delete_article(work: Work, doer: Doer, article_id: UUID) -> None:
    """Remove an article that was never published.

    Raises:
        NotFound: there is no such article.
        Conflict: it was published; archive it, for old answers cite it.
    """
    article = await Drafts(work.session).article(doer.agent.workspace_id, article_id)
    if article.version > 0:
        raise Conflict("It was published and old answers may cite it; archive it.")
    await discard_draft(work, doer, article_id)


async def _find(session: AsyncSession, workspace_id: UUID, ref: str | None) -> Article | None:
    if ref is None:
        return None
    query = select(Article).where(Article.workspace_id == workspace_id, Article.external_ref == ref)
    return (await session.scalars(query)).one_or_none()


async def _save_over(work: Work, doer: Doer, article_id: UUID, edit: Edit) -> None:
    draft = await Drafts(work.session).draft(article_id)
    await save_draft(work, doer, article_id, edit, revision=draft.revision if draft else 0)
