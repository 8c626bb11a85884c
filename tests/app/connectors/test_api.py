"""Programs make, change, try out and end connectors; no answer ever shows a credential."""

from typing import Any

import httpx
import pytest

from app.api.scopes import Scope
from tests.api_client import Api, told

SECRET = "a token nobody shall read"
NEW: dict[str, Any] = {
    "system": "zammad",
    "name": "Support team",
    "url": "https://desk.example/",
    "secret": SECRET,
    "settings": {"group": "Second level"},
    "imports": True,
}


@pytest.fixture
def store() -> str:
    return "sqlite"


async def test_a_connector_is_made_changed_and_ended(http: httpx.AsyncClient) -> None:
    made = told(await http.post("/v1/connectors", json=NEW), 201)
    path = f"/v1/connectors/{made['id']}"
    seen = {"If-Match": (await http.get(path)).headers["ETag"]}
    change = {"name": "Desk", "enabled": False}
    changed = told(await http.patch(path, json=change, headers=seen))
    stale = await http.patch(path, json=change, headers=seen)
    others = told(await http.patch(path, json={"settings": {}, "imports": False}))
    moved = await http.patch(path, json={"url": "https://elsewhere.example"})
    listed = told(await http.get("/v1/connectors"))["data"]
    ended = await http.delete(path)

    assert made["secret"].startswith("whsec_") and made["url"] == "https://desk.example"
    assert (made["settings"], made["imports"], made["bot_answers"]) == (
        NEW["settings"],
        True,
        False,
    )
    assert (changed["name"], changed["enabled"]) == ("Desk", False)
    assert (changed["settings"], changed["imports"]) == (NEW["settings"], True)
    assert (others["settings"], others["imports"], others["name"]) == ({}, False, "Desk")
    assert stale.status_code == 412
    assert told(moved, 422)["errors"][0]["pointer"] == "/secret"
    assert [one["id"] for one in listed] == [made["id"]] and "secret" not in listed[0]
    assert SECRET not in str((made, changed, others, listed))
    assert ended.status_code == 204
    assert (await http.get(path)).status_code == 404


@pytest.mark.parametrize(
    "change, pointer",
    [
        ({"secret": ""}, "/secret"),
        ({"system": "rt"}, "/user"),
        ({"settings": {"queue": "General"}}, "/settings/queue"),
        ({"system": "jira"}, "/system"),
    ],
)
async def test_what_a_system_needs_and_does_not_know_is_told(
    http: httpx.AsyncClient, change: dict[str, Any], pointer: str
) -> None:
    problem = told(await http.post("/v1/connectors", json=NEW | change), 422)

    assert [one["pointer"] for one in problem["errors"]] == [pointer]
    assert told(await http.get("/v1/connectors"))["data"] == []


async def test_an_address_inside_is_reached_by_nobody(http: httpx.AsyncClient) -> None:
    made = told(await http.post("/v1/connectors", json=NEW | {"url": "http://127.0.0.1"}), 201)

    checked = told(await http.post(f"/v1/connectors/{made['id']}/check"))

    assert checked["works"] is False and checked["signed_in_as"] is None
    assert checked["trouble"]


async def test_who_may_read_may_not_make(api: Api) -> None:
    http = await api.client(Scope.WEBHOOKS_READ)

    assert (await http.post("/v1/connectors", json=NEW)).status_code == 403
