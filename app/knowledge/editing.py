"""Writing articles: everything is a draft first, and publishing a draft makes a version.

A published article stays as it is while somebody writes on it. A draft carries a revision, so two
authors who save over each other notice; the second is told, and loses nothing of what they typed.
"""

import asyncio
import re
import unicodedata
from dataclasses import dataclass
from uuid import UUID

from app.audit.service import Doer, note
from app.database import Work
from app.errors import Conflict
from app.events import ArticlesChanged
from app.ids import new_id
from app.knowledge.drafts import Drafts
from app.knowledge.paragraphs import read_blocks
from app.knowledge.repository import Articles
from app.knowledge.service import ArticleText, publish_article
from app.models import Article, ArticleDraft
from app.vocabulary import ArticleState, Visibility

MAX_TITLE_CHARS = 200
MAX_COLLECTION_CHARS = 80
MAX_BODY_CHARS = 100_000
_MAX_SLUG_CHARS = 100


@dataclass(frozen=True)
class Edit:
    """What stands in the editor."""

    title: str
    body_md: str
    collection: str = ""
    visibility: Visibility = Visibility.PUBLIC


class NothingToQuote(Conflict):
    sentence = "Write at least one paragraph before you publish."


class SavedMeanwhile(Conflict):
    sentence = (
        "Somebody else has saved this article since you opened it. "
        "Copy what you need of yours, then load the page again."
    )


async def create_article(
    work: Work,
    doer: Doer,
    edit: Edit,
    *,
    slug: str | None = None,
    source_url: str | None = None,
    locale: str = "en",
    noted_as: str | None = None,
) -> Article:
    """A new article that is nothing but a draft; its address comes from its title.

    `noted_as` is what the audit log calls it, where its title is not to stay there.
    """
    drafts = Drafts(work.session)
    taken = await drafts.slugs(doer.agent.workspace_id, locale)
    article = Article(
        id=new_id(),
        created_at=work.clock(),
        workspace_id=doer.agent.workspace_id,
        slug=free_slug(slug or edit.title, taken),
        locale=locale,
        title=edit.title,
        body_md="",
        collection=edit.collection,
        visibility=edit.visibility,
        state=ArticleState.DRAFT,
        version=0,
        source_url=source_url,
        updated_at=work.clock(),
    )
    work.session.add(article)
    await work.session.flush()
    work.session.add(_draft(work, doer, article, edit))
    await work.session.flush()
    note(work, doer, "article.created", noted_as or edit.title)
    return article


async def save_draft(
    work: Work, doer: Doer, article_id: UUID, edit: Edit, *, revision: int
) -> ArticleDraft:
    """Keep what was typed; `revision` is that of the draft it was typed over, 0 for none.

    Raises:
        NotFound: there is no such article.
        SavedMeanwhile: somebody else was faster.
    """
    drafts = Drafts(work.session)
    article = await drafts.article(doer.agent.workspace_id, article_id)
    draft = await drafts.draft(article_id)
    if (draft.revision if draft else 0) != revision:
        raise SavedMeanwhile
    if draft is None:
        draft = _draft(work, doer, article, edit)
        work.session.add(draft)
    else:
        draft.title, draft.body_md = edit.title, edit.body_md
        draft.collection, draft.visibility = edit.collection, edit.visibility
        draft.author_agent_id = doer.agent.agent_id
        draft.revision += 1
        draft.updated_at = work.clock()
    await work.session.flush()
    return draft


async def publish_draft(work: Work, doer: Doer, article_id: UUID) -> Article:
    """Make the draft the article's current text, and a version for ever.

    Raises:
        NotFound: there is no such article.
        Conflict: there is no draft.
        NothingToQuote: there is no paragraph in it.
    """
    drafts = Drafts(work.session)
    article = await drafts.article(doer.agent.workspace_id, article_id)
    draft = await drafts.draft(article_id)
    if draft is None:
        raise Conflict("There is no draft of this article.")
    blocks = await asyncio.to_thread(read_blocks, draft.body_md)
    if not any(block.ordinal for block in blocks):
        raise NothingToQuote
    before = article.version
    text = ArticleText(
        slug=article.slug,
        title=draft.title,
        body_md=draft.body_md,
        collection=draft.collection,
        locale=article.locale,
        visibility=draft.visibility,
    )
    published = await publish_article(work, article.workspace_id, text, doer.agent.agent_id)
    await work.session.delete(draft)
    changes = {"version": (before, published.version)}
    note(work, doer, "article.published", published.title, changes)
    return published


async def discard_draft(work: Work, doer: Doer, article_id: UUID) -> bool:
    """Forget what was typed. An article that was never published goes with it.

    Returns:
        Whether the article is still there.
    """
    drafts = Drafts(work.session)
    article = await drafts.article(doer.agent.workspace_id, article_id)
    draft = await drafts.draft(article_id)
    if draft is not None:
        await work.session.delete(draft)
        await work.session.flush()
        note(work, doer, "article.draft_discarded", draft.title)
    if article.version == 0:
        await Drafts(work.session).forget_gaps(article_id)
        await work.session.delete(article)
        return False
    return True


async def archive_article(work: Work, doer: Doer, article_id: UUID) -> None:
    """Search and show it no more; its versions stay for old citations."""
    article = await Drafts(work.session).article(doer.agent.workspace_id, article_id)
    await _set_state(work, doer, article, ArticleState.ARCHIVED, "article.archived")


async def restore_article(work: Work, doer: Doer, article_id: UUID) -> None:
    """Let an archived article be found again, as it was.

    Raises:
        Conflict: it was never published.
    """
    article = await Drafts(work.session).article(doer.agent.workspace_id, article_id)
    if article.version == 0:
        raise Conflict("This article was never published; publish its draft instead.")
    await _set_state(work, doer, article, ArticleState.PUBLISHED, "article.restored")


def free_slug(title: str, taken: set[str]) -> str:
    """Words in lower case with dashes between, and a number where that is taken."""
    plain = unicodedata.normalize("NFKD", title.casefold()).encode("ascii", "ignore").decode()
    slug = re.sub(r"[^a-z0-9]+", "-", plain).strip("-")[:_MAX_SLUG_CHARS].strip("-") or "article"
    numbered = (f"{slug}-{number}" for number in range(2, len(taken) + 3))
    return slug if slug not in taken else next(one for one in numbered if one not in taken)


async def _set_state(
    work: Work, doer: Doer, article: Article, state: ArticleState, action: str
) -> None:
    if article.state is state:
        return
    note(work, doer, action, article.title, {"state": (article.state.value, state.value)})
    article.state = state
    article.updated_at = work.clock()
    await work.session.flush()
    await Articles(work.session).raise_kb_version(article.workspace_id)
    work.outbox.add(ArticlesChanged(article.workspace_id))


def _draft(work: Work, doer: Doer, article: Article, edit: Edit) -> ArticleDraft:
    return ArticleDraft(
        id=new_id(),
        created_at=work.clock(),
        updated_at=work.clock(),
        article_id=article.id,
        title=edit.title,
        body_md=edit.body_md,
        collection=edit.collection,
        visibility=edit.visibility,
        author_agent_id=doer.agent.agent_id,
        revision=1,
    )
