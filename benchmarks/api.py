"""What a request to `/v1` costs with many conversations in the store, and whether that grows.

    python -m benchmarks.api [--quick] [--json FILE] [--database-url postgresql+asyncpg://...]

The routes run in process, without sockets, on SQLite in a folder of its own or on the database that
is named, which must be empty. First with few conversations, then with many: the first run is the
baseline of the second.
"""

import argparse
import asyncio
import statistics
import tempfile
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Any
from uuid import UUID

import httpx
from fastapi import FastAPI
from sqlalchemy import insert, select, update
from sqlalchemy.ext.asyncio import AsyncSession

from app import schema
from app.api.limits import Limits
from app.api.scopes import Scope
from app.api.service import NewKey, create_key
from app.audit.service import Doer
from app.clock import now
from app.data_folder import DataFolder
from app.first_run import open_for_business
from app.ids import new_id
from app.main import assemble, build_parts
from app.models import Agent, Contact, Conversation, Inbox, Workspace
from app.parts import Parts
from app.settings import Settings
from app.speakers import SignedInAgent
from app.vocabulary import Control, Status
from benchmarks.report import Report

_CHUNK = 1_000
Ask = Callable[[], Awaitable[httpx.Response]]


@dataclass(frozen=True)
class Company:
    """Where conversations are put."""

    workspace_id: UUID
    inbox_id: UUID
    secret: str


async def main() -> None:
    """Fill, measure, fill more, measure again."""
    options = _options()
    report = Report("REST API", options.json)
    few, many = (200, 2_000) if options.quick else (1_000, 100_000)
    num_requests = 50 if options.quick else 500
    with tempfile.TemporaryDirectory() as folder:
        settings = Settings(data=Path(folder), database_url=options.database_url)
        parts = build_parts(settings, DataFolder(settings.data).prepare(), now)
        parts.api_limits = Limits(per_s=1e9, burst=1_000_000_000)
        await schema.upgrade(parts.database)
        company = await _open(parts)
        try:
            await _fill(parts, company, few)
            before = await _measure(parts, company, num_requests)
            await _fill(parts, company, many - few)
            after = await _measure(parts, company, num_requests)
        finally:
            await parts.database.close()
    store = "sqlite" if parts.database.is_sqlite else "postgres"
    for name, times in after.items():
        baseline = f"{few:,} conversations"
        rate, rate_before = len(times) / sum(times), len(before[name]) / sum(before[name])
        report.add(f"api.{store}.{name}.rate", rate, "requests/s", baseline, rate_before)
        for share, label in ((0.5, "p50"), (0.99, "p99")):
            value, known = _quantile(times, share), _quantile(before[name], share)
            report.add(f"api.{store}.{name}.{label}", value * 1e3, "ms", baseline, known * 1e3)


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--quick", action="store_true")
    parser.add_argument("--json", type=Path)
    parser.add_argument("--device", choices=["cpu", "cuda"], default="cpu", help="Not used.")
    parser.add_argument("--database-url")
    return parser.parse_args()


async def _open(parts: Parts) -> Company:
    await open_for_business(parts.database)
    async with parts.database.work() as work:
        workspace = (await work.session.scalars(select(Workspace))).one()
        inbox = (await work.session.scalars(select(Inbox))).one()
        owner = (await work.session.scalars(select(Agent))).one()
        doer = Doer(SignedInAgent(workspace.id, owner.id, owner.name, owner.role))
        made = await create_key(work, doer, NewKey("benchmark", [Scope.ADMIN]))
    return Company(workspace.id, inbox.id, made.secret)


async def _fill(parts: Parts, company: Company, num: int) -> None:
    """Rows as they are after a while: most have ended, each has a contact of its own."""
    done = 0
    while done < num:
        size = min(_CHUNK, num - done)
        async with parts.database.work() as work:
            first = await _last_number(work.session, company) + 1
            rows = [_row(company, first + i) for i in range(size)]
            await work.session.execute(insert(Contact), [contact for contact, _ in rows])
            await work.session.execute(insert(Conversation), [one for _, one in rows])
            mine = update(Workspace).where(Workspace.id == company.workspace_id)
            await work.session.execute(mine.values(last_number=first + size - 1))
        done += size


async def _last_number(session: AsyncSession, company: Company) -> int:
    mine = select(Workspace.last_number).where(Workspace.id == company.workspace_id)
    return (await session.execute(mine)).scalar_one()


def _row(company: Company, number: int) -> tuple[dict[str, Any], dict[str, Any]]:
    contact_id = new_id()
    contact = {"id": contact_id, "workspace_id": company.workspace_id, "name": f"Kim {number}"}
    conversation = {
        "id": new_id(),
        "workspace_id": company.workspace_id,
        "inbox_id": company.inbox_id,
        "contact_id": contact_id,
        "number": number,
        "subject": f"Question {number}",
        "status": Status.OPEN if number % 20 == 0 else Status.RESOLVED,
        "control": Control.QUEUE,
        "last_message_at": now() - timedelta(seconds=number),
        "external_ref": f"ticket-{number}",
    }
    return contact, conversation


async def _measure(parts: Parts, company: Company, num_requests: int) -> dict[str, list[float]]:
    """Seconds of each request, one after the other, by what was asked."""
    transport = httpx.ASGITransport(app=assemble(parts, _nothing))
    headers = {"Authorization": f"Bearer {company.secret}"}
    async with httpx.AsyncClient(
        transport=transport, base_url="http://careline.test", headers=headers
    ) as http:
        body = {"contact": {"name": "Ada"}, "message": {"text": "Hello"}, "control": "queue"}
        made = (await http.post("/v1/conversations", json=body)).json()
        thread = f"/v1/conversations/{made['id']}/messages"
        asked: dict[str, Ask] = {
            "list": lambda: http.get("/v1/conversations"),
            "list_open": lambda: http.get("/v1/conversations?status=open"),
            "list_activity": lambda: http.get("/v1/conversations?sort=activity"),
            "by_reference": lambda: http.get("/v1/conversations?external_ref=ticket-7"),
            "post_message": lambda: http.post(thread, json={"text": "Where is my parcel?"}),
            "post_conversation": lambda: http.post("/v1/conversations", json=body),
        }
        return {name: await _times(ask, num_requests) for name, ask in asked.items()}


async def _times(ask: Ask, num: int) -> list[float]:
    times = []
    for _ in range(num):
        begun = time.perf_counter()
        answer = await ask()
        times.append(time.perf_counter() - begun)
        assert answer.is_success, answer.text
    return times


def _quantile(times: list[float], share: float) -> float:
    return statistics.quantiles(times, n=100)[round(share * 100) - 1]


@asynccontextmanager
async def _nothing(_app: FastAPI) -> AsyncIterator[None]:
    yield


if __name__ == "__main__":
    asyncio.run(main())
