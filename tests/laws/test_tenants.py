"""No key opens what is another company's, and none does more than its scopes say.

Made from the routes themselves: a new one is held to this without being named here. A parameter of
a new kind must be given a row of the other company, or the law fails.
"""

import re
from dataclasses import dataclass
from typing import Any

import httpx
import pytest
from fastapi.routing import APIRoute
from sqlalchemy import select

from app.api.description import describe, scopes_of
from app.api.limits import Limits
from app.api.routers import ROUTERS
from app.api.scopes import Scope
from app.ids import new_id
from app.models import Base
from tests.api_client import Api, told
from tests.api_seed import CANARY, PRESETS, seed
from tests.factories import Shop, open_shop

SIGNED = {"/v1/inbound/{source}"}
"""Routes that know who calls by a signature of the body; they have tests of their own."""


@dataclass(frozen=True)
class Operation:
    """A method of a route."""

    method: str
    route: APIRoute

    @property
    def name(self) -> str:
        return f"{self.method} {self.route.path}"

    @property
    def parameters(self) -> list[str]:
        return re.findall(r"{(\w+)}", self.route.path)

    @property
    def scopes(self) -> set[Scope]:
        return set(scopes_of(self.route.dependant))

    def path(self, ids: dict[str, str]) -> str:
        return self.route.path.format(**ids)


OPERATIONS = [
    Operation(method, route)
    for router in ROUTERS
    for route in router.routes
    if isinstance(route, APIRoute) and route.path not in SIGNED
    for method in sorted(route.methods or ())
]


@pytest.fixture
def store() -> str:
    return "sqlite"


@pytest.fixture
async def other(api: Api) -> Shop:
    """The company that must not be seen."""
    api.parts.api_limits = Limits(per_s=100_000, burst=100_000)
    return await open_shop(api.parts.database, f"pk_{CANARY}")


def body_of(operation: Operation) -> Any:
    """The example in the description of the API, which fits."""
    described = describe()
    told_of = described["paths"][operation.route.path][operation.method.lower()]
    schema = told_of.get("requestBody", {}).get("content", {}).get("application/json")
    if schema is None:
        return None
    names = re.findall(r"schemas/([^\"']+)", str(schema))
    shown = [described["components"]["schemas"][name] for name in names]
    return next((one["examples"][0] for one in shown if "examples" in one), {})


async def rows_of(api: Api, shop: Shop) -> dict[str, list[Any]]:
    """All a company has, but for when its keys were used."""
    found: dict[str, list[Any]] = {}
    async with api.parts.database.snapshot() as session:
        for table in Base.metadata.sorted_tables:
            if "workspace_id" in table.c and table.name != "api_key":
                mine = select(table).where(table.c.workspace_id == shop.workspace_id)
                rows = await session.execute(mine.order_by(table.c.id))
                found[table.name] = [tuple(row) for row in rows]
    return found


def test_every_route_asks_for_a_scope() -> None:
    open_to_all = [one.name for one in OPERATIONS if not one.scopes]

    assert open_to_all == []
    assert len(OPERATIONS) > 60


async def test_the_rows_of_another_company_are_not_there(api: Api, other: Shop) -> None:
    ids = await seed(api, other)
    before = await rows_of(api, other)
    http = await api.client()
    for operation in OPERATIONS:
        missing = set(operation.parameters) - set(ids)
        assert not missing, f"{operation.name}: seed a row of the other company for {missing}"

        answer = await send(http, operation, ids)

        assert CANARY not in answer.text, operation.name
        if set(operation.parameters) - set(PRESETS):
            assert answer.status_code in (403, 404), f"{operation.name}: {answer.text}"
    assert await rows_of(api, other) == before


async def test_the_ids_of_another_company_in_a_body_are_not_there(api: Api, other: Shop) -> None:
    ids = await seed(api, other)
    before = await rows_of(api, other)
    http = await api.client()
    words = {"contact": {"name": "Kim"}, "message": {"text": "Hello"}}
    mine = told(await http.post("/v1/conversations", json=words), 201)
    path, contact = f"/v1/conversations/{mine['id']}", mine["contact"]["id"]
    agent_id = ids["agent_id"]
    bodies: list[tuple[str, dict[str, Any]]] = [
        ("/v1/conversations", words | {"contact": {"id": ids["contact_id"]}}),
        ("/v1/conversations", words | {"inbox_id": str(other.inbox_id)}),
        (f"{path}/messages", {"role": "agent", "text": "Hi", "agent_id": agent_id}),
        (f"{path}/takeover", {"agent_id": agent_id}),
        (f"{path}/assign", {"to_agent_id": agent_id}),
        (f"{path}/merge", {"into_id": ids["conversation_id"]}),
        (f"/v1/contacts/{contact}/merge", {"into_id": ids["contact_id"]}),
    ]

    for where, body in bodies:
        answer = await http.post(where, json=body)

        assert answer.status_code in (404, 422), f"{where}: {answer.text}"
        assert CANARY not in answer.text
    for query in ("external_ref", "external_id", "email", "label", "q"):
        for where in ("/v1/conversations", "/v1/contacts", "/v1/articles"):
            assert CANARY not in (await http.get(where, params={query: CANARY})).text
    assert await rows_of(api, other) == before


async def test_a_cursor_of_another_company_is_none(api: Api, other: Shop) -> None:
    theirs, http = await api.client(shop=other), await api.client()
    for number in range(2):
        told(await theirs.post("/v1/contacts", json={"name": f"{CANARY} {number}"}), 201)
    page = told(await theirs.get("/v1/contacts", params={"limit": 1}))

    answer = await http.get("/v1/contacts", params={"cursor": page["meta"]["next_cursor"]})

    assert answer.status_code == 422


async def test_all_other_scopes_together_do_not_open_a_route(api: Api, other: Shop) -> None:
    names = {name for one in OPERATIONS for name in one.parameters}
    ids = dict.fromkeys(names, str(new_id())) | PRESETS
    rights = set(Scope) - {Scope.ADMIN}
    clients: dict[frozenset[Scope], httpx.AsyncClient] = {}
    for operation in OPERATIONS:
        wrong = frozenset(rights - operation.scopes)
        http = clients[wrong] = clients.get(wrong) or await api.client(*wrong)

        answer = await send(http, operation, ids)

        assert answer.status_code == 403, f"{operation.name}: {answer.text}"
        assert "lacks the scope" in answer.text


async def test_without_a_key_no_route_answers(api: Api, other: Shop) -> None:
    ids = await seed(api, other)
    http = api.with_headers()
    for operation in OPERATIONS:
        answer = await send(http, operation, ids)

        assert answer.status_code == 401, f"{operation.name}: {answer.status_code}"
        assert CANARY not in answer.text


async def send(
    http: httpx.AsyncClient, operation: Operation, ids: dict[str, str]
) -> httpx.Response:
    body = body_of(operation)
    given = {} if body is None else {"json": body}
    return await http.request(operation.method, operation.path(ids), **given)
