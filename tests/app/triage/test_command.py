"""`careline triage`: bad lines, progress, and going on after a kill."""

import asyncio
import json
from pathlib import Path

import httpx
import pytest
from rich.console import Console

from app.api.scopes import Scope
from app.errors import Invalid, NotSignedIn, Unavailable
from app.remote import Remote
from app.triage.command import read_earlier, read_tickets, triage_file
from tests.api_client import make_key
from tests.app.triage.conftest import working
from tests.conftest import Served

TICKETS = [
    {"text": "How long is the warranty?", "external_ref": "a"},
    {"text": "Do you sell bicycles?", "external_ref": "b"},
    {"text": "I want a refund", "subject": "Order 7", "external_ref": "c"},
]


@pytest.fixture
def store() -> str:
    """The database plays no part here."""
    return "sqlite"


@pytest.fixture
def source(tmp_path: Path) -> Path:
    path = tmp_path / "tickets.jsonl"
    path.write_text("\n\n".join(json.dumps(one) for one in TICKETS) + "\n")
    return path


def rows(path: Path) -> list[dict[str, object]]:
    return [json.loads(line) for line in path.read_text().splitlines()]


async def run(served: Served, source: Path, out: Path) -> int:
    secret = await make_key(served.parts, served.shop, Scope.ANSWERS_CREATE)
    remote = Remote(served.http_url, secret)
    async with working(served):
        return await asyncio.to_thread(triage_file, remote, source, out, Console(quiet=True))


@pytest.mark.usefixtures("http")
async def test_each_ticket_gets_a_line_and_a_stopped_run_goes_on(
    served: Served, source: Path, tmp_path: Path
) -> None:
    out = tmp_path / "results.jsonl"
    assert await run(served, source, out) == 0
    whole = rows(out)
    lines = out.read_text().splitlines(keepends=True)
    out.write_text(lines[0] + lines[1][:20])  # as a kill may leave it

    assert await run(served, source, out) == 0

    assert [(row["line"], row["external_ref"]) for row in whole] == [(1, "a"), (3, "b"), (5, "c")]
    assert [row["outcome"] for row in whole][:2] == ["answered", "unknown"]
    assert sorted(rows(out), key=lambda row: str(row["line"])) == whole


async def test_failures_are_counted_and_tried_again(
    served: Served,
    http: httpx.AsyncClient,
    source: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("app.triage.batches.MAX_AWAY", 0)
    out = tmp_path / "results.jsonl"
    engine, served.parts.engine = served.parts.engine, None
    assert await run(served, source, out) == 3
    served.parts.engine = engine
    assert await run(served, source, out) == 0

    assert [row["error"] is None for row in rows(out)] == [False] * 3 + [True] * 3


def test_bad_lines_are_told_with_their_numbers(source: Path) -> None:
    with source.open("a") as file:
        file.write('{"text": "fine"}\n{"text": 5}\nnot json\n{"txt": "x"}\n{"text": " "}\n')

    with pytest.raises(Invalid) as refused:
        read_tickets(source)

    told = refused.value.sentence
    assert "4 bad lines" in told
    for part in ("line 7: text:", "line 8:", "line 9: text:", "line 10: text:"):
        assert part in told
    with pytest.raises(Invalid, match="cannot be read"):
        read_tickets(source.parent / "none.jsonl")


def test_results_of_other_tickets_are_not_gone_on_with(source: Path, tmp_path: Path) -> None:
    tickets = read_tickets(source)
    out = tmp_path / "results.jsonl"
    out.write_text(json.dumps({"line": 1, "ticket": "other", "error": None}) + "\n")

    with pytest.raises(Invalid, match="line 1 is of another ticket"):
        read_earlier(out, tickets)
    out.write_text("what is this\n")
    with pytest.raises(Invalid, match="no result of this command"):
        read_earlier(out, tickets)


async def test_a_server_that_refuses_or_is_not_there_is_told(served: Served) -> None:
    stranger = Remote(served.http_url, "ck_live_wrong")
    nobody = Remote("http://127.0.0.1:1", "ck_live_wrong")

    with pytest.raises(NotSignedIn):
        await asyncio.to_thread(stranger.call, "POST", "/v1/answers", {"question": "Hi"})
    with pytest.raises(Unavailable, match=r"http://127\.0\.0\.1:1"):
        await asyncio.to_thread(nobody.call, "GET", "/v1/models")
    with pytest.raises(Invalid, match="http://"):
        Remote("file:///etc/passwd", "x")
