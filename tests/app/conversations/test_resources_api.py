"""Conversations over `/v1`: made, read, changed, merged, redacted, taken away."""

from typing import Any

import httpx
import pytest
from sqlalchemy import func, select

from app.api.scopes import Scope
from app.models import Contact, Conversation, Message
from app.parts import Parts
from app.vocabulary import AgentRole
from tests.api_client import Api, told
from tests.factories import Shop

TICKET: dict[str, Any] = {
    "external_ref": "ticket-1",
    "contact": {"external_id": "c-42", "email": "Kim@Example.org", "name": "Kim"},
    "message": {"text": "Where is my parcel?", "external_ref": "m-1"},
    "priority": "high",
    "labels": ["Delivery"],
}


@pytest.fixture
def store() -> str:
    """The laws of the API are held on both."""
    return "sqlite"


async def opened(http: httpx.AsyncClient, **changed: Any) -> Any:
    return told(await http.post("/v1/conversations", json=TICKET | changed), 201)


async def test_a_ticket_becomes_a_conversation_once(api: Api, http: httpx.AsyncClient) -> None:
    answer = await http.post("/v1/conversations", json=TICKET)
    made = told(answer, 201)
    again = told(await http.post("/v1/conversations", json=TICKET), 200)
    shown = await http.get(answer.headers["Location"])

    assert again == made == told(shown)
    assert shown.headers["ETag"] == answer.headers["ETag"]
    assert (made["status"], made["control"], made["waiting_on"]) == ("open", "bot", "us")
    assert made["contact"]["email"] == "kim@example.org"
    assert [label["name"] for label in made["labels"]] == ["delivery"]
    thread = told(await http.get(f"/v1/conversations/{made['id']}/messages"))["data"]
    assert [(one["role"], one["text"], one["external_ref"]) for one in thread] == [
        ("customer", "Where is my parcel?", "m-1")
    ]
    async with api.parts.database.snapshot() as session:
        assert await session.scalar(select(func.count(Contact.id))) == 1


async def test_a_conversation_may_begin_with_a_person_in_view(http: httpx.AsyncClient) -> None:
    made = await opened(http, control="queue", subject="Parcel 7")

    assert (made["control"], made["handoff_reason"]) == ("queue", "bot_off")
    assert made["subject"] == "Parcel 7"


async def test_customer_agent_and_note_take_their_places(
    shop: Shop, http: httpx.AsyncClient
) -> None:
    c = (await opened(http))["id"]
    path = f"/v1/conversations/{c}/messages"
    agent_id = str(shop.agent.agent_id)

    reply = told(
        await http.post(path, json={"role": "agent", "text": "Hi", "agent_id": agent_id}), 201
    )
    note = {"role": "agent", "visibility": "internal", "text": "careful"}
    told(await http.post(path, json=note), 201)
    once = told(await http.post(path, json={"text": "Thanks", "external_ref": "m-2"}), 201)
    twice = told(await http.post(path, json={"text": "Thanks", "external_ref": "m-2"}), 201)
    other = await http.post(path, json={"text": "No thanks", "external_ref": "m-2"})

    assert reply["author"] == {"id": agent_id, "name": shop.agent.name}
    assert once == twice
    assert (other.status_code, other.json()["code"]) == (409, "conflict")
    shown = told(await http.get(f"/v1/conversations/{c}"))
    assert (shown["control"], shown["assignee"]["id"]) == ("human", agent_id)
    seqs = [one["seq"] for one in told(await http.get(path))["data"]]
    assert seqs == sorted(seqs)
    text = (await http.get(f"/v1/conversations/{c}/transcript.txt")).text
    assert "Thanks" in text and "careful" not in text


async def test_what_one_does_with_a_conversation(shop: Shop, http: httpx.AsyncClient) -> None:
    made = await opened(http)
    path = f"/v1/conversations/{made['id']}"

    async def act(name: str, **body: Any) -> Any:
        return told(await http.post(f"{path}/{name}", json=body))

    assert (await act("handoff"))["control"] == "queue"
    taken = await act("takeover")
    assert taken["control"] == "human"
    late = await http.post(f"{path}/takeover", json={"control_epoch": made["control_epoch"]})
    assert (late.status_code, late.json()["code"]) == (409, "conflict")
    agent_id = str(shop.agent.agent_id)
    assert (await act("assign", to_agent_id=agent_id))["assignee"]["id"] == agent_id
    assert (await act("assign", to_agent_id=None))["control"] == "queue"
    assert (await act("release"))["control"] == "bot"
    until = "2031-01-01T10:00:00+02:00"
    assert (await act("snooze", until=until))["snoozed_until"] == "2031-01-01T08:00:00Z"
    assert (await act("wake"))["status"] == "open"
    assert (await act("resolve"))["resolution"] == "agent"
    assert (await act("reopen"))["control"] == "human"
    assert "Where is my parcel?" in (await act("summary"))["text"]
    events = told(await http.get(f"{path}/events", params={"after_seq": made["last_seq"]}))
    assert [one["s"] for one in events["data"]] == list(
        range(made["last_seq"] + 1, events["last_seq"] + 1)
    )


async def test_a_message_without_a_reference_has_none(shop: Shop, http: httpx.AsyncClient) -> None:
    path = f"/v1/conversations/{(await opened(http, message={'text': 'Hello'}))['id']}/messages"

    for body in (
        {"text": "Where is it?"},
        {"text": "Where is it?"},  # another one: nothing says that it is the same
        {"role": "agent", "text": "On its way."},
        {"role": "agent", "text": "Ask the carrier.", "visibility": "internal"},
        {"role": "agent", "text": "Ask the carrier.", "visibility": "internal"},
    ):
        assert told(await http.post(path, json=body), 201)["external_ref"] is None

    thread = told(await http.get(path))["data"]
    said = [one["text"] for one in thread if one["role"] in ("customer", "agent")]
    assert said == ["Hello", *["Where is it?"] * 2, "On its way.", *["Ask the carrier."] * 2]
    assert not any(one["external_ref"] for one in thread)


@pytest.mark.parametrize(
    ("until", "status"),
    [
        ("2001-01-01T10:00:00Z", 422),
        ("2031-01-01T10:00:00", 422),
        ("tomorrow", 422),
        ("9999-12-31T23:59:59.999999Z", 422),
        (4_000_000_000, 422),
        ("4000000000", 422),
        ("2999-12-31T23:59:59.999999Z", 200),
        (None, 200),
    ],
)
async def test_a_snooze_ends_at_a_moment_to_come_or_when_the_customer_writes(
    http: httpx.AsyncClient, until: object, status: int
) -> None:
    path = f"/v1/conversations/{(await opened(http))['id']}"

    answer = await http.post(f"{path}/snooze", json={"until": until})

    shown = told(answer, status)
    stands = told(await http.get(path))["status"]
    assert stands == ("snoozed" if status == 200 else "open")
    if status == 200:
        assert shown["snoozed_until"] == until
    else:
        assert [one["pointer"] for one in shown["errors"]] == ["/until"]


async def test_what_cannot_be_merged_is_told_at_its_field_and_changes_nothing(
    http: httpx.AsyncClient,
) -> None:
    one = await opened(http)
    ended = await opened(http, external_ref="ticket-2")
    foreign = await opened(http, external_ref="ticket-3", contact={"external_id": "c-43"})
    told(await http.post(f"/v1/conversations/{ended['id']}/resolve"))
    path = f"/v1/conversations/{one['id']}"
    before = told(await http.get(path))

    for into_id in (one["id"], foreign["id"], ended["id"], one["contact"]["id"], "x"):
        refused = told(await http.post(f"{path}/merge", json={"into_id": into_id}), 422)
        assert [field["pointer"] for field in refused["errors"]] == ["/into_id"], into_id

    assert told(await http.get(path)) == before


async def test_two_who_change_the_same_state_do_not_overwrite_each_other(
    http: httpx.AsyncClient,
) -> None:
    made = await http.post("/v1/conversations", json=TICKET)
    path, tag = made.headers["Location"], made.headers["ETag"]

    first = await http.patch(path, json={"priority": "low"}, headers={"If-Match": tag})
    second = await http.patch(path, json={"priority": "urgent"}, headers={"If-Match": tag})
    third = await http.patch(
        path,
        json={"subject": "New", "labels": ["vip"]},
        headers={"If-Match": f'"x", {first.headers["ETag"]}'},
    )

    assert told(first)["priority"] == "low"
    assert told(second, 412)["code"] == "changed_meanwhile"
    assert told(third)["subject"] == "New"
    assert [label["name"] for label in third.json()["labels"]] == ["vip"]
    assert third.json()["priority"] == "low"


@pytest.mark.parametrize(
    "field", ["workspace_id", "number", "created_at", "last_seq", "control", "status", "role"]
)
async def test_nothing_can_be_assigned_that_is_not_offered(
    http: httpx.AsyncClient, field: str
) -> None:
    path = f"/v1/conversations/{(await opened(http))['id']}"

    refused = told(await http.patch(path, json={field: 1}), 422)

    assert refused["errors"][0]["pointer"] == f"/{field}"


async def test_a_merged_conversation_goes_on_in_the_other(
    parts: Parts, http: httpx.AsyncClient
) -> None:
    old = await opened(http)
    new = await opened(http, external_ref="ticket-2", labels=["vip"])
    foreign = await opened(http, external_ref="ticket-3", contact={"external_id": "c-43"})

    refused = await http.post(
        f"/v1/conversations/{old['id']}/merge", json={"into_id": foreign["id"]}
    )
    kept = told(
        await http.post(f"/v1/conversations/{old['id']}/merge", json={"into_id": new["id"]})
    )
    gone = told(await http.get(f"/v1/conversations/{old['id']}"))
    late = await http.post(f"/v1/conversations/{old['id']}/messages", json={"text": "Hello?"})

    assert told(refused, 422)["errors"][0]["pointer"] == "/into_id"
    assert (gone["status"], gone["merged_into_id"]) == ("archived", new["id"])
    assert {label["name"] for label in kept["labels"]} == {"delivery", "vip"}
    assert (late.status_code, late.json()["code"]) == (409, "closed")
    thread = told(await http.get(f"/v1/conversations/{new['id']}/messages"))["data"]
    assert [one["visibility"] for one in thread] == ["public", "internal"]
    assert "Where is my parcel?" in thread[1]["text"]


async def test_redacted_words_are_gone_wherever_they_were_repeated(
    parts: Parts, http: httpx.AsyncClient
) -> None:
    secret = "My card is 4111 1111 1111 1111."
    message = {"text": secret}
    old = await opened(http, message=message, control="queue")
    new = await opened(http, external_ref="ticket-2")
    told(await http.post(f"/v1/conversations/{old['id']}/handoff"))
    path = f"/v1/conversations/{old['id']}"
    [first, *_] = told(await http.get(f"{path}/messages"))["data"]

    shown = told(await http.post(f"{path}/messages/{first['id']}/redact"))
    again = told(await http.post(f"{path}/messages/{first['id']}/redact"))

    assert shown == again
    assert (shown["text"], shown["seq"]) == ("", 1)
    assert shown["redacted_at"] is not None
    async with parts.database.snapshot() as session:
        texts = list(await session.scalars(select(Message.text)))
        subjects = list(await session.scalars(select(Conversation.subject)))
    assert not [one for one in texts + subjects if "4111" in one]
    assert "4111" not in (await http.get(f"{path}/transcript.txt")).text
    assert new["last_seq"] >= 1


async def test_a_transcript_runs_nothing(http: httpx.AsyncClient) -> None:
    attack = "<script>alert(1)</script> <img src=x onerror=alert(1)>"
    made = await opened(http, message={"text": attack}, subject=attack)

    page = await http.get(f"/v1/conversations/{made['id']}/transcript.html")

    assert "<script" not in page.text and "<img" not in page.text
    assert "&lt;script&gt;" in page.text
    assert page.headers["Content-Type"].startswith("text/html")


async def test_a_rating_is_taken_in_the_customers_name(http: httpx.AsyncClient) -> None:
    made = await opened(http)
    path = f"/v1/conversations/{made['id']}"
    early = await http.put(f"{path}/rating", json={"score": 5})
    told(await http.post(f"{path}/messages", json={"role": "agent", "text": "Done."}), 201)
    told(await http.post(f"{path}/resolve"))

    rated = told(await http.put(f"{path}/rating", json={"score": 4, "comment": "Quick."}))
    locked = await http.put(f"{path}/rating", json={"score": 1, "comment": "Slow."})

    assert early.status_code == 409
    assert rated["rating"] == {"score": 4, "comment": "Quick.", "about": "human"}
    assert locked.status_code == 409


async def test_a_key_that_may_only_read_changes_nothing(api: Api, http: httpx.AsyncClient) -> None:
    made = await opened(http)
    reader = await api.client(Scope.CONVERSATIONS_READ)

    told(await reader.get(f"/v1/conversations/{made['id']}"))
    refused = await reader.post(f"/v1/conversations/{made['id']}/resolve")

    assert told(refused, 403)["code"] == "missing_scope"


async def test_a_viewer_speaks_in_nobodys_name(shop: Shop, http: httpx.AsyncClient) -> None:
    path = f"/v1/conversations/{(await opened(http))['id']}/messages"
    viewer = str(shop.agents[AgentRole.VIEWER].agent_id)

    refused = await http.post(path, json={"role": "agent", "text": "Hi", "agent_id": viewer})
    unknown = await http.post(
        path, json={"role": "agent", "text": "Hi", "agent_id": str(shop.workspace_id)}
    )

    assert refused.status_code == 403
    assert told(unknown, 422)["errors"][0]["pointer"] == "/agent_id"
