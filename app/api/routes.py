"""How every route of `/v1` behaves besides its own work, and the headers of every answer.

router = api_router("/contacts", "contacts")
"""

from collections.abc import Awaitable, Callable, Coroutine, Iterator
from typing import Any, ClassVar

from fastapi import APIRouter, Request, Response
from fastapi.dependencies.models import Dependant
from fastapi.params import Form
from fastapi.routing import APIRoute
from pydantic import BaseModel
from starlette.datastructures import MutableHeaders
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from app.api.bodies import (
    MAX_BODY_BYTES,
    MAX_FORM_BYTES,
    check_json,
    check_query,
    check_size,
    read_body,
)
from app.api.idempotency import Replayed, keep
from app.ids import new_id

PREFIX = "/v1"
_REALM = 'Bearer realm="careline"'


class ApiRoute(APIRoute):
    """Takes strict JSON, and answers a repeated write with what was answered first."""

    takes_any_query: ClassVar[bool] = False

    def get_route_handler(self) -> Callable[[Request], Coroutine[Any, Any, Response]]:
        """The route's own handler inside."""
        own = super().get_route_handler()
        taken, known = self.body_field, frozenset(_query_names(self.dependant))
        takes_form = taken is not None and isinstance(taken.field_info, Form)

        async def handle(request: Request) -> Response:
            if not self.takes_any_query:
                check_query(request, known)
            if takes_form:
                check_size(request, MAX_FORM_BYTES)
            else:
                body = await read_body(request, MAX_BODY_BYTES)
                if taken is not None and body:
                    check_json(request, body)
            return await _once(request, own)

        return handle


def api_router(path: str, tag: str, route_class: type[ApiRoute] = ApiRoute) -> APIRouter:
    """A router of one resource under `/v1`."""
    return APIRouter(
        prefix=f"{PREFIX}{path}",
        tags=[tag],
        route_class=route_class,
        responses={
            code: {"model": Problem, "description": told} for code, told in _PROBLEMS.items()
        },
    )


class ProblemField(BaseModel):
    """What of a request does not fit: `pointer` into the body, or the name of a `parameter`."""

    pointer: str | None = None
    parameter: str | None = None
    code: str
    detail: str


class Problem(BaseModel):
    """A failure, as RFC 9457 has it; `code` is for programs."""

    type: str
    title: str
    status: int
    code: str
    detail: str
    instance: str
    request_id: str | None = None
    errors: list[ProblemField] | None = None


_PROBLEMS: dict[int | str, str] = {
    401: "No key, or one that does not work.",
    403: "The key lacks a scope.",
    422: "Something in the request does not fit.",
    429: "Too many requests; see `Retry-After`.",
}


class ApiHeaders:
    """Gives every request of `/v1` an id, and its answer the headers that were noted for it."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass the request on and dress the answer."""
        if scope["type"] != "http" or not scope["path"].startswith(f"{PREFIX}/"):
            await self._app(scope, receive, send)
            return
        state = scope.setdefault("state", {})
        state["request_id"] = new_id().hex

        async def send_dressed(message: Message) -> None:
            if message["type"] == "http.response.start":
                headers = MutableHeaders(scope=message)
                headers["X-Request-Id"] = state["request_id"]
                headers.setdefault("Cache-Control", "no-store")
                if message["status"] == 401:
                    headers["WWW-Authenticate"] = _REALM
                for name, value in state.get("api_headers", {}).items():
                    headers[name] = value
            await send(message)

        await self._app(scope, receive, send_dressed)


def _query_names(dependant: Dependant) -> Iterator[str]:
    """What a route and all it depends on read of the query."""
    yield from (one.alias for one in dependant.query_params)
    for inner in dependant.dependencies:
        yield from _query_names(inner)


async def _once(request: Request, own: Callable[[Request], Awaitable[Response]]) -> Response:
    try:
        response = await own(request)
    except Replayed as done:
        return done.response
    await keep(request, response)
    return response
