"""Articles through the pages: drafts, versions, citations that stay, hostile text as text."""

import re
from uuid import UUID

import httpx
import pytest
from sqlalchemy import select

from app.audit.repository import read_entries
from app.audit.service import Doer
from app.errors import Invalid, NotFound
from app.knowledge.diffs import Change, diff
from app.knowledge.editing import (
    Edit,
    NothingToQuote,
    SavedMeanwhile,
    archive_article,
    create_article,
    free_slug,
    publish_draft,
    save_draft,
)
from app.knowledge.importing import Failure, Incoming
from app.knowledge.imports import UrlImporter, begin_urls, bring_in, read_import
from app.knowledge.repository import Articles
from app.knowledge.service import read_article
from app.models import Article, ArticleDraft, AuditEntry
from app.outbound import Fetched, FetchRefused
from app.parts import Parts
from app.vocabulary import AgentRole, ImportState
from tests.app.office.desk import Desk, desk_of
from tests.conftest import Served
from tests.factories import Shop

HOSTILE = '<img src=x onerror="alert(1)"><script>alert(1)</script>'
on_sqlite = pytest.mark.parametrize("store", ["sqlite"], indirect=True)


def admin(shop: Shop) -> Doer:
    return Doer(shop.agents[AgentRole.ADMIN], "127.0.0.1")


async def published(parts: Parts, shop: Shop, *bodies: str) -> UUID:
    """An article with a version for each body."""
    async with parts.database.work() as work:
        article = await create_article(work, admin(shop), Edit("Returns", bodies[0]))
        await publish_draft(work, admin(shop), article.id)
    for body in bodies[1:]:
        async with parts.database.work() as work:
            await save_draft(work, admin(shop), article.id, Edit("Returns", body), revision=0)
            await publish_draft(work, admin(shop), article.id)
    return article.id


async def test_a_draft_changes_nothing_until_it_is_published(parts: Parts, shop: Shop) -> None:
    article_id = await published(parts, shop, "You have 30 days.\n")
    async with parts.database.work() as work:
        edit = Edit("Returns", "You have 45 days.\n")
        await save_draft(work, admin(shop), article_id, edit, revision=0)
    async with parts.database.snapshot() as session:
        (before,) = await Articles(session).published(shop.workspace_id)

    async with parts.database.work() as work:
        await publish_draft(work, admin(shop), article_id)

    async with parts.database.snapshot() as session:
        (after,) = await Articles(session).published(shop.workspace_id)
        assert (await session.scalars(select(ArticleDraft))).all() == []
    assert (before.version, before.body_md) == (1, "You have 30 days.\n")
    assert (after.version, after.body_md) == (2, "You have 45 days.\n")


async def test_two_authors_notice_each_other(parts: Parts, shop: Shop) -> None:
    article_id = await published(parts, shop, "One.\n")
    async with parts.database.work() as work:
        await save_draft(work, admin(shop), article_id, Edit("Returns", "Two.\n"), revision=0)

    with pytest.raises(SavedMeanwhile):
        async with parts.database.work() as work:
            await save_draft(work, admin(shop), article_id, Edit("Returns", "3.\n"), revision=0)


@on_sqlite
async def test_a_citation_opens_its_paragraph_even_of_an_archived_article(served: Served) -> None:
    parts, shop = served.parts, served.shop
    article_id = await published(parts, shop, "First.\n\nSecond of old.\n", "All new.\n")
    async with parts.database.work() as work:
        await archive_article(work, admin(shop), article_id)

    async with parts.database.snapshot() as session:
        old = await read_article(session, "returns", 1)
        with pytest.raises(NotFound):
            await read_article(session, "returns")
    async with desk_of(served, AgentRole.VIEWER) as desk:
        page = await desk.get(f"/articles/{article_id}/text", v="1")

    assert old.blocks[1].ordinal == 2 and "Second of old" in old.blocks[1].html
    assert re.search(r'id="p2"[^>]*><p>Second of old', page.text)
    assert "version 1, as answers of that time cited it" in page.text


@on_sqlite
async def test_an_article_without_a_paragraph_is_not_published(parts: Parts, shop: Shop) -> None:
    async with parts.database.work() as work:
        article = await create_article(work, admin(shop), Edit("Empty", "# Only a title\n"))

    with pytest.raises(NothingToQuote, match="at least one paragraph"):
        async with parts.database.work() as work:
            await publish_draft(work, admin(shop), article.id)


async def write(desk: Desk, **form: str) -> httpx.Response:
    values = {"title": "Returns", "body_md": "Text.", "visibility": "public"}
    return await desk.post("/articles/new", **(values | form))


@on_sqlite
async def test_the_editor_tells_what_is_wrong_at_its_field_and_keeps_what_was_typed(
    served: Served,
) -> None:
    async with desk_of(served, AgentRole.AGENT) as desk:
        page = await write(desk, title=" ", body_md=HOSTILE, visibility="secret")

    assert page.status_code == 422
    assert "Please fill this in." in page.text and "Please choose one of these." in page.text
    assert "&lt;script&gt;alert(1)" in page.text and "<script>alert" not in page.text


@on_sqlite
async def test_html_in_an_article_is_text_on_every_page(served: Served) -> None:
    async with desk_of(served, AgentRole.ADMIN) as desk:
        made = await write(desk, title=HOSTILE, body_md=HOSTILE, collection=HOSTILE[:70])
        path = made.headers["location"].split("?")[0].removeprefix("/dashboard")
        form = {"title": HOSTILE, "body_md": HOSTILE, "visibility": "public", "revision": "1"}
        done = await desk.post(f"{path}/publish", **form)
        pages = [
            await desk.get(one)
            for one in ("/articles", path, f"{path}/text", f"{path}/versions", "/audit")
        ]
        pages.append(await desk.post("/articles/preview", body_md=HOSTILE))

    assert done.status_code == 303
    for page in pages:
        assert page.status_code == 200
        assert "<script>alert" not in page.text and "<img" not in page.text


@on_sqlite
async def test_what_is_typed_over_somebody_elses_is_shown_again(served: Served) -> None:
    article_id = await published(served.parts, served.shop, "One.\n")
    form = {"title": "Returns", "visibility": "public", "revision": "0"}
    async with desk_of(served, AgentRole.ADMIN) as desk:
        await desk.post(f"/articles/{article_id}", body_md="Mine.", **form)
        lost = await desk.post(f"/articles/{article_id}", body_md="Theirs.", **form)

    assert lost.status_code == 409
    assert "Somebody else has saved" in lost.text and "Theirs." in lost.text


@on_sqlite
async def test_the_list_shows_all_states_until_one_is_chosen(served: Served) -> None:
    async with desk_of(served, AgentRole.ADMIN) as desk:
        await write(desk)
        every = await desk.get("/articles", state="", q="")
        published = await desk.get("/articles", state="published")

    assert every.text.count("/dashboard/articles/") > published.text.count("/dashboard/articles/")
    assert "selected" not in every.text
    assert re.search(r'<option value="published" selected>', published.text)


def test_one_change_is_found_among_thousands_of_empty_lines() -> None:
    old = "\n\n".join(f"Paragraph {number}." for number in range(3_000))

    lines = diff(old, old.replace("Paragraph 1500.", "Another one."))

    changed = [(line.change, line.text) for line in lines if line.change is not Change.KEPT]
    assert (Change.REMOVED, "Paragraph 1500.") in changed
    assert (Change.ADDED, "Another one.") in changed
    assert len(changed) == 4  # and what stayed before and behind


def test_a_difference_leaves_out_what_stayed() -> None:
    old = "\n".join(f"line {i}" for i in range(20))

    lines = diff(old, old.replace("line 10", "changed"))

    assert [line.change for line in lines] == [
        Change.SKIPPED,
        *[Change.KEPT] * 2,
        Change.REMOVED,
        Change.ADDED,
        *[Change.KEPT] * 2,
        Change.SKIPPED,
    ]
    assert lines[0].text == "8 equal lines"
    assert diff(old, old)[0].change is not Change.ADDED


def test_a_slug_is_free_and_plain() -> None:
    assert free_slug("Wie geht's? Größe & Maß", set()) == "wie-geht-s-grosse-mass"
    assert free_slug("Returns", {"returns", "returns-2"}) == "returns-3"
    assert free_slug("日本", set()) == "article"


async def test_an_import_that_fails_half_way_imports_nothing(parts: Parts, shop: Shop) -> None:
    good = Incoming("a.md", Edit("A", "Text.\n"))
    async with parts.database.work() as work:
        failed = await bring_in(work, admin(shop), "x.zip", [good], [Failure("b.md", "Why.")])
    async with parts.database.snapshot() as session:
        num_after_failure = len((await session.scalars(select(Article))).all())
    async with parts.database.work() as work:
        done = await bring_in(work, admin(shop), "x.zip", [good, good], [])

    async with parts.database.snapshot() as session:
        slugs = list(await session.scalars(select(Article.slug).order_by(Article.slug)))
    assert (failed.state, num_after_failure) == (ImportState.FAILED, 0)
    assert failed.failures == [{"name": "b.md", "reason": "Why."}]
    assert (done.state, slugs) == (ImportState.DONE, ["a", "a-2"])


async def test_addresses_are_fetched_one_by_one_and_all_or_none_come_in(
    parts: Parts, shop: Shop
) -> None:
    async def fetch(url: str) -> Fetched:
        if "bad" in url:
            raise FetchRefused("The host does not answer.")
        return Fetched(url, "text/html", "utf-8", b"<h1>Page</h1><p>Text.</p>")

    importer = UrlImporter(parts.database, parts.clock, fetch)
    states = []
    for urls in (["https://a.example/1", "https://bad.example/"], ["https://a.example/1"]):
        async with parts.database.work() as work:
            wanted = await begin_urls(work, admin(shop), urls)
        await importer.run_one(wanted)
        async with parts.database.snapshot() as session:
            row = await read_import(session, shop.workspace_id, wanted.import_id)
            num = len((await session.scalars(select(Article))).all())
        states.append((row.state, row.num_done, num))

    assert states == [(ImportState.FAILED, 2, 0), (ImportState.DONE, 1, 1)]


async def lose(parts: Parts, shop: Shop) -> None:
    """Work that is noted and then rolled back."""
    async with parts.database.work() as work:
        await create_article(work, admin(shop), Edit("Lost", "Text.\n"))
        raise Invalid("It did not work.")


async def alter(parts: Parts) -> None:
    """Change what was noted."""
    async with parts.database.work() as work:
        entry = (await work.session.scalars(select(AuditEntry).limit(1))).one()
        entry.target = "something else"


async def test_the_log_is_written_with_the_change_and_never_altered(
    parts: Parts, shop: Shop
) -> None:
    await published(parts, shop, "One.\n")
    with pytest.raises(Invalid):
        await lose(parts, shop)

    async with parts.database.snapshot() as session:
        noted = await read_entries(session, shop.workspace_id)
    assert [one.action for one in noted.entries] == ["article.published", "article.created"]
    with pytest.raises(AssertionError, match="must stay"):
        await alter(parts)
