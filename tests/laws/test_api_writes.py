"""A write under one idempotency key happens once, whoever sends it how often and at what time."""

import asyncio
from datetime import timedelta

import httpx
import pytest
from sqlalchemy import func, select

from app.api import idempotency
from app.api.limits import Limits
from app.clock import now
from app.models import Contact, Conversation, IdempotencyKey, Job
from tests.api_client import Api, told
from tests.patience import PATIENCE_S

BODY = {"contact": {"name": "Kim"}, "message": {"text": "Where is my parcel?"}}
KEY = {"Idempotency-Key": "a-key"}


async def count(api: Api, column: object) -> int:
    async with api.parts.database.snapshot() as session:
        return (await session.execute(select(func.count(column)))).scalar_one()  # type: ignore[arg-type]  # a column


async def test_a_hundred_at_once_have_one_effect(api: Api) -> None:
    api.parts.api_limits = Limits(per_s=1_000, burst=1_000)
    http = await api.client()

    async def send() -> httpx.Response:
        return await http.post("/v1/conversations", json=BODY, headers=KEY, timeout=PATIENCE_S)

    answers = await asyncio.gather(*(send() for _ in range(100)))
    late = await send()

    assert {one.status_code for one in answers} <= {201, 409}
    done = [one for one in answers if one.status_code == 201]
    assert {one.text for one in [*done, late]} == {done[0].text}
    assert [one.headers.get("Idempotent-Replayed") for one in done].count(None) == 1
    assert {one.json()["code"] for one in answers if one.status_code == 409} <= {"in_progress"}
    assert await count(api, Conversation.id) == 1
    assert await count(api, Contact.id) == 1


async def test_the_same_reference_at_once_is_one_conversation(api: Api) -> None:
    api.parts.api_limits = Limits(per_s=1_000, burst=1_000)
    http = await api.client()

    async def send() -> httpx.Response:
        body = BODY | {"external_ref": "ticket-1"}
        return await http.post("/v1/conversations", json=body, timeout=PATIENCE_S)

    answers = await asyncio.gather(*(send() for _ in range(20)))

    assert {one.status_code for one in answers} <= {200, 201, 409}
    assert [one.status_code for one in answers].count(201) == 1
    assert await count(api, Conversation.id) == 1
    assert told(await send())["external_ref"] == "ticket-1"


async def test_another_request_under_the_key_is_refused(api: Api, http: httpx.AsyncClient) -> None:
    first = await http.post("/v1/contacts", json={"name": "a"}, headers=KEY)
    same = await http.post("/v1/contacts", json={"name": "a"}, headers=KEY)
    other_body = await http.post("/v1/contacts", json={"name": "b"}, headers=KEY)
    other_path = await http.post("/v1/labels", json={"name": "a"}, headers=KEY)
    other_key = await (await api.client()).post("/v1/contacts", json={"name": "a"}, headers=KEY)

    assert (same.status_code, same.text) == (201, first.text)
    assert same.headers["Location"] == first.headers["Location"]
    assert same.headers["ETag"] == first.headers["ETag"]
    assert told(other_body, 422)["code"] == told(other_path, 422)["code"] == "key_reused"
    assert told(other_key, 201)["id"] != first.json()["id"]
    assert await count(api, Contact.id) == 2


async def test_other_files_under_the_key_are_refused(http: httpx.AsyncClient) -> None:
    async def send(name: str, text: str) -> httpx.Response:
        files = {"files": (name, text)}
        return await http.post("/v1/articles/import/files", files=files, headers=KEY)

    first = await send("a.md", "# Returns\n\nWithin 30 days.")
    again = await send("a.md", "# Returns\n\nWithin 30 days.")
    other_text = await send("a.md", "# Returns\n\nWithin 60 days.")
    other_name = await send("b.md", "# Returns\n\nWithin 30 days.")

    assert (again.status_code, again.text) == (201, first.text)
    assert again.headers["Location"] == first.headers["Location"]
    assert told(other_text, 422)["code"] == told(other_name, 422)["code"] == "key_reused"
    assert len(told(await http.get("/v1/articles"))["data"]) == 1


async def test_what_failed_has_left_its_key_free(api: Api, http: httpx.AsyncClient) -> None:
    path = "/v1/conversations/01999999-0000-7000-8000-000000000000/resolve"

    failed = await http.post(path, headers=KEY)
    done = await http.post("/v1/contacts", json={"name": "a"}, headers=KEY)

    assert (failed.status_code, done.status_code) == (404, 201)
    too_long = await http.post("/v1/contacts", json={}, headers={"Idempotency-Key": "x" * 256})
    assert too_long.status_code == 422


@pytest.mark.parametrize("store", ["sqlite"])
async def test_a_day_later_the_key_is_forgotten(api: Api, http: httpx.AsyncClient) -> None:
    first = told(await http.post("/v1/contacts", json={"name": "a"}, headers=KEY), 201)
    async with api.parts.database.work() as work:
        kept = (await work.session.scalars(select(IdempotencyKey))).one()
        assert kept.expires_at - now() > timedelta(hours=23)
        kept.expires_at = now() - timedelta(seconds=1)
    second = told(await http.post("/v1/contacts", json={"name": "b"}, headers=KEY), 201)
    async with api.parts.database.work() as work:
        kept = (await work.session.scalars(select(IdempotencyKey))).one()
        kept.expires_at = now() - timedelta(seconds=1)
        await idempotency.forget_writes(work, {})

    assert first["id"] != second["id"]
    assert await count(api, IdempotencyKey.id) == 0
    assert await count(api, Job.id) == 1
