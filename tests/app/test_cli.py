"""The command: it starts, refuses with a code, stops cleanly, and loses nothing when killed."""

import asyncio
import json
import random
import signal
import sqlite3
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import httpx
import pytest
from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed

from tests.app.careline_process import Serving, run, start, write_script
from tests.patience import PATIENCE_S
from tests.ports import free_port

Frame = dict[str, Any]


@pytest.fixture
def engine(tmp_path: Path) -> str:
    return write_script(tmp_path)


@pytest.fixture
async def serving(tmp_path: Path, engine: str) -> AsyncIterator[Serving]:
    started = await start(tmp_path / "data", engine)
    yield started
    if started.process.returncode is None:
        await started.kill()


async def talk(serving: Serving, session: str | None = None) -> tuple[ClientConnection, Frame]:
    """A greeted widget and its welcome."""
    socket = await connect(serving.ws_url, compression=None, open_timeout=PATIENCE_S)
    hello: Frame = {"t": "hello", "proto": 1, "role": "widget", "site": serving.site}
    await socket.send(json.dumps(hello | ({"session": session} if session else {})))
    return socket, (await until(socket, "welcome"))["d"]


async def send(socket: ClientConnection, cid: str) -> None:
    """A message whose text follows from its id."""
    frame = {"t": "message.send", "cid": cid, "text": f"This is message {cid}."}
    await socket.send(json.dumps(frame))


async def until(socket: ClientConnection, kind: str) -> Frame:
    """The next frame of a kind."""
    async with asyncio.timeout(PATIENCE_S):
        async for text in socket:
            frame: Frame = json.loads(text)
            if frame["t"] == kind:
                return frame
    raise AssertionError(f"closed with {socket.close_code} before {kind}")


async def test_it_serves_answers_and_stops_with_success(serving: Serving) -> None:
    async with httpx.AsyncClient(base_url=serving.http_url, timeout=PATIENCE_S) as http:
        ready = await http.get("/readyz")
    socket, _ = await talk(serving)
    await socket.send('{"t": "message.send", "cid": "1", "text": "Hello!"}')
    answer = await until(socket, "message.completed")
    pid_file = serving.data / "run" / "web.pid"
    pid = int(pid_file.read_text())

    status, draining = await asyncio.gather(serving.stop(), until(socket, "draining"))
    with pytest.raises(ConnectionClosed):
        await socket.recv()

    assert ready.status_code == 200
    assert answer["d"]["message"]["text"]
    assert pid == serving.process.pid
    assert draining["t"] == "draining"
    assert (status, socket.close_code) == (0, 1012)
    assert not pid_file.exists()
    assert not (serving.data / "run" / "engine.pid").exists()


async def test_a_second_server_on_the_same_data_or_port_is_refused_and_disturbs_nobody(
    serving: Serving, engine: str, tmp_path: Path
) -> None:
    same_data = await run("serve", "--port=0", f"--data={serving.data}", f"--engine={engine}")
    same_port = await run(
        "serve", f"--port={serving.port}", f"--data={tmp_path / 'other'}", f"--engine={engine}"
    )

    assert same_data[0] == same_port[0] == 1
    assert "error data_folder_in_use:" in same_data[1]
    assert str(serving.process.pid) in same_data[1]
    assert "error port_in_use:" in same_port[1]
    assert "Traceback" not in same_data[1] + same_port[1]
    async with httpx.AsyncClient(base_url=serving.http_url, timeout=PATIENCE_S) as http:
        assert (await http.get("/readyz")).status_code == 200
    assert await serving.stop(signal.SIGINT) == 0, "Ctrl-C is a success too"


async def test_what_was_acknowledged_survives_kills_and_is_there_once(
    tmp_path: Path, engine: str
) -> None:
    data, session, dice = tmp_path / "data", None, random.Random(3)
    ledger: dict[str, int] = {}
    sent: list[str] = []
    for round_number in range(2):
        serving = await start(data, engine)
        socket, welcome = await talk(serving, session)
        session = welcome.get("session", session)
        burst = [f"{round_number}-{number}" for number in range(12)]
        sent += burst
        for cid in burst:
            await send(socket, cid)
        for _ in range(dice.randrange(1, len(burst))):
            ack = (await until(socket, "ack"))["d"]
            ledger[ack["cid"]] = ack["s"]
        await serving.kill()  # with some of the burst under way

    serving = await start(data, engine)
    socket, _ = await talk(serving, session)
    again = {}
    for cid in sent:
        await send(socket, cid)
        ack = (await until(socket, "ack"))["d"]
        again[ack["cid"]] = ack["s"]
    await serving.kill()

    with sqlite3.connect(data / "careline.db") as database:
        [integrity] = database.execute("PRAGMA integrity_check").fetchone()
        stored = database.execute(
            "SELECT client_msg_id, seq FROM message WHERE role = 'customer' ORDER BY seq"
        ).fetchall()
        seqs = [row[0] for row in database.execute("SELECT seq FROM conversation_event ORDER BY 1")]
    database.close()
    assert integrity == "ok"
    assert ledger.items() <= again.items(), "an acknowledged message kept its place"
    assert dict(stored) == again
    assert len(stored) == len(sent), "each message is there once"
    assert seqs == list(range(1, len(seqs) + 1))


@pytest.mark.parametrize("is_killed", [True, False])
async def test_a_question_left_open_is_answered_by_the_next_start(
    tmp_path: Path, is_killed: bool
) -> None:
    slow = {"match": ".", "chunks": ["Happy ", "to ", "help."], "delay_ms": 60_000}
    (tmp_path / "slow.jsonl").write_text(json.dumps(slow) + "\n")
    serving = await start(tmp_path / "data", f"scripted:{tmp_path / 'slow.jsonl'}")
    socket, welcome = await talk(serving)
    await socket.send('{"t": "message.send", "cid": "1", "text": "Hello!"}')
    c = (await until(socket, "answer.started"))["c"]
    if is_killed:
        await serving.kill()
    else:
        assert await serving.stop() == 0

    again = await start(tmp_path / "data", write_script(tmp_path))
    socket, _ = await talk(again, welcome["session"])
    await socket.send(json.dumps({"t": "sync", "c": c, "after": 0}))
    completed = await until(socket, "message.completed")
    await again.stop()

    assert completed["d"]["message"]["state"] == "complete"


async def test_a_database_of_a_newer_version_is_refused_untouched(
    tmp_path: Path, engine: str
) -> None:
    data = tmp_path / "data"
    assert (await run("migrate", f"--data={data}"))[0] == 0
    with sqlite3.connect(data / "careline.db") as database:
        database.execute("UPDATE alembic_version SET version_num = '9999'")
    database.close()

    for command in (
        ["serve", "--port=0", f"--data={data}", f"--engine={engine}"],
        ["migrate", f"--data={data}"],
    ):
        status, said = await run(*command)

        assert (status, "error database_too_new:" in said) == (1, True), said
        assert "9999" in said
    assert not (data / "run" / "web.pid").exists()
    assert not (data / "run" / "engine.pid").exists()


@pytest.mark.parametrize(
    ("kind", "code"),
    [
        ("no such folder", "model_load_failed"),
        ("corrupt weights", "model_load_failed"),
        ("bad script", "script_invalid"),
        ("no such engine", "bad_settings"),
    ],
)
async def test_an_engine_that_cannot_start_is_told_and_nothing_is_left(
    tmp_path: Path, kind: str, code: str
) -> None:
    data, given = tmp_path / "data", tmp_path / "given"
    if kind == "corrupt weights":
        given.mkdir()
        (given / "config.json").write_text('{"model_type": "llama"}')
        (given / "model.safetensors").write_bytes(b"not weights")
    if kind == "bad script":
        given.write_text("{not json\n")
    option = {
        "no such folder": f"--model={given}",
        "corrupt weights": f"--model={given}",
        "bad script": f"--engine=scripted:{given}",
        "no such engine": "--engine=elsewhere",
    }[kind]

    status, said = await run("serve", "--port=0", f"--data={data}", option)

    assert (status, f"error {code}:" in said) == (1, True), said
    assert "Traceback" not in said
    assert not (data / "run" / "web.pid").exists()
    assert not (data / "run" / "engine.pid").exists()


async def test_doctor_finds_what_is_missing(tmp_path: Path, engine: str) -> None:
    port = free_port()
    data = f"--data={tmp_path / 'data'}"

    well, no_engine, no_folder = await asyncio.gather(
        run("doctor", data, f"--port={port}", f"--engine={engine}"),
        run("doctor", f"{data}2", "--engine=elsewhere"),
        run("doctor", f"--data={tmp_path / 'script.jsonl'}"),
    )

    assert well[0] == 0, well[1]
    assert (no_engine[0], "bad_settings" in no_engine[1]) == (1, True)
    assert (no_folder[0], "cannot be made" in no_folder[1]) == (1, True)


async def test_ask_prints_the_answer_of_a_running_careline(serving: Serving) -> None:
    (status, said), nobody, stranger = await asyncio.gather(
        run("ask", "Hello!", f"--url={serving.http_url}", f"--site={serving.site}"),
        run("ask", "Hello!", "--url=http://127.0.0.1:1"),
        run("ask", "Hello!", f"--url={serving.http_url}", "--site=pk_unknown"),
    )

    assert status == 0, said
    assert said.strip()
    assert (nobody[0], "error unavailable:" in nobody[1]) == (1, True)
    assert (stranger[0], "knows no site pk_unknown" in stranger[1]) == (1, True)


async def test_ask_tells_who_answers_when_a_person_is_wanted(serving: Serving) -> None:
    status, said = await run(
        "ask", "A human please", f"--url={serving.http_url}", f"--site={serving.site}"
    )

    assert (status, "A person will answer you here." in said) == (0, True)
