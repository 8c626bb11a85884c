"""Alive, ready, counted; and the headers every answer carries."""

import re

import httpx
import pytest

from tests.app import bot
from tests.conftest import Served
from tests.patience import PATIENCE_S

pytestmark = pytest.mark.parametrize("store", ["sqlite"], indirect=True)


async def get(served: Served, path: str, **headers: str) -> httpx.Response:
    async with httpx.AsyncClient(base_url=served.http_url, timeout=PATIENCE_S) as http:
        return await http.get(path, headers=headers)


async def test_alive_asks_nothing_and_ready_says_what_is_missing(served: Served) -> None:
    alive = await get(served, "/livez")
    without_engine = await get(served, "/readyz")
    served.parts.readiness.is_draining = True
    draining = await get(served, "/readyz")

    assert (alive.status_code, alive.text) == (200, "ok")
    assert without_engine.status_code == draining.status_code == 503
    assert without_engine.json()["checks"] == {
        "database": "ok",
        "engine": "failing",
        "accepting": "ok",
    }
    assert draining.json()["checks"]["accepting"] == "failing"


async def test_what_happens_is_counted_without_names(served: Served) -> None:
    async with served.client() as customer:
        await customer.hello()
        c = (await customer.say("My secret question"))["d"]["c"]
        live = await bot.begin(served.parts, c)
        live.append("An answer.")
        await bot.complete(served.parts, live)
        await customer.wait_for("answer.ended")
        counted = (await get(served, "/metrics")).text

    assert 'care_ws_connections{role="widget"} 1.0' in counted
    assert 'care_ws_accepts_total{result="ok"} 1.0' in counted
    assert "care_ack_seconds_count 1.0" in counted
    assert 'care_turns_total{outcome="completed",reason="done"} 1.0' in counted
    assert "care_ttft_seconds_count 1.0" in counted
    assert "secret" not in counted
    assert c not in counted
    assert not re.search(r"\d+\.\d+\.\d+\.\d+", counted)


async def test_every_answer_carries_a_strict_policy(served: Served) -> None:
    for path in ("/livez", "/docs", "/no/such/page", "/v1/conversations"):
        headers = (await get(served, path)).headers
        policy = headers["Content-Security-Policy"]

        assert "default-src 'none'" in policy
        assert "unsafe" not in policy
        assert headers["X-Content-Type-Options"] == "nosniff"
        assert headers["Referrer-Policy"]
        assert "Server" not in headers


async def test_the_description_of_the_api_needs_no_other_host_and_no_inline_script(
    served: Served,
) -> None:
    page = (await get(served, "/docs")).text
    sources = re.findall(r'(?:src|href)="([^"]+)"', page)

    assert re.findall(r"<script>|<style|\son\w+=", page) == []
    assert sources
    for source in sources:
        answer = await get(served, source)
        assert (source.startswith("/"), answer.status_code) == (True, 200), source
    paths = (await get(served, "/openapi.json")).json()["paths"]
    assert {path for path in paths if path.startswith("/v1")} >= {
        "/v1/conversations",
        "/v1/conversations/{conversation_id}",
        "/v1/conversations/{conversation_id}/events",
    }


async def test_a_person_gets_a_page_and_a_program_a_document(served: Served) -> None:
    page = await get(served, "/no/such/page", Accept="text/html,*/*")
    document = await get(served, "/no/such/page")

    assert page.status_code == document.status_code == 404
    assert page.headers["Content-Type"].startswith("text/html")
    assert document.json()["code"] == "not_found"
