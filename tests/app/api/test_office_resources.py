"""Articles, gaps, labels, replies, agents, reports, audit log, keys and the feed over `/v1`."""

import asyncio

import httpx
import pytest

from app.conversations.feed import read_feed
from app.knowledge.service import record_gap
from app.parts import Parts
from tests.api_client import Api, told
from tests.factories import Shop

ARTICLE = {
    "external_ref": "page-7",
    "title": "Returning a parcel",
    "body_md": "You may return a parcel within 30 days. Keep the receipt.",
    "collection": "Delivery",
}
TALK = {"contact": {"name": "Kim"}, "message": {"text": "Hello there"}}


@pytest.fixture
def store() -> str:
    return "sqlite"


async def test_an_article_from_its_draft_to_the_archive(http: httpx.AsyncClient) -> None:
    made = await http.post("/v1/articles", json=ARTICLE)
    path, article = made.headers["Location"], told(made, 201)
    assert (article["state"], article["published"], article["version"]) == ("draft", None, 0)

    again = told(await http.post("/v1/articles", json=ARTICLE | {"title": "Returns"}))
    assert (again["id"], again["draft"]["title"]) == (article["id"], "Returns")
    stale = await http.patch(path, json={"title": "X"}, headers={"If-Match": made.headers["ETag"]})
    assert stale.status_code == 412
    patched = told(await http.patch(path, json={"collection": "Returns"}))
    assert (patched["draft"]["title"], patched["draft"]["collection"]) == ("Returns", "Returns")
    published = told(await http.post(f"{path}/publish"))
    assert (published["version"], published["draft"]) == (1, None)
    hits = told(await http.get("/v1/articles/search", params={"q": "return a parcel"}))["data"]
    assert hits[0]["article_id"] == article["id"] and "30 days" in hits[0]["text"]
    refused = await http.delete(path)
    assert told(refused, 409)["code"] == "conflict"
    assert told(await http.post(f"{path}/publish"), 409)["detail"].startswith("There is no draft")
    assert told(await http.post(f"{path}/archive"))["state"] == "archived"
    assert told(await http.post(f"{path}/restore"))["state"] == "published"
    draft = told(await http.post("/v1/articles", json={"title": "T", "body_md": "B"}), 201)
    bare = {"title": "T", "body_md": "# Only a heading"}
    empty = told(await http.post("/v1/articles", json=bare | {"publish": True}), 422)
    assert [one["pointer"] for one in empty["errors"]] == ["/body_md"]
    heading = (await http.post("/v1/articles", json=bare)).headers["Location"]
    assert told(await http.post(f"{heading}/publish"), 409)["detail"].startswith("Write at least")
    never = await http.post(f"/v1/articles/{draft['id']}/restore")
    assert told(never, 409)["detail"].startswith("This article was never published")
    assert (await http.delete(f"/v1/articles/{draft['id']}")).status_code == 204
    assert (await http.get(f"/v1/articles/{draft['id']}")).status_code == 404


async def test_files_become_drafts_all_or_none(http: httpx.AsyncClient) -> None:
    good = ("files", ("a.md", b"# One\n\nThe first article.", "text/markdown"))
    bad = ("files", ("b.md", b"\x00\x01", "text/markdown"))

    first = await http.post("/v1/articles/import/files", files=[good])
    done = told(first, 201)
    failed = told(await http.post("/v1/articles/import/files", files=[good, bad]), 201)

    assert (done["state"], done["num_done"], done["failures"]) == ("done", 1, [])
    assert failed["state"] == "failed" and failed["failures"][0]["name"] == "b.md"
    assert len(told(await http.get("/v1/articles"))["data"]) == 1
    assert first.headers["Location"] == f"/v1/articles/imports/{done['id']}"
    assert told(await http.get(first.headers["Location"])) == done


async def test_addresses_are_looked_at_before_anything_is_fetched(http: httpx.AsyncClient) -> None:
    urls = {"urls": ["https://shop.example/a", "http://user@127.0.0.1/"]}

    refused = told(await http.post("/v1/articles/import/urls", json=urls), 422)

    assert refused["errors"][0]["pointer"] == "/urls/1"


@pytest.mark.parametrize("store", ["sqlite", "postgres"])
async def test_a_gap_becomes_a_draft_or_is_dismissed(
    shop: Shop, parts: Parts, http: httpx.AsyncClient
) -> None:
    async with parts.database.work() as work:
        for question in ("Do you ship to Mars?", "Do you ship to Venus?"):
            await record_gap(work, shop.workspace_id, question)
    venus, mars = told(await http.get("/v1/gaps", params={"is_open": True}))["data"]

    draft = told(await http.post(f"/v1/gaps/{mars['id']}/draft"), 201)
    dismissed = await http.post(f"/v1/gaps/{venus['id']}/dismiss")

    assert draft["draft"]["title"] == "Do you ship to Mars?"
    assert dismissed.status_code == 204
    assert told(await http.get("/v1/gaps", params={"is_open": True}))["data"] == []
    dealt_with = told(await http.get("/v1/gaps", params={"is_open": False}))["data"]
    assert [one["article_id"] for one in dealt_with] == [None, draft["id"]]
    for done, act in ((mars, "dismiss"), (mars, "draft"), (venus, "draft"), (venus, "dismiss")):
        late = told(await http.post(f"/v1/gaps/{done['id']}/{act}"), 409)
        assert late["detail"].startswith("These questions have been dealt with")
    assert (await http.post(f"/v1/gaps/{draft['id']}/dismiss")).status_code == 404


async def test_labels_and_replies_come_and_go(shop: Shop, http: httpx.AsyncClient) -> None:
    reply = {"shortcut": "bye", "title": "Bye", "body_md": "Goodbye."}
    for path, first, second in (
        ("/v1/labels", {"name": "VIP"}, {"name": "vips", "colour": "red"}),
        ("/v1/canned-replies", reply, reply | {"title": "Farewell"}),
    ):
        made = await http.post(path, json=first)
        shown = told(made, 201)
        one = made.headers["Location"]

        taken = await http.post(path, json=first)
        stale = await http.put(one, json=second, headers={"If-Match": '"older"'})
        tag = (await http.get(one)).headers["ETag"]
        changed = told(await http.put(one, json=second, headers={"If-Match": tag}))

        assert told(taken, 422)["errors"][0]["code"] == "taken"
        assert told(stale, 412)["code"] == "changed_meanwhile"
        assert made.headers["ETag"] == tag
        assert (changed["id"], changed) != (shown["id"], shown)
        assert told(await http.get(one)) == changed
        assert told(await http.get(path))["data"] == [changed]
        assert (await http.delete(one)).status_code == 204
        assert (await http.get(one)).status_code == 404
    by = {entry["by"] for entry in told(await http.get("/v1/audit"))["data"]}
    assert "api key Helpdesk" in by


async def test_what_was_made_stands_where_its_answer_says(http: httpx.AsyncClient) -> None:
    article = {"title": "Returns", "body_md": "Within 30 days.", "external_ref": "page-7"}
    for path, body in (
        ("conversations", TALK | {"external_ref": "ticket-1"}),
        ("conversations", TALK | {"external_ref": "ticket-1"}),
        ("contacts", {"external_id": "c-1"}),
        ("contacts", {"external_id": "c-1"}),
        ("articles", article),
        ("articles", article),
        ("labels", {"name": "vip"}),
        ("canned-replies", {"shortcut": "bye", "title": "Bye", "body_md": "Goodbye."}),
        ("keys", {"name": "CRM", "scopes": ["kb:read"]}),
        ("webhooks", {"name": "CRM", "url": "https://crm.example/hook"}),
        ("connectors", {"system": "generic", "name": "Desk", "url": "https://desk.example"}),
        ("triage/batches", {"tickets": [{"text": "Where is my parcel?"}]}),
    ):
        made = await http.post(f"/v1/{path}", json=body)
        assert made.status_code in (200, 201, 202), made.text
        assert told(await http.get(made.headers["Location"]))["id"] == made.json()["id"]


async def test_who_is_there_and_how_it_went(shop: Shop, http: httpx.AsyncClient) -> None:
    told(await http.post("/v1/conversations", json=TALK), 201)

    agents = told(await http.get("/v1/agents"))["data"]
    [inbox] = told(await http.get("/v1/inboxes"))["data"]
    report = told(await http.get("/v1/reports"))
    backwards = await http.get("/v1/reports?first=2026-02-02&last=2026-02-01")

    assert {one["id"] for one in agents} == {str(one.agent_id) for one in shop.agents.values()}
    assert inbox["id"] == str(shop.inbox_id)
    assert report["total"]["num_conversations"] == 1
    assert len(report["days"]) == 14
    assert backwards.status_code == 422


async def test_a_key_makes_a_key_and_shows_its_secret_once(
    api: Api, http: httpx.AsyncClient
) -> None:
    body = {"name": "Reader", "scopes": ["conversations:read"]}

    made = told(await http.post("/v1/keys", json=body), 201)
    reader = api.with_headers(Authorization=f"Bearer {made['secret']}")
    told(await reader.get("/v1/conversations"))
    listed = await http.get("/v1/keys")
    escalation = await reader.post("/v1/keys", json=body | {"scopes": ["admin"]})
    revoked = await http.delete(f"/v1/keys/{made['id']}")

    assert escalation.status_code == 403
    assert made["secret"] not in listed.text
    assert revoked.status_code == 204
    assert (await reader.get("/v1/conversations")).status_code == 401


@pytest.mark.parametrize("store", ["sqlite", "postgres"])
async def test_the_feed_tells_everything_once_in_one_order(
    shop: Shop, parts: Parts, http: httpx.AsyncClient
) -> None:
    for _ in range(2):
        told(await http.post("/v1/conversations", json=TALK), 201)
    first = told(await http.get("/v1/events", params={"limit": 1}))
    told(await http.post("/v1/conversations", json=TALK | {"control": "queue"}), 201)

    rest = told(await http.get("/v1/events", params={"after": first["last"]}))
    again, other = await asyncio.gather(
        *(read_feed(parts.database, shop.workspace_id, after=0, limit=100) for _ in range(2))
    )
    none = told(await http.get("/v1/events", params={"after": rest["last"]}))

    seen = first["data"] + rest["data"]
    assert first["has_more"] and not rest["has_more"]
    assert [one["place"] for one in seen] == list(range(1, len(seen) + 1))
    assert [str(one.event.event_id) for one in again.events] == [one["id"] for one in seen]
    assert again == other
    assert (none["data"], none["last"]) == ([], rest["last"])
    for c in {one["c"] for one in seen}:
        seqs = [one["s"] for one in seen if one["c"] == c]
        assert seqs == list(range(1, len(seqs) + 1))
