"""Whatever is sent to a page is told at its field or refused, and HTML stays text: never our error.

The forms are those that the pages show, so a new one is tried as soon as a page has it.
"""

import re
from collections import Counter
from collections.abc import Iterator
from itertools import product
from urllib.parse import urljoin, urlsplit
from uuid import UUID

import httpx
import pytest
from fastapi.routing import APIRoute
from pydantic import BaseModel

from app.dashboard.router import router as inbox
from app.office.routers import ROUTERS
from app.vocabulary import AgentRole
from tests.api_client import Api
from tests.api_seed import CANARY, seed
from tests.app.office.desk import desk_of
from tests.app.office.page_forms import PageForm, PageReader
from tests.conftest import Served

HTML = '"><img src=x onerror=alert(1)>'
HOSTILE = ("", HTML, "NUL\0", "long " * 5_000, "9" * 30, "#" + "9" * 30, "²")
LONGEST_QUERY = 2_000
KEPT = {"csrf"}
NUM_ALIKE = 1
IDENTITY = re.compile(r"[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f-]{22}")
FIRST: tuple[tuple[str, str, dict[str, str]], ...] = (
    ("bench", "", {}),
    ("widget", "/secrets", {"secret_name": "Shop server"}),
    ("members", "/invite", {"email": "new@fernhill.example"}),
)
"""Page, form and fields of what the company has none of, or what is shown once."""
ROUTES = [
    route for router in (inbox, *ROUTERS) for route in router.routes if isinstance(route, APIRoute)
]


@pytest.fixture
def store() -> str:
    """The stricter one: it takes no NUL and no number beyond its column's."""
    return "postgres"


def routes(method: str) -> Iterator[APIRoute]:
    return (route for route in ROUTES if method in (route.methods or ()))


def route_of(method: str, path: str) -> str | None:
    """The first route that takes this path, as it is written."""
    found = (route.path for route in routes(method) if route.path_regex.match(path))
    return next(found, None)


async def made_first(browser: httpx.AsyncClient) -> dict[str, str]:
    """The pages that show something new, by the addresses they stand at."""
    pages: dict[str, str] = {}
    for name, rest, fields in FIRST:
        page = f"/dashboard/{name}"
        shown = PageReader((await browser.get(page)).text)
        form = next(one for one in shown.forms if one.action == page + rest)
        answer = await browser.post(form.action, data=form.fields | fields)
        assert answer.status_code == 200, (page, answer.text)
        pages[form.action] = answer.text
    return pages


async def crawl(browser: httpx.AsyncClient, *begin: str) -> dict[str, str]:
    """Some pages of every kind that the owner can reach by links, by their addresses."""
    waiting = [f"/dashboard?q={CANARY}", "/dashboard/sign-in", *begin]
    seen: Counter[str] = Counter()
    pages: dict[str, str] = {}
    while waiting:
        path = waiting.pop(0)
        kind = route_of("GET", urlsplit(path).path)
        if path in pages or kind is None or seen[kind] == NUM_ALIKE:
            continue
        seen[kind] += 1
        answer = await browser.get(path)
        assert answer.status_code < 500, path
        pages[path] = answer.text
        waiting += [urljoin(path, link) for link in PageReader(answer.text).links]
    return pages


def hostile(form: PageForm) -> Iterator[dict[str, str]]:
    """Every value in all fields; then one of them in each, the others as they were."""
    own = sorted(form.fields.keys() - KEPT)
    for value in HOSTILE if own else ("",):
        yield form.fields | dict.fromkeys(own, value)
    for number, name in enumerate(own):
        yield form.fields | {name: HOSTILE[number % len(HOSTILE)]}


def trouble_with(answer: httpx.Response, sent: object) -> list[str]:
    """What is wrong with how a form was taken; nothing, mostly."""
    path, text = answer.request.url.path, answer.text
    if answer.status_code >= 500:
        return [f"{path}: {answer.status_code} for {sent!r:.300}"]
    found = []
    if answer.status_code == 422 and not re.search('field-error|class="door', text):
        found.append(f"{path}: refused without a word, {sent!r:.300}")
    if HTML in text or "<img src=x" in text:
        found.append(f"{path}: HTML, {sent!r:.300}")
    return found


async def try_form(browser: httpx.AsyncClient, path: str, form: PageForm) -> list[str]:
    """What is wrong with how it is taken, whatever stands in it and whoever it is about."""
    found: list[str] = []
    nobody = IDENTITY.sub(str(UUID(int=7)), path)
    for other in {nobody, IDENTITY.sub("nonsense", path)} - {path}:
        answer = await browser.post(other, data=form.fields)
        is_over = answer.status_code == 303 and path.endswith("/forget")  # twice is no mistake
        found += [] if is_over or answer.status_code == 404 else [f"{other}: {answer.status_code}"]
    kept = {name: value for name, value in form.fields.items() if name in KEPT}
    files = {name: (HTML, b"\x89PNG") for name in form.fields if name not in KEPT}
    if files:
        answer = await browser.post(path, data=kept, files=files)
        found += trouble_with(answer, files)
    for fields in hostile(form):
        found += trouble_with(await browser.post(path, data=fields), fields)
    return found


async def try_all(browser: httpx.AsyncClient, pages: dict[str, str], tried: set[str]) -> list[str]:
    """The same for one form of every kind; `tried` grows."""
    found: list[str] = []
    for page, text in pages.items():
        for form in PageReader(text).forms:
            path = urlsplit(urljoin(page, form.action)).path
            kind = route_of("POST", path)
            if kind is not None and kind not in tried:
                tried.add(kind)
                found += await try_form(browser, path, form)
    return found


def asked(route: APIRoute) -> list[str]:
    """The names in a route's query."""
    names: list[str] = []
    for one in route.dependant.query_params:
        kind = one.field_info.annotation
        if isinstance(kind, type) and issubclass(kind, BaseModel):
            names += kind.model_fields
        else:
            names.append(one.alias)
    return names


async def test_no_form_breaks_whatever_is_sent(served: Served) -> None:
    api = Api(served.parts, served.shop)
    ids = await seed(api, served.shop)
    await (await api.client()).post(f"/v1/articles/{ids['article_id']}/publish")
    tried: set[str] = set()
    num_before = -1
    async with desk_of(served, AgentRole.OWNER) as desk:
        browser = desk.client
        browser.headers["Accept"] = "text/html"
        await desk.post(f"/webhooks/{ids['webhook_id']}/test")
        await desk.post("/views", name="Kept")
        first = await made_first(browser)
        links = [link for text in first.values() for link in PageReader(text).links]
        begin = [link.removeprefix(served.http_url) for link in links]
        found: list[str] = []
        while len(tried) > num_before:  # some stand only where another was sent
            num_before = len(tried)
            found += await try_all(browser, await crawl(browser, *begin) | first, tried)
        for page, text in (await crawl(browser)).items():
            found += [f"{page}: HTML"] if "<img src=x" in text else []
    await api.close()

    assert not found, "\n".join(found)
    assert {route.path for route in routes("POST")} - tried == set()


async def test_no_address_breaks_whatever_is_in_it(served: Served) -> None:
    api = Api(served.parts, served.shop)
    await seed(api, served.shop)
    found: list[str] = []
    async with desk_of(served, AgentRole.OWNER) as desk:
        desk.client.headers["Accept"] = "text/html"
        pages = await crawl(desk.client)
        for route in routes("GET"):
            path = next((one for one in pages if route_of("GET", one) == route.path), "")
            for name, value in product(asked(route), HOSTILE):
                answer = await desk.client.get(path, params={name: value[:LONGEST_QUERY]})
                found += trouble_with(answer, (name, value))
    await api.close()
    assert not found, "\n".join(found)
