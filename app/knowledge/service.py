"""Publishing articles, showing them, and keeping the questions they did not answer."""

import asyncio
import hashlib
from dataclasses import dataclass
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncSession

from app.database import Work
from app.errors import NotFound
from app.events import ArticlesChanged
from app.ids import new_id
from app.knowledge.paragraphs import Block, read_blocks
from app.knowledge.repository import Articles, Gaps
from app.models import Article, ArticleVersion, KbGap
from app.vocabulary import ArticleState, Visibility

_MAX_GAP_CHARS = 400


@dataclass(frozen=True)
class ArticleText:
    """What an author writes."""

    slug: str
    title: str
    body_md: str
    collection: str = ""
    locale: str = "en"
    visibility: Visibility = Visibility.PUBLIC


@dataclass(frozen=True)
class ArticlePage:
    """A version of an article as a reader sees it."""

    slug: str
    title: str
    collection: str
    version: int
    is_current: bool
    """False for the older text that a citation pointed at."""
    blocks: tuple[Block, ...]


async def publish_article(
    work: Work, workspace_id: UUID, text: ArticleText, author_agent_id: UUID | None = None
) -> Article:
    """Make this the article's current text; the same text again changes nothing.

    Earlier versions stay readable for the citations that point at them.
    """
    articles = Articles(work.session)
    checksum = _checksum(text)
    article = await articles.find(workspace_id, text.slug, text.locale)
    if article is None:
        article = Article(
            id=new_id(),
            created_at=work.clock(),
            workspace_id=workspace_id,
            slug=text.slug,
            locale=text.locale,
            version=0,
        )
        articles.add(article)
    elif article.state is ArticleState.PUBLISHED and article.checksum == checksum:
        return article
    article.version += 1
    article.title = text.title
    article.body_md = text.body_md
    article.collection = text.collection
    article.visibility = text.visibility
    article.state = ArticleState.PUBLISHED
    article.checksum = checksum
    article.published_at = article.updated_at = work.clock()
    await work.session.flush()
    articles.add(
        ArticleVersion(
            id=new_id(),
            created_at=work.clock(),
            article_id=article.id,
            version=article.version,
            title=article.title,
            body_md=article.body_md,
            author_agent_id=author_agent_id,
        )
    )
    await articles.raise_kb_version(workspace_id)
    work.outbox.add(ArticlesChanged(workspace_id))
    return article


async def withdraw_article(work: Work, workspace_id: UUID, slug: str, locale: str = "en") -> None:
    """Search and show it no more; its versions stay for old citations.

    Raises:
        NotFound: there is no such article.
    """
    articles = Articles(work.session)
    article = await articles.find(workspace_id, slug, locale)
    if article is None:
        raise NotFound
    article.state = ArticleState.ARCHIVED
    article.updated_at = work.clock()
    await articles.raise_kb_version(workspace_id)
    work.outbox.add(ArticlesChanged(workspace_id))


async def read_article(
    session: AsyncSession, slug: str, version: int | None = None, locale: str = "en"
) -> ArticlePage:
    """A public article, as it is or as it was in `version`; one that was archived, by version only.

    Raises:
        NotFound: no such article or version, or not for the public.
    """
    articles = Articles(session)
    article = await articles.find_public(slug, locale, even_archived=version is not None)
    if article is None:
        raise NotFound("There is no such article.")
    title, body, number = article.title, article.body_md, article.version
    if version is not None and version != article.version:
        older = await articles.find_version(article.id, version)
        if older is None:
            raise NotFound("There is no such article.")
        title, body, number = older.title, older.body_md, older.version
    return ArticlePage(
        slug=article.slug,
        title=title,
        collection=article.collection,
        version=number,
        is_current=number == article.version,
        blocks=await asyncio.to_thread(read_blocks, body),
    )


def article_url(slug: str, version: int, paragraph: int) -> str:
    """Where a citation leads: the very paragraph of the very version that was quoted."""
    return f"/articles/{slug}?v={version}#p{paragraph}"


async def record_gap(
    work: Work, workspace_id: UUID, question: str, conversation_id: UUID | None = None
) -> None:
    """Count a question that no article answered; the same words are one question."""
    asked = " ".join(question.split())[:_MAX_GAP_CHARS]
    gaps = Gaps(work.session)
    gap = await gaps.find(workspace_id, asked)
    if gap is None:
        gaps.add(
            KbGap(
                id=new_id(),
                created_at=work.clock(),
                updated_at=work.clock(),
                workspace_id=workspace_id,
                question=asked,
                conversation_id=conversation_id,
            )
        )
        return
    gap.count += 1
    gap.updated_at = work.clock()
    gap.conversation_id = conversation_id or gap.conversation_id


def _checksum(text: ArticleText) -> str:
    parts = (text.title, text.collection, text.visibility.value, text.body_md)
    return hashlib.sha256("\0".join(parts).encode()).hexdigest()
