"""Contacts over `/v1`: by your own ids, once, changed, merged, erased."""

from typing import Any

import httpx
import pytest
from sqlalchemy import select

from app.contacts import service
from app.models import IdempotencyKey
from app.parts import Parts
from tests.api_client import told

KIM = {"external_id": "c-42", "email": "kim@example.org", "name": "Kim", "attributes": {"plan": 1}}


@pytest.fixture
def store() -> str:
    return "sqlite"


async def talk(http: httpx.AsyncClient, contact: dict[str, Any], text: str = "Hello") -> Any:
    body = {"contact": contact, "message": {"text": text}}
    return told(await http.post("/v1/conversations", json=body), 201)


async def test_an_external_id_is_one_contact(http: httpx.AsyncClient) -> None:
    made = told(await http.post("/v1/contacts", json=KIM), 201)
    change = {"external_id": "c-42", "attributes": {"plan": None, "orders": 7}}
    changed = told(await http.post("/v1/contacts", json=change), 200)
    talked = await talk(http, {"external_id": "c-42"})

    assert changed["id"] == made["id"] == talked["contact"]["id"]
    assert (changed["name"], changed["attributes"]) == ("Kim", {"orders": 7})
    found = told(await http.get("/v1/contacts", params={"external_id": "c-42"}))["data"]
    assert [one["id"] for one in found] == [made["id"]]


async def test_what_is_known_no_more_is_taken_away(http: httpx.AsyncClient) -> None:
    made = told(await http.post("/v1/contacts", json=KIM), 201)
    path = f"/v1/contacts/{made['id']}"

    changed = told(await http.patch(path, json={"email": None, "external_id": None}))
    nameless = told(await http.patch(path, json={"name": None}), 422)

    assert (changed["email"], changed["external_id"], changed["name"]) == (None, None, "Kim")
    assert nameless["errors"][0]["pointer"] == "/name"


async def test_who_is_erased_stays_so(http: httpx.AsyncClient) -> None:
    made = told(await http.post("/v1/contacts", json=KIM), 201)
    other = told(await http.post("/v1/contacts", json={"name": "Bo"}), 201)
    path = f"/v1/contacts/{made['id']}"
    erased = told(await http.post(f"{path}/erase"))
    assert told(await http.post(f"{path}/erase")) == erased

    changed = await http.patch(path, json={"name": "Kim"})
    merged = await http.post(f"{path}/merge", json={"into_id": other["id"]})

    assert told(changed, 409)["code"] == told(merged, 409)["code"] == "erased"
    assert told(await http.get(path))["name"] == "Erased contact"


async def test_somebody_who_wrote_without_a_name_becomes_one_with_the_named(
    http: httpx.AsyncClient,
) -> None:
    kim = told(await http.post("/v1/contacts", json=KIM), 201)
    nameless = (await talk(http, {"name": "Somebody"}))["contact"]["id"]
    other = told(await http.post("/v1/contacts", json={"external_id": "c-43"}), 201)

    refused = await http.post(f"/v1/contacts/{other['id']}/merge", json={"into_id": kim["id"]})
    kept = told(await http.post(f"/v1/contacts/{nameless}/merge", json={"into_id": kim["id"]}))

    assert told(refused, 422)["errors"][0]["pointer"] == "/into_id"
    assert (kept["id"], kept["name"]) == (kim["id"], "Kim")
    assert (await http.get(f"/v1/contacts/{nameless}")).status_code == 404
    theirs = await http.get("/v1/conversations", params={"contact_id": kim["id"]})
    assert len(told(theirs)["data"]) == 1


async def test_what_was_erased_is_in_no_answer(parts: Parts, http: httpx.AsyncClient) -> None:
    headers = {"Idempotency-Key": "once"}
    contact = {"external_id": "c-42", "email": "kim@example.org", "name": "Kim"}
    body = {"contact": contact, "message": {"text": "the secret word"}}
    told(await http.post("/v1/conversations", json=body, headers=headers), 201)
    [kim] = told(await http.get("/v1/contacts"))["data"]

    export = told(await http.get(f"/v1/contacts/{kim['id']}/export"))
    erased = told(await http.post(f"/v1/contacts/{kim['id']}/erase"))

    assert export["conversations"][0]["messages"][0]["text"] == "the secret word"
    assert (erased["email"], erased["external_id"]) == (None, None)
    for path in ("/v1/conversations", "/v1/contacts", "/v1/events", "/v1/gaps", "/v1/audit"):
        text = (await http.get(path)).text
        assert "secret word" not in text and "kim@" not in text, path
    async with parts.database.snapshot() as session:
        kept = list(await session.scalars(select(IdempotencyKey.body)))
    assert kept == []


async def test_lost_updates_are_refused(http: httpx.AsyncClient) -> None:
    made = await http.post("/v1/contacts", json=KIM)
    path, tag = made.headers["Location"], {"If-Match": made.headers["ETag"]}

    first = await http.patch(path, json={"name": "Kim A"}, headers=tag)
    second = await http.patch(path, json={"name": "Kim B"}, headers=tag)

    assert told(first)["name"] == "Kim A"
    assert told(second, 412)["code"] == "changed_meanwhile"


async def test_a_search_looks_through_a_bounded_stretch_and_goes_on_behind_it(
    http: httpx.AsyncClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(service, "LOOKED_THROUGH", 4)
    for number in range(10):
        name = f"Rare {number}" if number in (0, 5, 9) else f"Kim {number}"
        told(await http.post("/v1/contacts", json={"name": name}), 201)

    found: list[list[str]] = []
    path: str | None = "/v1/contacts?q=rare&limit=2"
    while path:
        page = told(await http.get(path))
        found.append([one["name"] for one in page["data"]])
        path = page["links"]["next"]

    assert found == [["Rare 9"], ["Rare 5"], ["Rare 0"]], "newest first, four looked at each time"
    assert told(await http.get("/v1/contacts?q=nobody"))["meta"]["has_more"] is True
    assert len(told(await http.get("/v1/contacts?limit=100"))["data"]) == 10
