"""`careline triage FILE.jsonl`: a file of tickets through a running Careline, to a file of results.

The file is read to its end before anything is sent, so a bad line is told with its number and costs
nothing. Tickets go in batches under idempotency keys of their own content, and each result is
written as it comes: a command that is stopped and run again goes on where it was, on both sides.
"""

import hashlib
import json
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pydantic import ValidationError
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

from app.errors import AppError, Invalid, RateLimited, Unavailable
from app.remote import Remote
from app.triage.schemas import TicketBody

BATCH_TICKETS = 200
_BATCH_CHARS = 200_000
_POLL_S = 0.5
_PATIENCE = 5
_RESULTS = 100

JsonObject = dict[str, Any]


@dataclass(frozen=True)
class Line:
    """A ticket with the number of its line, from 1, and a hash of what it says."""

    number: int
    body: TicketBody
    digest: str


def read_tickets(path: Path) -> list[Line]:
    """Every ticket of a file; blank lines are left out.

    Raises:
        Invalid: it cannot be read, or a line is no ticket; the first five such lines are told.
    """
    try:
        lines = path.read_text(encoding="utf-8").splitlines()
    except (OSError, UnicodeDecodeError) as error:
        raise Invalid(f"{path} cannot be read: {error}.") from error
    tickets, faults = [], []
    for number, text in enumerate(lines, start=1):
        if not text.strip():
            continue
        try:
            body = TicketBody.model_validate_json(text)
            tickets.append(Line(number, body, hashlib.sha256(text.encode()).hexdigest()[:16]))
        except ValidationError as error:
            faults.append(f"line {number}: {_fault(error)}")
    if faults:
        more = f" … and {len(faults) - 5} more" if len(faults) > 5 else ""
        raise Invalid(f"{path} has {len(faults)} bad lines. {'; '.join(faults[:5])}{more}.")
    if not tickets:
        raise Invalid(f"{path} holds no tickets.")
    return tickets


@dataclass(frozen=True)
class Earlier:
    """What earlier runs have left: lines that are done, and how many results were failures."""

    done: frozenset[int] = frozenset()
    num_failed: int = 0


def read_earlier(path: Path, tickets: Sequence[Line]) -> Earlier:
    """What stands in the file of results; what a kill left half written is cut off.

    Raises:
        Invalid: the results are not of these tickets.
    """
    if not path.exists():
        return Earlier()
    content = path.read_bytes()
    whole = content[: content.rfind(b"\n") + 1]
    known = {one.number: one.digest for one in tickets}
    done: set[int] = set()
    num_failed = 0
    for at, text in enumerate(whole.splitlines(), start=1):
        try:
            row = json.loads(text)
            number, digest = row["line"], row["ticket"]
        except (ValueError, KeyError, TypeError) as error:
            raise Invalid(f"{path}, line {at} is no result of this command.") from error
        if known.get(number) != digest:
            raise Invalid(f"{path}, line {at} is of another ticket than line {number} now.")
        if row.get("error") is None:
            done.add(number)
        else:
            num_failed += 1
    if len(whole) < len(content):
        path.write_bytes(whole)
    return Earlier(frozenset(done), num_failed)


def triage_file(remote: Remote, source: Path, out: Path, console: Console) -> int:
    """Do what is left of a file; returns how many tickets failed.

    Raises:
        Invalid: a file does not fit.
        AppError: the server refuses, or cannot be reached any more.
    """
    tickets = read_tickets(source)
    earlier = read_earlier(out, tickets)
    left = [one for one in tickets if one.number not in earlier.done]
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn())
    num_failed = 0
    with (
        Progress(*columns, TimeRemainingColumn(), console=console) as progress,
        out.open("a", encoding="utf-8") as results,
    ):
        bar = progress.add_task("Tickets", total=len(tickets), completed=len(earlier.done))
        for batch in _batches(left):
            for line, row in _looked_over(
                remote, batch, earlier.num_failed, lambda n: progress.advance(bar, n)
            ):
                num_failed += row["error"] is not None
                told = {"line": line.number, "ticket": line.digest, "error": row["error"]}
                results.write(json.dumps(told | (row["result"] or {}), ensure_ascii=False) + "\n")
            results.flush()
    return num_failed


def _batches(lines: Sequence[Line]) -> Iterator[list[Line]]:
    batch: list[Line] = []
    size = 0
    for line in lines:
        chars = len(line.body.text) + len(line.body.subject)
        if batch and (len(batch) == BATCH_TICKETS or size + chars > _BATCH_CHARS):
            yield batch
            batch, size = [], 0
        batch.append(line)
        size += chars
    if batch:
        yield batch


def _looked_over(
    remote: Remote, batch: Sequence[Line], num_failed: int, advance: Callable[[int], None]
) -> Iterator[tuple[Line, JsonObject]]:
    """Each ticket with its result, when the whole batch is done; `num_failed` of them before."""
    content = "".join(f"{one.number}:{one.digest};" for one in batch) + str(num_failed)
    once = hashlib.sha256(content.encode()).hexdigest()
    body = {"tickets": [one.body.model_dump(mode="json") for one in batch]}
    begun = _patiently(remote, "POST", "/v1/triage/batches", body, once=once)
    path = f"/v1/triage/batches/{begun['id']}"
    num_known = 0
    while True:
        now = _patiently(remote, "GET", path)
        advance(now["num_done"] - num_known)
        num_known = now["num_done"]
        if now["state"] != "running":
            break
        time.sleep(_POLL_S)
    link: str | None = f"{path}/results?limit={_RESULTS}"
    while link:
        page = _patiently(remote, "GET", link)
        yield from ((batch[row["position"]], row) for row in page["data"])
        link = page["links"]["next"]


def _patiently(
    remote: Remote, method: str, path: str, body: JsonObject | None = None, once: str | None = None
) -> JsonObject:
    """The call, made again where the server asks for it or is away for a moment."""
    for attempt in range(_PATIENCE):
        try:
            return remote.call(method, path, body, once=once)
        except AppError as error:
            is_passing = isinstance(error, Unavailable) or error.code == RateLimited.code
            if not is_passing or attempt == _PATIENCE - 1:
                raise
            time.sleep(min(error.retry_after_s or 1.0, 30.0))
    raise AssertionError("the last attempt returns or raises")


def _fault(error: ValidationError) -> str:
    first = error.errors()[0]
    place = ".".join(str(one) for one in first["loc"])
    return f"{place}: {first['msg']}" if place else str(first["msg"])
