"""What is no good JSON is told as such, with the place, and never breaks anything."""

import json
from typing import Any

import httpx
import pytest

from app.api.bodies import MAX_BODY_BYTES
from app.api.scopes import Scope
from tests.api_client import Api, told


@pytest.fixture
def store() -> str:
    return "sqlite"


@pytest.mark.parametrize(
    ("body", "status", "code"),
    [
        (b"", 422, "invalid"),
        (b"{", 400, "bad_json"),
        (b"\xff\xfe{}", 400, "bad_json"),
        (b'{"name": NaN}', 400, "bad_json"),
        (b'{"name": Infinity}', 400, "bad_json"),
        (b'{"name": "a", "name": "b"}', 400, "bad_json"),
        (b'{"attributes": {"a": 1, "a": 2}}', 400, "bad_json"),
        (b'{"attributes": {"a": ' + b"9" * 5_000 + b"}}", 400, "bad_json"),
        (b"[" * 100_000, 400, "bad_json"),
        (b'{"name": "\\u0000"}', 422, "invalid"),
        (b'{"name": "\\ud800"}', 422, "invalid"),
        (b'{"attributes": {"\\udfff": 1}}', 422, "invalid"),
        (b"[]", 422, "invalid"),
        (b"null", 422, "invalid"),
        (b'{"attributes": {"a": 1e400}}', 400, "bad_json"),
        (b'{"name": "' + b"a" * MAX_BODY_BYTES + b'"}', 413, "body_too_large"),
        (b'{"name": "' + b"a" * 1_000 + b'"}', 422, "invalid"),
        (b'{"workspace_id": "x"}', 422, "invalid"),
    ],
    ids=lambda value: repr(value[:24]) if isinstance(value, bytes) else str(value),
)
async def test_a_bad_body_is_refused(
    http: httpx.AsyncClient, body: bytes, status: int, code: str
) -> None:
    headers = {"Content-Type": "application/json"}

    answer = await http.post("/v1/contacts", content=body, headers=headers)

    problem = told(answer, status)
    assert (problem["code"], problem["status"]) == (code, status)
    assert answer.headers["Content-Type"] == "application/problem+json"
    assert problem["instance"] == "/v1/contacts"


async def test_a_good_body_may_hold_any_text(http: httpx.AsyncClient) -> None:
    name = "\\u0000 😀 \u202e \\ud800 ‮"

    made = told(await http.post("/v1/contacts", content=json.dumps({"name": name})), 415)
    kept = told(await http.post("/v1/contacts", json={"name": name}), 201)

    assert made["code"] == "not_json"
    assert kept["name"] == name


async def test_what_does_not_fit_is_pointed_at(http: httpx.AsyncClient) -> None:
    body = {
        "contact": {"email": "nobody"},
        "message": {"text": " "},
        "labels": ["ok", ""],
        "a/b~c": 1,
    }

    problem = told(await http.post("/v1/conversations", json=body), 422)
    query = told(await http.get("/v1/conversations", params={"limit": 101}), 422)

    pointers = {error["pointer"] for error in problem["errors"]}
    assert pointers == {"/contact/email", "/message/text", "/labels/1", "/a~1b~0c"}
    assert query["errors"][0]["parameter"] == "limit"


async def test_a_value_of_no_possible_kind_is_pointed_at_once(http: httpx.AsyncClient) -> None:
    body = {"attributes": {"plan": {"b": 1}, "ok": 1}}

    [error] = told(await http.post("/v1/contacts", json=body), 422)["errors"]

    assert error["pointer"] == "/attributes/plan"
    assert "integer" in error["detail"] and "string" in error["detail"]


@pytest.mark.parametrize(
    "path, parameter",
    [
        ("/v1/conversations?stauts=open", "stauts"),
        ("/v1/conversations?status=open&status=snoozed", "status"),
        ("/v1/contacts?cursor=x", "cursor"),
        ("/v1/reports?first=2026-02-02&last=2026-02-01", "first"),
    ],
)
async def test_what_does_not_fit_of_a_query_is_named(
    http: httpx.AsyncClient, path: str, parameter: str
) -> None:
    problem = told(await http.get(path), 422)

    assert [one["parameter"] for one in problem["errors"]] == [parameter]


@pytest.mark.parametrize(
    "path, body, pointer",
    [
        ("/v1/webhooks", {"name": "a", "url": "ftp://a.example"}, "/url"),
        ("/v1/labels", {"name": "a", "colour": "mud"}, "/colour"),
        (
            "/v1/keys",
            {"name": "a", "scopes": ["admin"], "expires_at": "2020-01-01T00:00:00Z"},
            "/expires_at",
        ),
        (
            "/v1/conversations",
            {"contact": {}, "message": {"text": "long" * 20_000}},
            "/message/text",
        ),
    ],
)
async def test_what_a_rule_refuses_is_pointed_at(
    http: httpx.AsyncClient, path: str, body: dict[str, Any], pointer: str
) -> None:
    answer = await http.post(path, json=body)

    assert answer.status_code in (413, 422)
    assert [one["pointer"] for one in answer.json()["errors"]] == [pointer]


@pytest.mark.parametrize(
    ("path", "body", "pointer"),
    [
        ("/v1/articles", {"title": "T", "body_md": "B", "publish": "yes"}, "/publish"),
        ("/v1/articles", {"title": "T", "body_md": "B", "publish": 1}, "/publish"),
        ("/v1/answers", {"question": "How?", "stream": "true"}, "/stream"),
        ("/v1/connectors", {"system": "generic", "name": "Desk", "imports": "on"}, "/imports"),
        ("/v1/keys", {"name": "K", "scopes": ["kb:read"], "expires_at": 4e9}, "/expires_at"),
    ],
)
async def test_what_may_mean_something_is_not_guessed(
    http: httpx.AsyncClient, path: str, body: dict[str, Any], pointer: str
) -> None:
    refused = told(await http.post(path, json=body), 422)

    assert pointer in [one["pointer"] for one in refused["errors"]]


@pytest.mark.parametrize("act", ["takeover", "release"])
@pytest.mark.parametrize("epoch", ["0", 0.5, True])
async def test_an_epoch_is_a_whole_number(http: httpx.AsyncClient, act: str, epoch: object) -> None:
    made = await http.post("/v1/conversations", json={"contact": {}, "message": {"text": "Hi"}})

    answer = await http.post(f"{made.headers['Location']}/{act}", json={"control_epoch": epoch})

    assert told(answer, 422)["errors"][0]["pointer"] == "/control_epoch"


async def test_a_moment_is_written_out(http: httpx.AsyncClient) -> None:
    for moment, status in (("1700000000", 422), ("2031-01-01", 422), ("2031-01-01T00:00Z", 200)):
        answer = await http.get("/v1/conversations", params={"created_after": moment})
        assert answer.status_code == status, moment


async def test_null_is_refused_where_nothing_can_be_missing(http: httpx.AsyncClient) -> None:
    body = {"contact": {}, "message": {"text": "Hello"}, "external_ref": "ticket-1"}
    path = (await http.post("/v1/conversations", json=body)).headers["Location"]

    refused = told(await http.patch(path, json={"priority": None, "labels": None}), 422)
    freed = told(await http.patch(path, json={"external_ref": None}))

    assert {one["pointer"] for one in refused["errors"]} == {"/priority", "/labels"}
    assert freed["external_ref"] is None


@pytest.mark.parametrize(
    "path",
    [
        "/v1/contacts?email=%00",
        "/v1/contacts?q=a%00b",
        "/v1/contacts?cursor=x",
        "/v1/contacts?cursor=%F0%9F%98%80",
        "/v1/conversations?created_after=0001-01-01T00:00:00%2B14:00",
        "/v1/conversations?created_after=2026-01-01T00:00:00",
        "/v1/conversations/%00",
        "/v1/events?after=99999999999999999999",
        "/v1/reports?first=0001-01-01&last=0001-01-02",
    ],
)
async def test_a_bad_address_is_refused(http: httpx.AsyncClient, path: str) -> None:
    answer = await http.get(path)

    assert answer.status_code in (404, 422), answer.text


async def test_a_cursor_leads_nowhere_but_where_it_came_from(api: Api) -> None:
    http, other = await api.client(), await api.client(Scope.CONTACTS_READ)
    for name in "abc":
        told(await http.post("/v1/contacts", json={"name": name}), 201)
        told(await http.post("/v1/labels", json={"name": name}), 201)
    page = told(await http.get("/v1/contacts", params={"limit": 2}))
    cursor = page["meta"]["next_cursor"]

    rest = told(await other.get("/v1/contacts", params={"cursor": cursor}))
    wrong = await http.get("/v1/labels", params={"cursor": cursor})
    forged = await http.get("/v1/contacts", params={"cursor": cursor[:-1]})

    assert [one["name"] for one in page["data"] + rest["data"]] == ["c", "b", "a"]
    assert page["links"]["next"].startswith("/v1/contacts?limit=2&cursor=")
    assert rest["links"]["next"] is None
    assert (wrong.status_code, forged.status_code) == (422, 422)
