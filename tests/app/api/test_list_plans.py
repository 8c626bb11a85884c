"""No way to read costs more because a company has more conversations: an index leads to each.

Every `GET` with every documented filter is asked, and every query it makes is explained, on SQLite
and PostgreSQL. The tables are all but empty, where PostgreSQL would rather read all of them; so
what it is to avoid is made dear, and it is done only where nothing else is possible.
"""

import re
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any
from uuid import uuid4

import httpx
from sqlalchemy import Engine, event, insert, text

from app.api.description import describe
from app.database import Database
from app.ids import new_id
from app.models import AuditEntry
from app.parts import Parts
from tests.api_client import Api, told
from tests.api_seed import CANARY, seed
from tests.factories import Shop, open_shop

SOME = str(uuid4())
MOMENT = "2026-01-02T03:04:05Z"
VALUES = {
    "status": "open",
    "control": "queue",
    "waiting_on": "us",
    "priority": "high",
    "label": CANARY,
    "created_after": MOMENT,
    "created_before": MOMENT,
    "email": "kim@example.org",
    "is_open": "true",
    "q": "parcel",
    "area": "member",
    "collection": "Delivery",
}
STATES = {"/v1/articles": "draft", "/v1/webhooks/{webhook_id}/deliveries": "waiting"}
HOW = {"sort", "order", "limit", "cursor", "expand", "tz", "after", "after_seq", "first", "last"}
"""Parameters that are no filters; days, of which one alone makes no report, are always some."""
PAIRS = (f"/v1/audit?area=member&agent_id={SOME}",)
GROWING = {
    "audit_entry",
    "contact",
    "conversation",
    "conversation_event",
    "conversation_label",
    "generation",
    "kb_gap",
    "message",
    "rating",
    "ticket_link",
    "webhook_delivery",
}
_DEAR = ("seqscan", "sort", "bitmapscan", "hashjoin", "mergejoin", "material")
Asked = list[tuple[str, Any]]


def paths() -> Iterator[str]:
    """Of each `GET` the address alone and with each filter; lists by activity, too."""
    for path, methods in describe()["paths"].items():
        if "get" not in methods:
            continue
        names = {
            one["name"] for one in methods["get"].get("parameters", []) if one["in"] == "query"
        }
        if path == "/v1/reports":  # reads all of its days, by which way their number decides
            continue
        if path != "/v1/articles/search":  # which wants its question
            yield path
        for name in sorted(names - HOW):
            value = STATES.get(path, SOME) if name == "state" else VALUES.get(name, SOME)
            yield f"{path}?{name}={value}"
            if "sort" in names:
                yield f"{path}?{name}={value}&sort=activity"
    yield from PAIRS


@contextmanager
def noting() -> Iterator[Asked]:
    """All queries of the block."""
    asked: Asked = []

    def note(_c: Any, _cursor: Any, statement: str, values: Any, *_rest: Any) -> None:
        if statement.startswith(("SELECT", "WITH", "UPDATE")):
            asked.append((statement, values))

    event.listen(Engine, "before_cursor_execute", note)
    try:
        yield asked
    finally:
        event.remove(Engine, "before_cursor_execute", note)


async def steps(parts: Parts, asked: Asked) -> list[str]:
    """How each query is done: `scan TABLE`, `sort` of more than is shown, or how else."""
    found: list[str] = []
    async with parts.database.snapshot() as session:
        connection = await session.connection()
        if not parts.database.is_sqlite:
            for name in _DEAR:
                await connection.execute(text(f"SET LOCAL enable_{name} = off"))
        for statement, values in asked:
            explain = "EXPLAIN QUERY PLAN" if parts.database.is_sqlite else "EXPLAIN (FORMAT JSON)"
            plan = await connection.exec_driver_sql(f"{explain} {statement}", values)
            if parts.database.is_sqlite:
                taken = [_of_sqlite(row.detail) for row in plan]
            else:
                taken = _of_postgres(plan.scalar_one()[0]["Plan"])
            is_of_page = "LIMIT" in statement
            found += [step for step in taken if step != "sort" or is_of_page]
    return found


def _of_sqlite(step: str) -> str:
    scanned = re.match(r"SCAN (\w+)", step)
    if scanned is not None:
        return f"scan {scanned[1]}"
    return "sort" if step == "USE TEMP B-TREE FOR ORDER BY" else step


def _of_postgres(node: dict[str, Any]) -> list[str]:
    kind = node["Node Type"]
    found = [f"{kind} {node.get('Index Name', '')}"]
    if kind == "Seq Scan":
        found = [f"scan {node['Relation Name']}"]
    if kind in ("Sort", "Incremental Sort"):
        found = ["sort"]
    if kind == "Index Scan" and "Index Cond" not in node:
        found = [f"scan {node['Relation Name']}"]
    return found + [step for one in node.get("Plans", []) for step in _of_postgres(one)]


LISTS = (
    "conversations",
    "contacts",
    "ratings",
    "gaps",
    "audit",
    "events",
    "messages",
    "deliveries",
)


async def fill_audit_log(database: Database, shop: Shop, other: Shop) -> None:
    """A few hundred entries of ours among thousands, so that all ways through them differ."""
    log = [
        {
            "id": new_id(),
            "workspace_id": whose.workspace_id,
            "agent_id": whose.agent.agent_id,
            "agent_name": whose.agent.name,
            "action": "label.created",
            "target": "late",
        }
        for whose in [shop, *[other] * 9]
        for _ in range(500)
    ]
    async with database.work() as work:
        await work.session.execute(insert(AuditEntry), log)
    if not database.is_sqlite:  # PostgreSQL chooses by statistics, which nobody else gathers here
        async with database.work() as work:
            await work.session.execute(text("ANALYZE audit_entry"))


async def test_few_entries_of_the_audit_log_are_not_looked_for_among_all(
    api: Api, http: httpx.AsyncClient
) -> None:
    await fill_audit_log(api.parts.database, api.shop, await open_shop(api.parts.database, "pk_b"))
    of_area, of_agent = "ix_audit_entry_of_area", "ix_audit_entry_of_agent"
    for query, indexes in (
        ("", ["ix_audit_entry_list"]),
        ("area=member", [of_area]),
        (f"agent_id={SOME}", [of_agent]),
        # Each of them leads to few.
        (f"area=member&agent_id={SOME}", ["ix_audit_entry_of_both", of_area, of_agent]),
    ):
        with noting() as asked:
            told(await http.get(f"/v1/audit?{query}"))
        used = [step for step in await steps(api.parts, asked) if "ix_audit" in step]
        assert [any(one in step for one in indexes) for step in used] == [True], (query, used)


async def test_no_way_to_read_scans_or_sorts_what_grows(api: Api, http: httpx.AsyncClient) -> None:
    ids = await seed(api, api.shop)
    told(await http.get("/v1/events"))  # from now on all have their places

    odd: dict[str, set[str]] = {}
    for path in paths():
        with noting() as asked:
            answer = await http.get(path.format(**ids))
        assert answer.status_code in (200, 404, 503), (path, answer.text)
        avoided = {f"scan {table}" for table in GROWING}
        if path.split("?")[0].endswith(LISTS) and "contact_id" not in path:  # who has few
            avoided.add("sort")
        if met := avoided & set(await steps(api.parts, asked)):
            odd[path] = met

    assert odd == {}
