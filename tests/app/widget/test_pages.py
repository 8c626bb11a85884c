"""What customers' browsers are sent: shop, articles, loader, built files."""

import re
from collections.abc import AsyncIterator

import httpx
import pytest

from app.knowledge.service import ArticleText, article_url, publish_article, withdraw_article
from app.pages import asset, environment, vendored
from app.widget.catalogue import QUESTIONS, SHELVES
from tests.conftest import Served
from tests.patience import PATIENCE_S

BODY = "First paragraph.\n\n## A heading\n\n- one\n- two\n\n<b>Raw</b> paragraph."


@pytest.fixture
async def visitor(served: Served) -> AsyncIterator[httpx.AsyncClient]:
    """A customer's browser."""
    headers = {"Accept": "text/html"}
    async with httpx.AsyncClient(
        base_url=served.http_url, headers=headers, timeout=PATIENCE_S
    ) as client:
        yield client


async def publish(served: Served, body: str, title: str = "Return an item") -> None:
    text = ArticleText("return-an-item", title, body, collection="returns")
    async with served.parts.database.work() as work:
        await publish_article(work, served.shop.workspace_id, text)


def test_every_template_can_be_read() -> None:
    names = environment().list_templates()
    assert len(names) >= 12
    for name in names:
        environment().get_template(name)


async def test_the_shop_embeds_the_widget_of_its_site(
    served: Served, visitor: httpx.AsyncClient
) -> None:
    page = await visitor.get("/")

    tag = re.search(r"<script[^>]+>", page.text)
    assert tag is not None and f'data-site="{served.shop.site}"' in tag[0]
    assert all(question in tag[0] for question in QUESTIONS)
    assert len(re.findall("<script", page.text)) == 1


async def test_every_product_has_a_page_and_its_own_picture(visitor: httpx.AsyncClient) -> None:
    pictures = set()
    for shelf in SHELVES:
        for product in shelf.products:
            page = await visitor.get(f"/products/{product.slug}")
            assert page.status_code == 200 and f"${product.price}" in page.text
            picture = re.search(r"<svg viewBox=\"0 0 400 400\".*?</svg>", page.text, re.DOTALL)
            assert picture is not None
            pictures.add(re.sub("aria-label=.*?>", "", picture[0]))
    assert len(pictures) == sum(len(shelf.products) for shelf in SHELVES)


async def test_what_is_not_sold_is_a_page_that_says_so(visitor: httpx.AsyncClient) -> None:
    page = await visitor.get("/products/kayak")

    assert page.status_code == 404 and "<h1>We do not sell this.</h1>" in page.text


async def test_an_articles_paragraphs_are_numbered_as_citations_count(
    served: Served, visitor: httpx.AsyncClient
) -> None:
    await publish(served, BODY)

    page = await visitor.get(article_url("return-an-item", 1, 2).split("#")[0])

    paragraphs = dict(
        re.findall(r'<div class="paragraph" id="(p\d+)">(.*?)</div>', page.text, re.DOTALL)
    )
    assert list(paragraphs) == ["p1", "p2", "p3"]
    assert "<li>one</li>" in paragraphs["p2"]
    assert "&lt;b&gt;Raw&lt;/b&gt;" in paragraphs["p3"]
    assert "<h2>A heading</h2>" in page.text
    assert "as it was cited" not in page.text


async def test_a_citation_shows_the_text_that_was_cited(
    served: Served, visitor: httpx.AsyncClient
) -> None:
    await publish(served, "It takes 45 days.")
    await publish(served, "It takes 60 days.")

    cited = await visitor.get("/articles/return-an-item?v=1")
    current = await visitor.get("/articles/return-an-item")

    assert "45 days" in cited.text and "as it was cited" in cited.text
    assert "60 days" in current.text and "as it was cited" not in current.text


async def test_articles_are_listed_by_topic(served: Served, visitor: httpx.AsyncClient) -> None:
    await publish(served, BODY)

    page = await visitor.get("/articles")

    assert "<h2>returns</h2>" in page.text
    assert '<a href="/articles/return-an-item">Return an item</a>' in page.text


@pytest.mark.parametrize("path", ["/articles/nothing", "/articles/return-an-item?v=9"])
async def test_an_unknown_article_is_a_page_that_says_so(
    served: Served, visitor: httpx.AsyncClient, path: str
) -> None:
    await publish(served, BODY)

    page = await visitor.get(path)

    assert page.status_code == 404 and "There is no such article." in page.text


async def test_a_withdrawn_article_is_gone(served: Served, visitor: httpx.AsyncClient) -> None:
    await publish(served, BODY)
    async with served.parts.database.work() as work:
        await withdraw_article(work, served.shop.workspace_id, "return-an-item")

    assert (await visitor.get("/articles/return-an-item")).status_code == 404
    assert "Return an item" not in (await visitor.get("/articles")).text


async def test_a_title_is_never_markup(served: Served, visitor: httpx.AsyncClient) -> None:
    await publish(served, BODY, title="<script>alert(1)</script>")

    for path in ("/articles", "/articles/return-an-item"):
        assert "<script>alert" not in (await visitor.get(path)).text


async def test_pages_hold_the_browser_to_a_strict_policy(visitor: httpx.AsyncClient) -> None:
    policy = (await visitor.get("/")).headers["content-security-policy"]

    assert "default-src 'none'" in policy and "script-src 'self'" in policy
    assert "unsafe" not in policy
    assert "require-trusted-types-for 'script'" in policy


async def test_files_whose_address_changes_are_kept_and_the_loader_is_not(
    visitor: httpx.AsyncClient,
) -> None:
    built = [asset("widget-app.js"), asset("shop.css"), vendored("htmx/htmx.min.js")]
    for address in built:
        answer = await visitor.get(address)
        assert answer.status_code == 200
        assert "immutable" in answer.headers["cache-control"]
        assert answer.headers["access-control-allow-origin"] == "*"

    loader = await visitor.get("/widget.js")
    assert loader.headers["cache-control"] == "public, max-age=300"
    assert asset("widget-app.js") in loader.text
    plain = await visitor.get("/static/vendor/swagger-ui/swagger-ui.css")
    assert "immutable" not in plain.headers.get("cache-control", "")
