"""The queries about articles and questions without an answer."""

from uuid import UUID

from sqlalchemy import func, select, update
from sqlalchemy.ext.asyncio import AsyncSession

from app.knowledge.passages import SourceArticle
from app.models import Article, ArticleVersion, KbGap, Workspace
from app.vocabulary import ArticleState, Visibility


class Articles:
    """Articles and their versions."""

    def __init__(self, session: AsyncSession) -> None:
        self._session = session

    async def kb_version(self, workspace_id: UUID) -> int:
        """Changes whenever something published changes."""
        query = select(Workspace.kb_version).where(Workspace.id == workspace_id)
        return (await self._session.execute(query)).scalar_one()

    async def raise_kb_version(self, workspace_id: UUID) -> None:
        """Make every index of this workspace stale."""
        raised = update(Workspace).where(Workspace.id == workspace_id)
        await self._session.execute(raised.values(kb_version=Workspace.kb_version + 1))

    async def find(self, workspace_id: UUID, slug: str, locale: str) -> Article | None:
        """Whatever its state."""
        query = select(Article).where(
            Article.workspace_id == workspace_id, Article.slug == slug, Article.locale == locale
        )
        return (await self._session.scalars(query)).one_or_none()

    async def find_public(
        self, slug: str, locale: str, *, even_archived: bool = False
    ) -> Article | None:
        """A published article that everybody may read, or one that was."""
        states = [ArticleState.PUBLISHED, *([ArticleState.ARCHIVED] if even_archived else [])]
        query = select(Article).where(
            Article.slug == slug,
            Article.locale == locale,
            Article.state.in_(states),
            Article.visibility == Visibility.PUBLIC,
        )
        return (await self._session.scalars(query.limit(1))).one_or_none()

    async def find_version(self, article_id: UUID, version: int) -> ArticleVersion | None:
        """The text as it was published under this number."""
        query = select(ArticleVersion).where(
            ArticleVersion.article_id == article_id, ArticleVersion.version == version
        )
        return (await self._session.scalars(query)).one_or_none()

    async def published(self, workspace_id: UUID) -> list[SourceArticle]:
        """What the bot may quote to a customer."""
        query = select(Article).where(
            Article.workspace_id == workspace_id,
            Article.state == ArticleState.PUBLISHED,
            Article.visibility == Visibility.PUBLIC,
        )
        rows = await self._session.scalars(query.order_by(Article.slug, Article.locale))
        return [
            SourceArticle(
                row.id, row.version, row.slug, row.title, row.collection, row.body_md, row.locale
            )
            for row in rows
        ]

    async def count(self, workspace_id: UUID) -> int:
        """Of all states."""
        query = select(func.count()).where(Article.workspace_id == workspace_id)
        return (await self._session.execute(query)).scalar_one()

    def add(self, row: Article | ArticleVersion) -> None:
        """Store a new row."""
        self._session.add(row)


class Gaps:
    """Questions that no article answered."""

    def __init__(self, session: AsyncSession) -> None:
        self._session = session

    async def find(self, workspace_id: UUID, question: str) -> KbGap | None:
        """The same question asked before."""
        query = select(KbGap).where(KbGap.workspace_id == workspace_id, KbGap.question == question)
        return (await self._session.scalars(query)).one_or_none()

    def add(self, gap: KbGap) -> None:
        """Store a new question."""
        self._session.add(gap)
