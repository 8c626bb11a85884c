"""`/v1/conversations/{id}/suggest`: whole and as a stream, for who may write there."""

import json
from typing import Any

import httpx
import pytest

from app.api.scopes import Scope
from app.engines import Engine
from inference import EngineClient
from tests.api_client import Api, told
from tests.app.answers.conftest import CLOSING, OPENING, engine, engine_process
from tests.app.answers.rig import publish_demo_articles
from tests.factories import open_shop

__all__ = ["engine", "engine_process"]
QUESTION = "How long does standard delivery take?"
TICKET = {
    "contact": {"name": "Kim"},
    "message": {"text": QUESTION},
    "control": "queue",
}


@pytest.fixture
def store() -> str:
    """What is read is tested on both with the parts that read it."""
    return "sqlite"


@pytest.fixture
async def desk(api: Api, engine: EngineClient) -> httpx.AsyncClient:
    await publish_demo_articles(api.parts, api.shop)
    api.parts.engine = Engine(engine)
    return await api.client(Scope.CONVERSATIONS_WRITE, Scope.ANSWERS_CREATE)


async def opened(http: httpx.AsyncClient, text: str = QUESTION) -> str:
    body = TICKET | {"message": {"text": text}}
    made = told(await http.post("/v1/conversations", json=body), 201)
    return f"/v1/conversations/{made['id']}"


async def test_a_reply_is_suggested_with_its_sources_and_nothing_is_stored(
    http: httpx.AsyncClient, desk: httpx.AsyncClient
) -> None:
    path = await opened(http)

    suggested = told(await desk.post(f"{path}/suggest"))
    nothing = told(await desk.post(f"{await opened(http, 'Chess in Peru?')}/suggest"))

    [source] = suggested["citations"]
    assert suggested["text"] == f"{OPENING} {source['quote']} {CLOSING}"
    assert "3 to 5 working days" in source["quote"]
    assert nothing == {"text": "", "citations": []}
    thread = told(await http.get(f"{path}/messages"))["data"]
    assert [one["role"] for one in thread if one["role"] != "system"] == ["customer"]


async def test_a_stream_tells_pieces_and_the_whole(
    http: httpx.AsyncClient, desk: httpx.AsyncClient
) -> None:
    path = await opened(http)

    answer = await desk.post(f"{path}/suggest", json={"stream": True})

    assert answer.headers["content-type"].startswith("text/event-stream")
    *pieces, (kind, whole) = read_events(answer.text)
    assert kind == "suggestion" and {name for name, _ in pieces} == {"delta"}
    assert "".join(data["text"] for _, data in pieces) == whole["text"]
    assert "3 to 5 working days" in whole["text"] and len(whole["citations"]) == 1


async def test_what_is_refused_is_told_before_anything_is_written(
    api: Api, http: httpx.AsyncClient, desk: httpx.AsyncClient
) -> None:
    path = await opened(http)
    other = await api.client(shop=await open_shop(api.parts.database, "pk_other"))
    reader = await api.client(Scope.CONVERSATIONS_READ, Scope.ANSWERS_CREATE)

    for body in ({}, {"stream": True}):
        assert (await other.post(f"{path}/suggest", json=body)).status_code == 404
        assert (await reader.post(f"{path}/suggest", json=body)).status_code == 403
    odd = told(await desk.post(f"{path}/suggest", json={"streams": True}), 422)
    api.parts.engine = None
    assert (await desk.post(f"{path}/suggest")).status_code == 503
    assert odd["errors"][0]["pointer"] == "/streams"


def read_events(text: str) -> list[tuple[str, Any]]:
    """Names and documents."""
    blocks = [one for one in text.split("\n\n") if one.startswith("event: ")]
    lines = [one.splitlines() for one in blocks]
    return [(name[7:], json.loads(data[6:])) for name, data in lines]
