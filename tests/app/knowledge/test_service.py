"""Publishing articles, reading old versions, and the index that follows."""

import threading

import pytest
from sqlalchemy import select

from app.audit.service import Doer
from app.errors import NotFound
from app.knowledge import editing, service
from app.knowledge.editing import Edit, create_article, publish_draft
from app.knowledge.evidence import Verdict, find_evidence
from app.knowledge.library import Library
from app.knowledge.paragraphs import Block, read_blocks
from app.knowledge.service import (
    ArticleText,
    article_url,
    publish_article,
    read_article,
    record_gap,
    withdraw_article,
)
from app.models import KbGap
from app.parts import Parts
from app.vocabulary import AgentRole, Visibility
from tests.factories import Shop

RETURNS = ArticleText("returns", "Returns", "You can return it within 45 days.\n", "returns")
CHANGED = ArticleText("returns", "Returns", "You can return it within 60 days.\n", "returns")
INTERNAL = ArticleText(
    "secret", "Secret", "Agents may refund 90 dollars.\n", visibility=Visibility.INTERNAL
)


async def publish(parts: Parts, shop: Shop, *texts: ArticleText) -> None:
    for text in texts:
        async with parts.database.work() as work:
            await publish_article(work, shop.workspace_id, text)


async def test_a_citation_keeps_its_text_when_the_article_changes(parts: Parts, shop: Shop) -> None:
    await publish(parts, shop, RETURNS, CHANGED)

    async with parts.database.snapshot() as session:
        now = await read_article(session, "returns")
        then = await read_article(session, "returns", 1)

    assert (now.version, now.is_current, now.blocks[0].text) == (
        2, True, "You can return it within 60 days.",
    )  # fmt: skip
    assert (then.version, then.is_current, then.blocks[0].text) == (
        1, False, "You can return it within 45 days.",
    )  # fmt: skip
    assert article_url("returns", 1, 1) == "/articles/returns?v=1#p1"


async def test_a_long_article_is_read_beside_the_event_loop(
    parts: Parts, shop: Shop, monkeypatch: pytest.MonkeyPatch
) -> None:
    loops, seen = threading.get_ident(), list[bool]()

    def watched(body_md: str) -> tuple[Block, ...]:
        seen.append(threading.get_ident() == loops)
        return read_blocks(body_md)

    monkeypatch.setattr(editing, "read_blocks", watched)
    monkeypatch.setattr(service, "read_blocks", watched)
    doer = Doer(shop.agents[AgentRole.OWNER])
    async with parts.database.work() as work:
        article = await create_article(work, doer, Edit("Returns", "Within 45 days."))
        await publish_draft(work, doer, article.id)
    async with parts.database.snapshot() as session:
        await read_article(session, article.slug)

    assert seen == [False, False]


async def test_the_same_text_again_changes_nothing(parts: Parts, shop: Shop) -> None:
    library = Library(parts.database)
    await publish(parts, shop, RETURNS)
    before = await library.shelf(shop.workspace_id)

    await publish(parts, shop, RETURNS)

    assert await library.shelf(shop.workspace_id) is before


async def test_the_index_follows_what_is_published(parts: Parts, shop: Shop) -> None:
    library = Library(parts.database)
    question = "Within how many days can I return it?"

    empty = await library.shelf(shop.workspace_id)
    await publish(parts, shop, RETURNS)
    first = await library.shelf(shop.workspace_id)
    await publish(parts, shop, CHANGED)
    second = await library.shelf(shop.workspace_id)
    async with parts.database.work() as work:
        await withdraw_article(work, shop.workspace_id, "returns")
    gone = await library.shelf(shop.workspace_id)

    assert find_evidence(empty.index, question).verdict is Verdict.NOTHING
    for shelf, days in ((first, "45"), (second, "60")):
        quote = find_evidence(shelf.index, question).quote
        assert quote is not None and days in quote.text
    assert find_evidence(gone.index, question).verdict is Verdict.NOTHING


async def test_what_is_internal_is_neither_found_nor_shown(parts: Parts, shop: Shop) -> None:
    await publish(parts, shop, INTERNAL)
    shelf = await Library(parts.database).shelf(shop.workspace_id)

    assert shelf.index.passages == ()
    async with parts.database.snapshot() as session:
        with pytest.raises(NotFound):
            await read_article(session, "secret")


@pytest.mark.parametrize("slug, version", [("nothing", None), ("returns", 7)])
async def test_an_unknown_article_or_version_is_not_found(
    parts: Parts, shop: Shop, slug: str, version: int | None
) -> None:
    await publish(parts, shop, RETURNS)

    async with parts.database.snapshot() as session:
        with pytest.raises(NotFound):
            await read_article(session, slug, version)


async def test_the_same_question_again_is_counted(parts: Parts, shop: Shop) -> None:
    for question in ("Do you sell kayaks?", "Do you  sell kayaks? ", "Are you hiring?"):
        async with parts.database.work() as work:
            await record_gap(work, shop.workspace_id, question)

    async with parts.database.snapshot() as session:
        gaps = (await session.scalars(select(KbGap).order_by(KbGap.created_at))).all()
    assert [(gap.question, gap.count) for gap in gaps] == [
        ("Do you sell kayaks?", 2), ("Are you hiring?", 1),
    ]  # fmt: skip
