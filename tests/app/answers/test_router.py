"""`/v1/answers`: whole and as a stream."""

import asyncio
import json
import logging
from collections.abc import AsyncIterator
from typing import Any

import httpx
import pytest

from app.api.scopes import Scope
from app.engines import Engine
from inference import EngineClient
from tests.api_client import make_key, told
from tests.app.answers.rig import publish_demo_articles
from tests.conftest import Served
from tests.engine_processes import quick_settings, running, until_running, write_script
from tests.patience import PATIENCE_S

WARRANTY = {"question": "How long is the warranty?", "attributes": {"ticket": 7, "vip": True}}
OWN_WORDS = ["Happy to help.", " Is there anything else I can help with?"]


@pytest.fixture
def store() -> str:
    """The database plays no part here."""
    return "sqlite"


@pytest.fixture(scope="module")
async def engine(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[EngineClient]:
    folder = tmp_path_factory.mktemp("engine")
    config = write_script(
        folder / "script.jsonl",
        {"match": "freight", "chunks": OWN_WORDS, "delay_ms": 60_000},
        {"match": ".", "chunks": OWN_WORDS},
    )
    async with running(quick_settings(config), folder) as supervisor:
        yield supervisor.client


@pytest.fixture
async def http(served: Served, engine: EngineClient) -> AsyncIterator[httpx.AsyncClient]:
    await publish_demo_articles(served.parts, served.shop)
    served.parts.engine = Engine(engine)
    secret = await make_key(served.parts, served.shop, Scope.ANSWERS_CREATE)
    headers = {"Authorization": f"Bearer {secret}"}
    async with httpx.AsyncClient(
        base_url=served.http_url, headers=headers, timeout=PATIENCE_S
    ) as client:
        yield client


async def test_a_question_is_answered_with_sources(http: httpx.AsyncClient) -> None:
    answer = told(await http.post("/v1/answers", json=WARRANTY))
    human = told(await http.post("/v1/answers", json={"question": "A person please"}))

    assert answer["outcome"] == "answered" and "2 years" in answer["text"]
    [citation, *_] = answer["citations"]
    assert citation["quote"] in answer["text"]
    assert 0.5 < answer["confidence"] <= 1
    assert answer["latency"]["total_ms"] >= answer["latency"]["first_ms"] >= 0
    assert answer["attributes"] == WARRANTY["attributes"]
    assert (human["outcome"], human["reason"], human["text"]) == ("handoff", "asked", "")


async def test_a_stream_tells_phases_pieces_and_the_whole(http: httpx.AsyncClient) -> None:
    answer = await http.post("/v1/answers", json=WARRANTY | {"stream": True})

    assert answer.headers["content-type"].startswith("text/event-stream")
    events = read_events(answer.text)
    kinds = [kind for kind, _ in events]
    assert kinds[:3] == ["phase"] * 3 and kinds[-1] == "answer"
    assert set(kinds[3:-1]) == {"delta"}
    text = "".join(data["text"] for kind, data in events if kind == "delta")
    assert text == events[-1][1]["text"]


async def test_who_leaves_frees_the_engine(
    http: httpx.AsyncClient, engine: EngineClient, caplog: pytest.LogCaptureFixture
) -> None:
    slow = {"question": "How is freight delivered?"}
    waiting = asyncio.create_task(http.post("/v1/answers", json=slow))
    await until_running(engine, 1)
    waiting.cancel()
    await asyncio.gather(waiting, return_exceptions=True)
    await until_running(engine, 0)

    async with http.stream("POST", "/v1/answers", json=slow | {"stream": True}) as stream:
        # Held until the end: an iterator that is dropped closes its stream.
        lines = stream.aiter_lines()
        async for line in lines:
            if "writing" in line:
                break
        await until_running(engine, 1)
    await until_running(engine, 0)
    assert not [record for record in caplog.records if record.levelno >= logging.ERROR]


@pytest.mark.parametrize(
    ("body", "pointer"),
    [
        ({}, "/question"),
        ({"question": " \n"}, "/question"),
        ({"question": "x" * 4_001}, "/question"),
        ({"question": "Hi", "history": [{"role": "user", "text": "x"}] * 11}, "/history"),
        ({"question": "Hi", "history": [{"role": "system", "text": "x"}]}, "/history/0/role"),
        ({"question": "Hi", "attributes": {str(n): n for n in range(11)}}, "/attributes"),
        ({"question": "Hi", "locale": "../en"}, "/locale"),
        ({"question": "Hi", "temperature": 1}, "/temperature"),
    ],
)
async def test_what_does_not_fit_is_pointed_at(
    served: Served, body: dict[str, Any], pointer: str
) -> None:
    secret = await make_key(served.parts, served.shop, Scope.ANSWERS_CREATE)
    headers = {"Authorization": f"Bearer {secret}"}
    async with httpx.AsyncClient(
        base_url=served.http_url, headers=headers, timeout=PATIENCE_S
    ) as client:
        refused = told(await client.post("/v1/answers", json=body), 422)

    assert pointer in [one["pointer"] for one in refused["errors"]]


async def test_without_an_engine_it_says_so(served: Served) -> None:
    secret = await make_key(served.parts, served.shop, Scope.ANSWERS_CREATE)
    headers = {"Authorization": f"Bearer {secret}"}
    async with httpx.AsyncClient(
        base_url=served.http_url, headers=headers, timeout=PATIENCE_S
    ) as client:
        refused = await client.post("/v1/answers", json={"question": "Hi"})

    assert told(refused, 503)["code"] == "unavailable"
    assert refused.headers["retry-after"]


def read_events(text: str) -> list[tuple[str, Any]]:
    """Names and documents."""
    blocks = (block.split("\n") for block in text.strip().split("\n\n"))
    return [
        (name.removeprefix("event: "), json.loads(data.removeprefix("data: ")))
        for name, data in blocks
    ]
