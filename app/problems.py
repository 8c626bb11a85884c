"""How a failure is told over HTTP: as a problem document of RFC 9457, whoever raised it."""

import logging
import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from http import HTTPStatus
from http.client import responses
from typing import Any

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse, RedirectResponse, Response
from starlette.exceptions import HTTPException
from starlette.routing import Match

from app.errors import AppError, NotSignedIn
from app.openai.errors import is_of_dialect, tell
from app.pages import error_page

log = logging.getLogger(__name__)

SIGN_IN_PAGE = "/dashboard/sign-in"
_BUG = "Something went wrong here; please try again."
_UNFIT = "This address or form does not fit; please go back and try again."
_NOWHERE = "There is no such page here."
_UNNAMED = "Client Closed Request"
"""499 is no status of the standard's, only what logs commonly call a client that has left."""
_MEDIA_TYPE = "application/problem+json"
_CODES: Mapping[int, str] = {
    HTTPStatus.NOT_FOUND: "not_found",
    HTTPStatus.METHOD_NOT_ALLOWED: "method_not_allowed",
}


def problem(
    request: Request,
    *,
    status: int,
    code: str,
    detail: str,
    errors: Sequence[Mapping[str, str]] = (),
    headers: dict[str, str] | None = None,
) -> Response:
    """A problem document; `errors` point at the fields that do not fit."""
    body: dict[str, Any] = {
        "type": "about:blank",
        "title": responses.get(status, _UNNAMED),
        "status": status,
        "code": code,
        "detail": detail,
        "instance": request.url.path,
    }
    if request_id := getattr(request.state, "request_id", None):
        body["request_id"] = request_id
    if errors:
        body["errors"] = list(errors)
    return JSONResponse(body, status_code=status, media_type=_MEDIA_TYPE, headers=headers)


def tell_problems(app: FastAPI) -> None:
    """Answer every failure of this application with a problem document, or with its page."""
    app.add_exception_handler(AppError, _tell_app_error)
    app.add_exception_handler(RequestValidationError, _tell_bad_request)
    app.add_exception_handler(HTTPException, _tell_http)
    app.add_exception_handler(Exception, _tell_bug)


async def _tell_app_error(request: Request, error: Exception) -> Response:
    assert isinstance(error, AppError)
    if isinstance(error, NotSignedIn) and request.url.path.startswith("/dashboard"):
        return RedirectResponse(SIGN_IN_PAGE, status_code=HTTPStatus.SEE_OTHER)
    headers = {}
    if error.retry_after_s is not None:
        headers["Retry-After"] = str(math.ceil(error.retry_after_s))
    if _wants_page(request):
        return _page(request, error.status, error.sentence)
    return problem(
        request,
        status=error.status,
        code=error.code,
        detail=error.sentence,
        errors=error.fields,
        headers=headers,
    )


async def _tell_bad_request(request: Request, error: Exception) -> Response:
    assert isinstance(error, RequestValidationError)
    if _wants_page(request):
        if any(one["loc"][0] == "path" for one in error.errors()):
            return _page(request, HTTPStatus.NOT_FOUND, _NOWHERE)
        return _page(request, HTTPStatus.UNPROCESSABLE_ENTITY, _UNFIT)
    return problem(
        request,
        status=422,
        code="invalid",
        detail="The request does not fit.",
        errors=_unfit_fields(error),
    )


async def _tell_http(request: Request, error: Exception) -> Response:
    assert isinstance(error, HTTPException)
    headers = dict(error.headers or {})
    if error.status_code == HTTPStatus.METHOD_NOT_ALLOWED:
        headers["Allow"] = ", ".join(_methods(request))
    if _wants_page(request):
        is_missing = error.status_code == HTTPStatus.NOT_FOUND
        sentence = _NOWHERE if is_missing else HTTPStatus(error.status_code).phrase
        page = _page(request, error.status_code, sentence)
        page.headers.update(headers)
        return page
    if is_of_dialect(request.url.path):
        asked = f"{error.detail}: {request.method} {request.url.path}."
        told = replace(tell(error), message=asked)
        return JSONResponse(told.body, status_code=told.status, headers=headers)
    return problem(
        request,
        status=error.status_code,
        code=_CODES.get(error.status_code, "invalid"),
        detail=str(error.detail),
        headers=headers,
    )


async def _tell_bug(request: Request, error: Exception) -> Response:
    log.error("request failed", exc_info=error, extra={"path": request.url.path})
    if _wants_page(request):
        return _page(request, HTTPStatus.INTERNAL_SERVER_ERROR, _BUG)
    return problem(request, status=500, code="failed", detail=_BUG)


def _page(request: Request, status: int, sentence: str) -> Response:
    """With the way back to where this person came from."""
    return error_page(status, sentence, is_desk=request.url.path.startswith("/dashboard"))


def _methods(request: Request) -> list[str]:
    """Those of every route that has this address; Starlette knows only those of the first."""
    asked = dict(request.scope)
    # `HeadAsGet` answers HEAD where GET is.
    tried = {one: one for one in ("DELETE", "GET", "PATCH", "POST", "PUT")} | {"HEAD": "GET"}
    return [
        name
        for name, method in sorted(tried.items())
        if any(
            route.matches(asked | {"method": method})[0] is Match.FULL
            for route in request.app.router.routes
        )
    ]


def _unfit_fields(error: RequestValidationError) -> list[dict[str, str]]:
    """One for each place; where none of several kinds fits, what each of them wants."""
    places: dict[tuple[str, str], list[tuple[str, str]]] = {}
    for one in error.errors():
        [(kind, place)] = _place(one, error.body).items()
        told = (str(one["type"]), str(one["msg"]))
        known = places.setdefault((kind, place), [])
        if told not in known:
            known.append(told)
    return [
        {kind: place, "code": told[0][0], "detail": "; or: ".join(detail for _, detail in told)}
        for (kind, place), told in places.items()
    ]


def _place(one: Mapping[str, Any], body: Any) -> dict[str, str]:
    """A JSON pointer into the body (RFC 6901), or the name of a parameter."""
    where, *path = one["loc"]
    if where != "body":
        return {"parameter": ".".join(map(str, path)) or str(where)}
    steps = map(str, _steps(path, body, is_missing=one["type"] == "missing"))
    return {"pointer": "".join(f"/{step.replace('~', '~0').replace('/', '~1')}" for step in steps)}


def _steps(path: Sequence[int | str], body: Any, *, is_missing: bool) -> Iterator[int | str]:
    """Without the names of kinds that were tried, which pydantic puts behind a value's own path."""
    value = body
    for i, step in enumerate(path):
        is_there = isinstance(value, Mapping) and step in value
        is_item = isinstance(value, list) and isinstance(step, int) and step < len(value)
        if is_there or is_item or (is_missing and i == len(path) - 1):
            yield step
            value = value[step] if is_there or is_item else None


def _wants_page(request: Request) -> bool:
    """Whether a person's browser asks; the API tells problems even to browsers."""
    accepts_html = "text/html" in request.headers.get("accept", "")
    return accepts_html and not request.url.path.startswith("/v1")
