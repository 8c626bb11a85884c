"""Whatever is sent to a page is told at its field or refused, and HTML stays text: never our error.

The forms are those that the pages show, so a new one is tried as soon as a page has it. What is
asked for in addresses is tried after them, when everything that could be stored has been.
"""

import re
from collections import Counter
from collections.abc import Iterable, Iterator
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
NUL = "NUL\0"
LONG = "long " * 1_000
"""More than any field takes that is not an article's text or a list of addresses."""
HUGE = "9" * 30
UNREADABLE = ("", HTML, "²")
"""What a field may stumble over by itself: tried in all fields at once, in turn."""
UNSTORABLE = (NUL, LONG, HTML)
"""What does harm where it is let through: tried in one field, the others as they were."""
SOUGHT = (*UNREADABLE, NUL, LONG, HUGE, f"#{HUGE}")
LONGEST_QUERY = 2_000
DEAR = {"/dashboard/bench/draft", "/dashboard/bench/ask", "/dashboard/sign-in"}
"""Whatever is sent there costs an answer or the hash of a password, and nothing of it is stored."""
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


async def made_first(browser: httpx.AsyncClient) -> dict[str, PageReader]:
    """The pages that show something new, by the addresses they stand at."""
    pages: dict[str, PageReader] = {}
    for name, rest, fields in FIRST:
        page = f"/dashboard/{name}"
        shown = PageReader((await browser.get(page)).text)
        form = next(one for one in shown.forms if one.action == page + rest)
        answer = await browser.post(form.action, data=form.fields | fields)
        assert answer.status_code == 200, (page, answer.text)
        pages[form.action] = PageReader(answer.text)
    return pages


async def crawl(browser: httpx.AsyncClient, *begin: str) -> dict[str, PageReader]:
    """Some pages of every kind that the owner can reach by links, by their addresses."""
    waiting = [f"/dashboard?q={CANARY}", "/dashboard/sign-in", "/dashboard/find", *begin]
    seen: Counter[str] = Counter()
    pages: dict[str, PageReader] = {}
    while waiting:
        path = waiting.pop(0)
        kind = route_of("GET", urlsplit(path).path)
        if path in pages or kind is None or seen[kind] == NUM_ALIKE:
            continue
        seen[kind] += 1
        answer = await browser.get(path)
        assert answer.status_code < 500, path
        pages[path] = PageReader(answer.text)
        waiting += [urljoin(path, link) for link in pages[path].links]
    return pages


def hostile(form: PageForm, path: str) -> Iterator[dict[str, str]]:
    """Its fields as they should not be."""
    own = sorted(form.fields.keys() - KEPT)
    for turn in range(len(UNREADABLE) if own else 1):
        mixed = {name: UNREADABLE[(turn + i) % len(UNREADABLE)] for i, name in enumerate(own)}
        yield form.fields | mixed
    if path in DEAR:
        yield form.fields | dict.fromkeys(own, NUL)
        return
    for number, name in enumerate(own):
        for value in _unstorable(form.fields[name], number, is_alone=len(own) == 1):
            yield form.fields | {name: value}


def _unstorable(now: str, number: int, *, is_alone: bool) -> tuple[str, ...]:
    if is_alone:
        return (*UNSTORABLE, HUGE)
    return (HUGE,) if now.isdecimal() else (NUL, (LONG, HTML)[number % 2])


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
    for fields in hostile(form, path):
        found += trouble_with(await browser.post(path, data=fields), fields)
    return found


async def try_all(
    browser: httpx.AsyncClient, pages: dict[str, PageReader], tried: set[str]
) -> list[str]:
    """The same for one form of every kind; `tried` grows."""
    found: list[str] = []
    for page, shown in pages.items():
        for form in shown.forms:
            path = urlsplit(urljoin(page, form.action)).path
            kind = route_of("POST", path)
            if kind is not None and kind not in tried:
                tried.add(kind)
                found += await try_form(browser, path, form)
    return found


def asked(route: APIRoute) -> list[tuple[str, str]]:
    """The names in a route's query, each with who reads it: a class of several routes, or this."""
    names: list[tuple[str, str]] = []
    for one in route.dependant.query_params:
        kind = one.field_info.annotation
        if isinstance(kind, type) and issubclass(kind, BaseModel):
            names += [(kind.__name__, name) for name in kind.model_fields]
        else:
            names.append((route.path, one.alias))
    return names


def probes(pages: Iterable[str]) -> Iterator[tuple[str, str, str]]:
    """Address, name and value: every value for every name, in turn where several addresses ask."""
    shown = {route_of("GET", at): at for at in (urlsplit(path).path for path in pages)}
    askers: dict[tuple[str, str], list[str]] = {}
    for route in routes("GET"):
        for each in asked(route):
            askers.setdefault(each, []).append(shown[route.path])
    for number, ((_, name), paths) in enumerate(askers.items()):
        for turn, value in enumerate(SOUGHT, start=number):
            yield paths[turn % len(paths)], name, value


async def test_nothing_breaks_whatever_is_sent_or_asked_for(served: Served) -> None:
    api = Api(served.parts, served.shop)
    ids = await seed(api, served.shop)
    await (await api.client()).post(f"/v1/articles/{ids['article_id']}/publish")
    tried: set[str] = set()
    every = {route.path for route in routes("POST")}
    num_before = -1
    async with desk_of(served, AgentRole.OWNER) as desk:
        browser = desk.client
        browser.headers["Accept"] = "text/html"
        await desk.post(f"/webhooks/{ids['webhook_id']}/test")
        await desk.post("/views", name="Kept")
        first = await made_first(browser)
        links = [link for page in first.values() for link in page.links]
        begin = [link.removeprefix(served.http_url) for link in links]
        found: list[str] = []
        pages: dict[str, PageReader] = {}
        while tried < every and len(tried) > num_before:  # some stand where another was sent
            num_before = len(tried)
            pages = await crawl(browser, *begin)
            found += await try_all(browser, pages | first, tried)
        found += [f"{path}: HTML" for path, page in pages.items() if "<img src=x" in page.html]
        for path, name, value in probes(pages):
            answer = await browser.get(path, params={name: value[:LONGEST_QUERY]})
            found += trouble_with(answer, (name, value))
    await api.close()

    assert not found, "\n".join(found)
    assert every - tried == set()
