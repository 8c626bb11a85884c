"""`?expand=`: what conversations bring along, and for whom."""

from typing import Any

import httpx
import pytest

from app.api.scopes import Scope
from app.conversations.expanding import NUM_MESSAGES
from tests.api_client import Api, told

TICKET: dict[str, Any] = {
    "contact": {"external_id": "c-42", "name": "Kim"},
    "message": {"text": "Where is my parcel?"},
    "control": "queue",
}


@pytest.fixture
def store() -> str:
    """The newest of each thread are told by a window function, which both know."""
    return "sqlite"


async def opened(http: httpx.AsyncClient) -> str:
    made = told(await http.post("/v1/conversations", json=TICKET), 201)
    return f"/v1/conversations/{made['id']}"


@pytest.mark.parametrize("store", ["sqlite", "postgres"], indirect=True)
async def test_a_conversation_brings_along_what_is_asked_for(
    api: Api, http: httpx.AsyncClient
) -> None:
    path = await opened(http)
    contact = {"external_id": "c-42", "attributes": {"plan": "gold"}, "locale": "de"}
    told(await http.post("/v1/contacts", json=contact), 200)
    told(await http.post(f"{path}/takeover"))
    for number in range(NUM_MESSAGES):
        told(await http.post(f"{path}/messages", json={"text": f"Hello {number}"}), 201)
    other = await opened(http)

    plain = await http.get(path)
    whole = await http.get(path, params={"expand": "messages,contact,assignee"})
    listed = told(await http.get("/v1/conversations", params={"expand": "messages"}))["data"]

    shown = told(whole)
    assert whole.headers["ETag"] == plain.headers["ETag"]
    assert told(plain)["messages"] is None and "attributes" not in told(plain)["contact"]
    assert shown["contact"]["attributes"] == {"plan": "gold"}
    assert shown["contact"] | told(plain)["contact"] == shown["contact"]
    assert shown["assignee"]["email"] and shown["assignee"]["is_active"]
    newest = [one["text"] for one in shown["messages"]]
    assert newest == [f"Hello {number}" for number in range(NUM_MESSAGES)]
    assert [len(one["messages"]) for one in listed] == [len_of(other, listed), NUM_MESSAGES]
    assert {"attributes"} & set(listed[0]["contact"]) == set()


def len_of(path: str, listed: list[Any]) -> int:
    """How many messages the list shows of one conversation, the customer's first among them."""
    [one] = [one for one in listed if path.endswith(one["id"])]
    assert one["messages"][0]["text"] == "Where is my parcel?"
    return len(one["messages"])


@pytest.mark.parametrize("wanted", ["", "rating", "messages,", "messages;contact", "workspace"])
async def test_what_cannot_be_brought_along_is_told(http: httpx.AsyncClient, wanted: str) -> None:
    for path in ("/v1/conversations", await opened(http)):
        refused = told(await http.get(path, params={"expand": wanted}), 422)

        assert refused["errors"][0]["parameter"] == "expand"


async def test_a_contact_comes_along_only_for_who_may_read_contacts(
    api: Api, http: httpx.AsyncClient
) -> None:
    path = await opened(http)
    reader = await api.client(Scope.CONVERSATIONS_READ)
    both = await api.client(Scope.CONVERSATIONS_READ, Scope.CONTACTS_READ)

    refused = await reader.get(path, params={"expand": "contact"})
    messages = await reader.get(path, params={"expand": "messages,assignee"})

    assert told(refused, 403)["code"] == "missing_scope"
    assert len(told(messages)["messages"]) > 0
    assert told(await both.get(path, params={"expand": "contact"}))["contact"]["attributes"] == {}
