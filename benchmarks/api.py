"""What a request to `/v1` costs with many conversations in the store, and whether that grows.

    python -m benchmarks.api [--quick] [--json FILE] [--postgres URL]

Every documented list, filter and read, and the commonest writes, against a store of 1,000
conversations and one of 100,000, on SQLite and, where a server is named, on PostgreSQL. The two
stores are asked in turn, so that what else the machine does hits both; `ratio` is the large store's
median over the small one's. The routes run in process, without sockets.

`URL` names a server where databases may be made, such as
`postgresql+asyncpg://postgres@/postgres?host=/run/postgresql`.
"""

import asyncio
import statistics
import tempfile
import time
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

import httpx
from fastapi import FastAPI
from sqlalchemy import make_url, text
from sqlalchemy.ext.asyncio import create_async_engine

from app import schema
from app.api.limits import Limits
from app.clock import now
from app.data_folder import DataFolder
from app.main import assemble, build_parts
from app.settings import Settings
from benchmarks.api_requests import PREFIX, Asked, Places, requests
from benchmarks.api_store import Company, fill, open_company
from benchmarks.report import Report, arguments

_WARM_UP = 5
_LONGEST_S = 3.0
"""For one kind of request, so that a slow one does not hold up all others."""


@dataclass(frozen=True)
class Store:
    """One of the two, and who asks it."""

    http: httpx.AsyncClient
    company: Company
    asked: dict[str, Asked]


async def main() -> None:
    """Fill and measure, one database after the other."""
    parser = arguments(__doc__ or "")
    parser.add_argument("--postgres", metavar="URL", help="a server; absent: SQLite alone")
    options = parser.parse_args()
    report = Report("REST API", options.json)
    sizes = (200, 2_000) if options.quick else (1_000, 100_000)
    num_requests = 20 if options.quick else 200
    for server in (None, options.postgres) if options.postgres else (None,):
        async with AsyncExitStack() as open_now:
            few, many = [await open_now.enter_async_context(_store(server, num)) for num in sizes]
            await _compare(report, few, many, num_requests, f"{sizes[0]:,} conversations")


async def _compare(
    report: Report, few: Store, many: Store, num_requests: int, baseline: str
) -> None:
    database = "sqlite" if "sqlite" in str(few.http.base_url) else "postgres"
    for name in many.asked:
        small, large = await _in_turn(few, many, name, num_requests)
        key = f"api.{database}.{name}"
        known = statistics.median(small) * 1e3
        report.add(f"{key}.p50", statistics.median(large) * 1e3, "ms", baseline, known)
        if name in ("conversations?", "POST messages"):
            known = _p99(small) * 1e3
            report.add(f"{key}.p99", _p99(large) * 1e3, "ms", baseline, known)
            rate, known = (len(times) / sum(times) for times in (large, small))
            report.add(f"{key}.rate", rate, "requests/s", baseline, known)


async def _in_turn(few: Store, many: Store, name: str, num: int) -> tuple[list[float], list[float]]:
    """Seconds of each request to the small and to the large store."""
    times: tuple[list[float], list[float]] = ([], [])
    until = time.perf_counter() + _LONGEST_S
    for turn in range(num + _WARM_UP):
        for store, taken in zip((few, many), times, strict=True):
            asked = store.asked[name]
            begun = time.perf_counter()
            answer = await store.http.request(asked.method, PREFIX + asked.path, json=asked.body)
            taken.append(time.perf_counter() - begun)
            assert answer.is_success, f"{name}: {answer.status_code} {answer.text}"
        if turn >= 2 * _WARM_UP and time.perf_counter() > until:
            break
    small, large = times
    return small[_WARM_UP:], large[_WARM_UP:]


def _p99(times: list[float]) -> float:
    return statistics.quantiles(times, n=100)[98]


@asynccontextmanager
async def _store(server: str | None, num: int) -> AsyncIterator[Store]:
    """A filled one, gone afterwards."""
    async with AsyncExitStack() as closing:
        folder = closing.enter_context(tempfile.TemporaryDirectory())
        url = server and await closing.enter_async_context(_database(server, f"careline_{num}"))
        settings = Settings(data=Path(folder), database_url=url)
        parts = build_parts(settings, DataFolder(settings.data).prepare(), now)
        closing.push_async_callback(parts.database.close)
        parts.api_limits = Limits(per_s=1e9, burst=1_000_000_000)
        await schema.upgrade(parts.database)
        company = await open_company(parts)
        moment, begun = now(), time.perf_counter()
        await fill(parts, company, num, moment)
        print(f"{num:,} conversations written in {time.perf_counter() - begun:.0f} s", flush=True)
        transport = httpx.ASGITransport(app=assemble(parts, _nothing))
        http = httpx.AsyncClient(
            transport=transport,
            base_url=f"http://{'postgres' if server else 'sqlite'}.test",
            headers={"Authorization": f"Bearer {company.secret}"},
        )
        await closing.enter_async_context(http)
        places = await _places(http, num, moment)
        yield Store(http, company, requests(company, places, moment))


async def _places(http: httpx.AsyncClient, num: int, moment: datetime) -> Places:
    """A conversation in the middle and what belongs to it, found by asking."""
    path = f"{PREFIX}/conversations"
    found = (await http.get(path, params={"external_ref": f"ticket-{num // 2}"})).json()
    [one] = found["data"]
    messages = (await http.get(f"{path}/{one['id']}/messages")).json()["data"]
    before = {"created_before": one["created_at"], "limit": "1"}
    deep = (await http.get(path, params=before)).json()["meta"]["next_cursor"]
    return Places(one["id"], one["contact"]["id"], messages[0]["id"], deep, num * 3)


@asynccontextmanager
async def _database(server: str, name: str) -> AsyncIterator[str]:
    """A database of its own on a server."""
    engine = create_async_engine(server, isolation_level="AUTOCOMMIT")
    async with engine.connect() as connection:
        await connection.execute(text(f"DROP DATABASE IF EXISTS {name}"))
        await connection.execute(text(f"CREATE DATABASE {name}"))
    try:
        yield make_url(server).set(database=name).render_as_string(hide_password=False)
    finally:
        async with engine.connect() as connection:
            await connection.execute(text(f"DROP DATABASE {name}"))
        await engine.dispose()


@asynccontextmanager
async def _nothing(_app: FastAPI) -> AsyncIterator[None]:
    yield


if __name__ == "__main__":
    asyncio.run(main())
