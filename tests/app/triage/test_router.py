"""`/v1/triage`: one ticket, and what is refused."""

from typing import Any
from uuid import UUID

import httpx
import pytest

from app.api.scopes import Scope
from tests.api_client import make_key, told
from tests.app.triage.conftest import WARRANTY, until, working
from tests.conftest import Served
from tests.factories import open_shop
from tests.patience import PATIENCE_S


@pytest.fixture
def store() -> str:
    """The database plays no part here."""
    return "sqlite"


async def test_a_ticket_is_looked_over(http: httpx.AsyncClient) -> None:
    found = told(await http.post("/v1/triage", json=WARRANTY))

    assert found["external_ref"] == "T-7"
    assert found["language"]["code"] == "en"
    assert found["sentiment"]["mood"] == "negative"
    assert found["priority"]["level"] == "normal"
    assert [one["name"] for one in found["labels"]] == ["warranty"]
    [mail] = found["pii"]
    assert (mail["field"], mail["kind"]) == ("text", "email")
    assert WARRANTY["text"][mail["start"] : mail["end"]] == "ann@mail.example"
    assert "How long is the warranty?" in found["summary"]
    assert found["outcome"] == "answered" and "2 years" in found["suggested_reply"]["text"]
    assert found["suggested_reply"]["citations"]


async def test_without_evidence_nothing_is_suggested(http: httpx.AsyncClient) -> None:
    found = told(await http.post("/v1/triage", json={"text": "Do you sell bicycles?"}))
    human = told(await http.post("/v1/triage", json={"text": "I will sue you in court"}))

    assert (found["outcome"], found["suggested_reply"]) == ("unknown", None)
    assert (human["outcome"], human["reason"], human["suggested_reply"]) == (
        "handoff",
        "legal",
        None,
    )
    assert human["priority"] == {"level": "high", "reason": "legal"}


async def test_an_engine_that_stays_away_fails_tickets_not_the_batch(
    served: Served, http: httpx.AsyncClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("app.triage.batches.MAX_AWAY", 0)
    served.parts.engine = None
    body = {"tickets": [{"text": "How long is the warranty?"}]}
    begun = told(await http.post("/v1/triage/batches", json=body), 202)
    async with working(served):
        done = await until(http, begun["id"], state="done")
    [result] = told(await http.get(f"/v1/triage/batches/{begun['id']}/results"))["data"]

    assert done["num_failed"] == 1
    assert result["result"] is None and result["error"]


async def test_another_company_sees_none_of_it(served: Served, http: httpx.AsyncClient) -> None:
    body = {"tickets": [{"text": "A secret"}]}
    begun = told(await http.post("/v1/triage/batches", json=body), 202)
    other = await open_shop(served.parts.database, "pk_other")
    secret = await make_key(served.parts, other, Scope.ADMIN)
    headers = {"Authorization": f"Bearer {secret}"}
    path = f"/v1/triage/batches/{begun['id']}"

    for answer in (
        await http.get(path, headers=headers),
        await http.get(f"{path}/results", headers=headers),
        await http.delete(path, headers=headers),
        await http.get(f"/v1/triage/batches/{UUID(int=7)}"),
    ):
        assert answer.status_code == 404 and "secret" not in answer.text
    assert told(await http.get(path))["num_total"] == 1


@pytest.mark.parametrize(
    ("path", "body", "pointer"),
    [
        ("/v1/triage", {"text": "  "}, "/text"),
        ("/v1/triage", {"text": "x" * 20_001}, "/text"),
        ("/v1/triage", {"text": "x", "mood": "bad"}, "/mood"),
        ("/v1/triage/batches", {"tickets": []}, "/tickets"),
        ("/v1/triage/batches", {"tickets": [{"text": "x"}, {}]}, "/tickets/1/text"),
    ],
)
async def test_what_does_not_fit_is_pointed_at(
    served: Served, path: str, body: dict[str, Any], pointer: str
) -> None:
    secret = await make_key(served.parts, served.shop, Scope.ANSWERS_CREATE)
    headers = {"Authorization": f"Bearer {secret}"}
    async with httpx.AsyncClient(
        base_url=served.http_url, headers=headers, timeout=PATIENCE_S
    ) as client:
        refused = told(await client.post(path, json=body), 422)

    assert [one["pointer"] for one in refused["errors"]] == [pointer]
