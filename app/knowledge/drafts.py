"""The queries of those who write articles: lists, drafts, versions."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from sqlalchemy import func, or_, select, update
from sqlalchemy.ext.asyncio import AsyncSession

from app.errors import NotFound
from app.models import Agent, Article, ArticleDraft, ArticleVersion, KbGap
from app.vocabulary import ArticleState, Visibility


@dataclass(frozen=True)
class ArticleRow:
    """An article in the list of those who write."""

    id: UUID
    slug: str
    title: str
    collection: str
    state: ArticleState
    visibility: Visibility
    version: int
    has_draft: bool
    updated_at: datetime


@dataclass(frozen=True)
class VersionRow:
    """A published version and who wrote it."""

    version: int
    title: str
    author_name: str | None
    at: datetime


class Drafts:
    """Articles as their authors see them."""

    def __init__(self, session: AsyncSession) -> None:
        self._session = session

    async def rows(
        self, workspace_id: UUID, state: ArticleState | None = None, words: str = ""
    ) -> list[ArticleRow]:
        """By collection and title; `words` is looked for in both titles and in the text."""
        title = func.coalesce(ArticleDraft.title, Article.title)
        collection = func.coalesce(ArticleDraft.collection, Article.collection)
        query = (
            select(Article, ArticleDraft)
            .outerjoin(ArticleDraft, ArticleDraft.article_id == Article.id)
            .where(Article.workspace_id == workspace_id)
            .order_by(collection, title, Article.id)
        )
        if state is not None:
            query = query.where(Article.state == state)
        if words:
            sought = (Article.title, Article.body_md, ArticleDraft.title, ArticleDraft.body_md)
            query = query.where(or_(*(one.icontains(words, autoescape=True) for one in sought)))
        return [_row(*found) for found in await self._session.execute(query)]

    async def counts(self, workspace_id: UUID) -> dict[ArticleState, int]:
        """How many articles of each state."""
        query = (
            select(Article.state, func.count().label("num"))
            .where(Article.workspace_id == workspace_id)
            .group_by(Article.state)
        )
        rows = await self._session.execute(query)
        found = {one.state: one.num for one in rows}
        return {state: found.get(state, 0) for state in ArticleState}

    async def collections(self, workspace_id: UUID) -> list[str]:
        """The names in use."""
        query = select(Article.collection).where(Article.workspace_id == workspace_id)
        found = await self._session.scalars(query.distinct().order_by(Article.collection))
        return [name for name in found if name]

    async def article(self, workspace_id: UUID, article_id: UUID) -> Article:
        """Whatever its state.

        Raises:
            NotFound: unknown, or another company's.
        """
        query = select(Article).where(
            Article.id == article_id, Article.workspace_id == workspace_id
        )
        found = (await self._session.scalars(query)).one_or_none()
        if found is None:
            raise NotFound("There is no such article.")
        return found

    async def draft(self, article_id: UUID) -> ArticleDraft | None:
        """What it will say, if somebody is writing on it."""
        query = select(ArticleDraft).where(ArticleDraft.article_id == article_id)
        return (await self._session.scalars(query)).one_or_none()

    async def slugs(self, workspace_id: UUID, locale: str) -> set[str]:
        """All that are taken."""
        query = select(Article.slug).where(
            Article.workspace_id == workspace_id, Article.locale == locale
        )
        return set(await self._session.scalars(query))

    async def forget_gaps(self, article_id: UUID) -> None:
        """The questions it was to answer are open again."""
        made_from = update(KbGap).where(KbGap.article_id == article_id)
        await self._session.execute(made_from.values(article_id=None))

    async def versions(self, article_id: UUID) -> Sequence[VersionRow]:
        """Newest first."""
        query = (
            select(ArticleVersion, Agent.name)
            .outerjoin(Agent, Agent.id == ArticleVersion.author_agent_id)
            .where(ArticleVersion.article_id == article_id)
            .order_by(ArticleVersion.version.desc())
        )
        return [
            VersionRow(one.version, one.title, author, one.created_at)
            for one, author in await self._session.execute(query)
        ]

    async def version(self, article_id: UUID, number: int) -> ArticleVersion:
        """The text as it was published under this number.

        Raises:
            NotFound: there is none.
        """
        query = select(ArticleVersion).where(
            ArticleVersion.article_id == article_id, ArticleVersion.version == number
        )
        found = (await self._session.scalars(query)).one_or_none()
        if found is None:
            raise NotFound("There is no such version.")
        return found


def _row(article: Article, draft: ArticleDraft | None) -> ArticleRow:
    return ArticleRow(
        id=article.id,
        slug=article.slug,
        title=draft.title if draft else article.title,
        collection=draft.collection if draft else article.collection,
        state=article.state,
        visibility=draft.visibility if draft else article.visibility,
        version=article.version,
        has_draft=draft is not None,
        updated_at=draft.updated_at if draft else article.updated_at,
    )
