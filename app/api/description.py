"""The description of `/v1` in OpenAPI 3.1, from the routes themselves.

`careline openapi docs/openapi.json` writes it where a test compares it with the routes.
"""

import json
from collections.abc import Iterable, Iterator, Sequence
from functools import cache
from pathlib import Path
from typing import Any

from fastapi.dependencies.models import Dependant
from fastapi.openapi.utils import get_openapi
from fastapi.routing import APIRoute
from starlette.routing import BaseRoute

from app.api.keys import Requires
from app.api.routers import ROUTERS
from app.api.scopes import Scope

VERSION = "1"
_ABOUT = (
    "Conversations, contacts, articles, answers and events of a company. Send a key as "
    "`Authorization: Bearer ck_live_…`. Lists come in pages, failures as problem documents "
    "(RFC 9457), and every write that changes the store takes an `Idempotency-Key`."
)


@cache
def describe() -> dict[str, Any]:
    """The whole description."""
    routes = [route for router in ROUTERS for route in router.routes]
    told = get_openapi(
        title="Careline API",
        version=VERSION,
        openapi_version="3.1.0",
        description=_ABOUT,
        routes=_named(routes),
    )
    for route in routes:
        if isinstance(route, APIRoute):
            for operation in _operations(told, route):
                _add_scopes(operation, scopes_of(route.dependant))
    return told


@cache
def description() -> bytes:
    """The same as JSON; made once, which takes long enough to want a thread."""
    return (json.dumps(describe(), indent=1, ensure_ascii=False) + "\n").encode()


def write_description(path: Path) -> None:
    """Rewrite the file that stands in the repository."""
    path.write_bytes(description())


def scopes_of(dependant: Dependant) -> Iterator[Scope]:
    """What a key must have for a route."""
    if isinstance(dependant.call, Requires):
        yield from dependant.call.scopes
    for inner in dependant.dependencies:
        yield from scopes_of(inner)


def _named(routes: Sequence[BaseRoute]) -> Sequence[BaseRoute]:
    """An operation is called what its function is called."""
    for route in routes:
        if isinstance(route, APIRoute):
            route.unique_id = route.operation_id = route.name
    return routes


def _operations(told: dict[str, Any], route: APIRoute) -> Iterator[dict[str, Any]]:
    found = told["paths"].get(route.path_format, {})
    return (found[one.lower()] for one in route.methods or () if one.lower() in found)


def _add_scopes(operation: dict[str, Any], scopes: Iterable[Scope]) -> None:
    names = " and ".join(f"`{scope}`" for scope in dict.fromkeys(scopes))
    if names:
        operation["description"] = f"{operation.get('description', '')}\n\nScope: {names}.".strip()
