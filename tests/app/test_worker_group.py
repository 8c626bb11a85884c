"""Several web processes behind one port: who dies is replaced, and what it did is taken up.

Starting such a group takes long, so one test looks at all that is of the whole.
"""

import asyncio
import json
import os
import signal
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any
from uuid import UUID

import httpx
import pytest
from prometheus_client.parser import text_string_to_metric_families
from sqlalchemy import select
from sqlalchemy.ext.asyncio import create_async_engine
from websockets.asyncio.client import ClientConnection, connect

from app.models import Generation
from app.vocabulary import GenerationState
from tests.app.careline_process import Serving, run, start, write_script
from tests.patience import PATIENCE_S

Frame = dict[str, Any]
SITE = "pk_demo"
QUESTION = "How long does standard delivery take?"
FACT = "3 to 5 working days"


@pytest.fixture
def store() -> str:
    """SQLite has one process."""
    return "postgres"


@pytest.fixture
async def group(tmp_path: Path, own_database_url: str) -> AsyncIterator[Serving]:
    """Two processes that serve the demo; an answer takes a second or more."""
    serving = await start(
        tmp_path / "data",
        write_script(tmp_path, delay_ms=200),
        "--workers=2",
        command="demo",
        database_url=own_database_url,
    )
    yield serving
    if serving.process.returncode is None:
        assert await serving.stop() == 0


async def greeted(serving: Serving, **fields: object) -> tuple[ClientConnection, Frame]:
    socket = await connect(serving.ws_url, compression=None, open_timeout=PATIENCE_S)
    hello = {"t": "hello", "proto": 1, "role": "widget", "site": SITE}
    await socket.send(json.dumps(hello | fields))
    return socket, (await until(socket, "welcome"))["d"]


async def until(socket: ClientConnection, kind: str) -> Frame:
    async with asyncio.timeout(PATIENCE_S):
        async for text in socket:
            frame: Frame = json.loads(text)
            if frame["t"] == kind:
                return frame
    raise AssertionError(f"closed with {socket.close_code} before {kind}")


def pids(serving: Serving) -> dict[int, int]:
    """The children's process ids by their numbers."""
    folder = serving.data / "run"
    return {number: int((folder / f"web-{number}.pid").read_text()) for number in (1, 2)}


async def writer_of_the_answer(url: str, serving: Serving) -> int:
    """The number of the process that writes the running answer."""
    engine = create_async_engine(url)
    query = select(Generation.worker_id).where(Generation.state == GenerationState.STREAMING)
    async with asyncio.timeout(PATIENCE_S), engine.connect() as connection:
        while (found := (await connection.execute(query)).scalar()) is None:
            await connection.rollback()
    await engine.dispose()
    own = {UUID((serving.data / f"worker-{n}.id").read_text().strip()): n for n in (1, 2)}
    return own[found]


async def sockets(serving: Serving) -> dict[str, dict[str, float]]:
    """By what `/metrics` counts of them, and by process; of whichever process answers."""
    async with httpx.AsyncClient(base_url=serving.http_url, timeout=PATIENCE_S) as http:
        told = (await http.get("/metrics")).text
    found: dict[str, dict[str, float]] = {"care_ws_accepts": {}, "process_open_fds": {}}
    for family in text_string_to_metric_families(told):
        for sample in family.samples if family.name in found else ():
            process = sample.labels["process"]
            of_process = found[family.name]
            if not sample.name.endswith("_created"):
                of_process[process] = of_process.get(process, 0) + sample.value
    return found


async def until_figures_are_of_both(serving: Serving) -> None:
    """A process that is too busy to tell is left out until it is not."""
    async with asyncio.timeout(PATIENCE_S):
        while (figures := await sockets(serving))["process_open_fds"].keys() != {"1", "2"}:
            pass
    assert sum(figures["care_ws_accepts"].values()) == 1


async def test_an_answer_outlives_the_process_that_writes_it(
    group: Serving, own_database_url: str
) -> None:
    socket, welcome = await greeted(group)
    await until_figures_are_of_both(group)
    await socket.send(json.dumps({"t": "message.send", "cid": "1", "text": QUESTION}))
    c = (await until(socket, "ack"))["d"]["c"]
    before = pids(group)
    writer = await writer_of_the_answer(own_database_url, group)
    os.kill(before[writer], signal.SIGKILL)

    async with asyncio.timeout(PATIENCE_S):
        await socket.wait_closed()
    again, _ = await greeted(group, session=welcome["session"], resume={c: 0})
    while (said := (await until(again, "message.completed"))["d"]["message"])["text"] == "":
        pass  # what was half-written is taken back

    assert FACT in said["text"]
    await until_replaced(group, before, writer)
    await again.close()


async def until_replaced(serving: Serving, before: dict[int, int], number: int) -> None:
    """Another process has the number; the other one is what it was, and serves meanwhile."""
    async with (
        asyncio.timeout(PATIENCE_S),
        httpx.AsyncClient(base_url=serving.http_url, timeout=PATIENCE_S) as http,
    ):
        while (now := pids(serving))[number] == before[number]:
            assert (await http.get("/readyz")).status_code == 200
    assert now[3 - number] == before[3 - number]


async def test_several_processes_need_a_store_for_several(tmp_path: Path) -> None:
    status, said = await run("serve", "--port=0", f"--data={tmp_path}", "--workers=2")

    assert status == 1
    assert "error bad_settings: workers: 2 processes need PostgreSQL" in said
