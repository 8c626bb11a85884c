"""The script a shop embeds, and the pages customers see: demo shop and help articles."""

from typing import Annotated

from fastapi import APIRouter, Query, Request
from fastapi.responses import FileResponse, HTMLResponse, JSONResponse

from app.dependencies import SnapshotDep
from app.errors import NotFound
from app.knowledge import service as knowledge
from app.pages import POLICY, STATIC, page
from app.widget.catalogue import QUESTIONS, SHELVES, find_product
from app.widget.settings import read_config
from app.widget.site import read_site, read_topics

router = APIRouter(include_in_schema=False)

# Customers' scripts load nothing but ours and set no HTML from text, so the browser may hold them
# to it. The agents' pages cannot promise the same: htmx swaps HTML.
_HEADERS = {"Content-Security-Policy": f"{POLICY}; require-trusted-types-for 'script'"}


@router.get("/widget.js")
async def loader() -> FileResponse:
    """The loader; its name is in shops' pages and stays, so browsers ask for news of it."""
    headers = {"Cache-Control": "public, max-age=300", "Access-Control-Allow-Origin": "*"}
    return FileResponse(STATIC / "build" / "widget.js", headers=headers)


@router.get("/widget/v1/{site}")
async def config(site: str, request: Request, session: SnapshotDep) -> JSONResponse:
    """How the widget of a site looks, for the pages that may embed it and no others."""
    origin = request.headers.get("origin")
    told = await read_config(session, site, origin, request.headers.get("host", ""))
    headers = {"Cache-Control": "public, max-age=60", "Vary": "Origin"}
    if origin is not None:
        headers["Access-Control-Allow-Origin"] = origin
    return JSONResponse(told, headers=headers)


@router.get("/")
async def shop(session: SnapshotDep) -> HTMLResponse:
    """The demo shop."""
    return await _customer_page(
        session, "widget/shop.html", "Fernhill Supply", "shop.css", {"shelves": SHELVES}
    )


@router.get("/products/{slug}")
async def product(slug: str, session: SnapshotDep) -> HTMLResponse:
    """A product of the demo shop."""
    found = find_product(slug)
    if found is None:
        raise NotFound("We do not sell this.")
    title = f"{found.name} · Fernhill Supply"
    return await _customer_page(
        session, "widget/product.html", title, "shop.css", {"product": found}
    )


@router.get("/articles")
async def articles(session: SnapshotDep) -> HTMLResponse:
    """All help articles by topic."""
    topics = await read_topics(session, await read_site(session))
    return await _customer_page(
        session, "widget/articles.html", "Help · Fernhill Supply", "article.css", {"topics": topics}
    )


@router.get("/articles/{slug}")
async def article(
    slug: str, session: SnapshotDep, v: Annotated[int | None, Query(ge=1, le=2**31 - 1)] = None
) -> HTMLResponse:
    """An article as it is, or as it was in version `v` when an answer cited it."""
    found = await knowledge.read_article(session, slug, v)
    return await _customer_page(
        session,
        "widget/article.html",
        f"{found.title} · Fernhill Supply",
        "article.css",
        {"article": found},
    )


async def _customer_page(
    session: SnapshotDep, template: str, title: str, stylesheet: str, values: dict[str, object]
) -> HTMLResponse:
    site = await read_site(session)
    frame: dict[str, object] = {
        "title": title,
        "stylesheet": stylesheet,
        "site": site.public_token,
        "questions": QUESTIONS,
    }
    return page(template, frame | values, headers=_HEADERS)
