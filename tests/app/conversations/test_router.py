"""The reading side of `/v1`."""

from collections.abc import AsyncIterator
from typing import Any

import httpx
import pytest

from app.api.scopes import Scope
from app.conversations import service
from app.conversations.service import Posted
from app.parts import Parts
from tests.api_client import make_key
from tests.conftest import Served
from tests.factories import Shop, message, nothing_shown, open_shop, stranger
from tests.patience import PATIENCE_S

UNKNOWN = "01999999-0000-7000-8000-000000000000"


@pytest.fixture
async def http(served: Served) -> AsyncIterator[httpx.AsyncClient]:
    """With a key of the shop."""
    async with await keyed(served, served.shop) as client:
        yield client


async def keyed(served: Served, shop: Shop) -> httpx.AsyncClient:
    secret = await make_key(served.parts, shop, Scope.CONVERSATIONS_READ)
    headers = {"Authorization": f"Bearer {secret}"}
    return httpx.AsyncClient(base_url=served.http_url, headers=headers, timeout=PATIENCE_S)


async def post(parts: Parts, shop: Shop, token: str, text: str = "Hello") -> Posted:
    async with parts.database.work() as work:
        return await service.post_message(
            work, stranger(shop, token), message(text), shown=nothing_shown, reopen_days=7
        )


async def pages(http: httpx.AsyncClient, **query: object) -> AsyncIterator[list[dict[str, Any]]]:
    """Page after page, by the cursor each one gives."""
    cursor: str | None = None
    while True:
        params = {name: str(value) for name, value in query.items()}
        page = (await http.get("/v1/conversations", params=params | _given(cursor))).json()
        yield page["data"]
        cursor = page["meta"]["next_cursor"]
        assert page["meta"]["has_more"] == (cursor is not None)
        if cursor is None:
            return


def _given(cursor: str | None) -> dict[str, str]:
    return {"cursor": cursor} if cursor else {}


async def test_a_list_read_page_by_page_skips_and_repeats_nothing_while_it_grows(
    served: Served, http: httpx.AsyncClient
) -> None:
    first = {str((await post(served.parts, served.shop, f"{n}")).conversation_id) for n in range(7)}

    seen: list[str] = []
    async for data in pages(http, limit=2):
        seen += [one["id"] for one in data]
        await post(served.parts, served.shop, f"newer {len(seen)}")

    assert len(seen) == len(set(seen))
    assert first <= set(seen)


async def test_a_filter_shows_only_what_it_names(served: Served, http: httpx.AsyncClient) -> None:
    kept = await post(served.parts, served.shop, "one")
    ended = await post(served.parts, served.shop, "two")
    async with served.parts.database.work() as work:
        await service.resolve(work, served.shop.agent, ended.conversation_id, shown=nothing_shown)

    shown = [one async for data in pages(http, status="open") for one in data]
    by_control = [one async for data in pages(http, control="human") for one in data]

    assert [one["id"] for one in shown] == [str(kept.conversation_id)]
    assert shown[0]["subject"] == "Hello"
    assert shown[0]["waiting_on"] == "us"
    assert by_control == []


async def test_a_conversation_and_the_events_after_it_agree(
    served: Served, http: httpx.AsyncClient
) -> None:
    posted = await post(served.parts, served.shop, "one", "First")
    fetched = (await http.get(f"/v1/conversations/{posted.conversation_id}")).json()
    last_seq = fetched["last_seq"]
    thread = f"/v1/conversations/{posted.conversation_id}/messages"
    messages = (await http.get(thread)).json()["data"]
    await post(served.parts, served.shop, "one", "Second")

    path = f"/v1/conversations/{posted.conversation_id}/events"
    later = (await http.get(path, params={"after_seq": last_seq})).json()
    everything = (await http.get(path, params={"limit": 1})).json()

    assert [m["text"] for m in messages] == ["First"]
    assert [e["d"]["message"]["text"] for e in later["data"]] == ["Second"]
    assert (later["last_seq"], later["has_more"]) == (2, False)
    assert [e["s"] for e in everything["data"]] == [1]
    assert everything["has_more"]


async def test_the_events_of_the_api_are_the_frames_of_the_socket(
    served: Served, http: httpx.AsyncClient
) -> None:
    async with served.client() as customer:
        await customer.hello()
        c = (await customer.say("Hello"))["d"]["c"]
        await customer.wait_for_seq(c, 1)

    page = (await http.get(f"/v1/conversations/{c}/events")).json()

    assert page["data"] == [frame for frame in customer.frames if "s" in frame]


@pytest.mark.parametrize(
    ("path", "status", "code"),
    [
        (f"/v1/conversations/{UNKNOWN}", 404, "not_found"),
        (f"/v1/conversations/{UNKNOWN}/events", 404, "not_found"),
        ("/v1/conversations/7", 422, "invalid"),
        (f"/v1/conversations/{UNKNOWN}/events?after_seq=-1", 422, "invalid"),
        ("/v1/conversations?limit=101", 422, "invalid"),
        ("/v1/conversations?status=none", 422, "invalid"),
        ("/v1/conversations?cursor=forged", 422, "invalid"),
        ("/v1/nothing", 404, "not_found"),
    ],
)
async def test_what_is_wrong_is_a_problem_document(
    http: httpx.AsyncClient, path: str, status: int, code: str
) -> None:
    answer = await http.get(path, headers={"Accept": "text/html"})

    assert (answer.status_code, answer.json()["code"]) == (status, code)
    assert answer.headers["Content-Type"] == "application/problem+json"
    assert answer.json()["status"] == status


async def test_without_a_key_nothing_is_told(served: Served) -> None:
    posted = await post(served.parts, served.shop, "one")
    other = await open_shop(served.parts.database, "pk_other")

    async with httpx.AsyncClient(base_url=served.http_url, timeout=PATIENCE_S) as anybody:
        nobody = await anybody.get("/v1/conversations")
    async with await keyed(served, other) as foreigner:
        foreign = await foreigner.get(f"/v1/conversations/{posted.conversation_id}")
        listed = await foreigner.get("/v1/conversations")

    assert (nobody.status_code, nobody.json()["code"]) == (401, "bad_key")
    assert foreign.status_code == 404
    assert listed.json()["data"] == []
