"""Which site the pages of this installation embed, and what its help centre lists."""

from dataclasses import dataclass
from uuid import UUID

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from app.errors import NotFound
from app.knowledge.repository import Articles
from app.models import Inbox


@dataclass(frozen=True)
class Site:
    """The first site of the installation."""

    workspace_id: UUID
    public_token: str


@dataclass(frozen=True)
class ArticleLink:
    """An article in a list."""

    slug: str
    title: str


async def read_site(session: AsyncSession) -> Site:
    """Raises: NotFound when nobody has opened a site yet."""
    query = select(Inbox.workspace_id, Inbox.public_token).order_by(Inbox.created_at).limit(1)
    found = (await session.execute(query)).one_or_none()
    if found is None:
        raise NotFound("There is no site here yet.")
    return Site(found.workspace_id, found.public_token)


async def read_topics(session: AsyncSession, site: Site) -> dict[str, list[ArticleLink]]:
    """The public articles under their topics, both in the order of the alphabet."""
    topics: dict[str, list[ArticleLink]] = {}
    articles = await Articles(session).published(site.workspace_id)
    for article in sorted(articles, key=lambda one: (one.topic, one.title)):
        topics.setdefault(article.topic, []).append(ArticleLink(article.slug, article.title))
    return topics
