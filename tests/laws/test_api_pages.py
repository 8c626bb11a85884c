"""Reading a list page by page shows each row that was there once, whatever comes and goes."""

from collections.abc import Awaitable, Callable
from random import Random
from typing import Any

import httpx
import pytest

from app.api.limits import Limits
from tests.api_client import Api, told

Make = Callable[[int], dict[str, Any]]
LISTS: dict[str, Make] = {
    "/v1/conversations": lambda n: {"contact": {"name": f"{n}"}, "message": {"text": f"Hi {n}"}},
    "/v1/conversations?order=asc": lambda n: {
        "contact": {"name": f"{n}"},
        "message": {"text": f"Hi {n}"},
    },
    "/v1/contacts": lambda n: {"external_id": f"c-{n}"},
    "/v1/labels": lambda n: {"name": f"label {n}"},
    "/v1/articles": lambda n: {"title": f"Article {n}", "body_md": "Words."},
    "/v1/canned-replies": lambda n: {"shortcut": f"r{n}", "title": "R", "body_md": "Words."},
}
_DELETABLE = ("/v1/labels", "/v1/articles", "/v1/canned-replies")


@pytest.mark.parametrize("path", LISTS)
async def test_no_row_is_skipped_or_doubled(api: Api, path: str) -> None:
    api.parts.api_limits = Limits(per_s=10_000, burst=10_000)
    http, rng = await api.client(), Random(path)
    bare = path.partition("?")[0]
    number = iter(range(1_000))

    async def make() -> str:
        made = told(await http.post(bare, json=LISTS[path](next(number))), 201)
        return str(made["id"])

    there = {await make() for _ in range(12)}
    gone: set[str] = set()
    seen: list[str] = []

    async def disturb() -> None:
        for _ in range(rng.randrange(3)):
            await make()
        if bare in _DELETABLE:
            one = rng.choice(sorted(there))
            if one not in gone:
                gone.add(one)
                assert (await http.delete(f"{bare}/{one}")).status_code == 204
        elif bare == "/v1/conversations":
            one = rng.choice(sorted(there))
            told(await http.post(f"{bare}/{one}/messages", json={"text": "More"}), 201)

    await _read_all(http, path, rng, seen, disturb)

    assert len(seen) == len(set(seen)), "no row twice"
    assert there - gone <= set(seen), "no row skipped"


async def test_a_thread_is_read_while_it_grows(api: Api) -> None:
    http, rng = await api.client(), Random(0)
    body = {"contact": {"name": "Kim"}, "message": {"text": "1"}}
    c = told(await http.post("/v1/conversations", json=body), 201)["id"]
    path = f"/v1/conversations/{c}/messages"
    for number in range(5):
        told(await http.post(path, json={"text": f"before {number}"}), 201)
    seen: list[str] = []

    async def write() -> None:
        if len(seen) < 9:
            told(await http.post(path, json={"text": f"after {len(seen)}"}), 201)

    await _read_all(http, path, rng, seen, write)

    every = told(await http.get(path, params={"limit": 100}))["data"]
    assert len(seen) >= 6
    assert seen == [one["id"] for one in every][: len(seen)]


async def _read_all(
    http: httpx.AsyncClient,
    path: str,
    rng: Random,
    seen: list[str],
    between: Callable[[], Awaitable[None]],
) -> None:
    link: str | None = path
    sign = "&" if "?" in path else "?"
    while link is not None:
        first = link == path
        page = told(await http.get(f"{link}{sign}limit={rng.randrange(1, 5)}" if first else link))
        seen += [one["id"] for one in page["data"]]
        assert page["meta"]["has_more"] == (page["links"]["next"] is not None)
        link = page["links"]["next"]
        await between()
        assert len(seen) < 200, "inserts behind the reader must not be chased for ever"
