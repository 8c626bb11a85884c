"""How a failure is told over HTTP: as a problem document of RFC 9457, whoever raised it."""

import logging
import math
from collections.abc import Mapping, Sequence
from http import HTTPStatus
from http.client import responses
from typing import Any

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse, RedirectResponse, Response
from starlette.exceptions import HTTPException

from app.errors import AppError, NotSignedIn
from app.pages import error_page

log = logging.getLogger(__name__)

SIGN_IN_PAGE = "/dashboard/sign-in"
_BUG = "Something went wrong here; please try again."
_UNFIT = "This address or form does not fit; please go back and try again."
_NOWHERE = "There is no such page here."
_UNNAMED = "Client Closed Request"
"""499 is no status of the standard's, only what logs commonly call a client that has left."""
_MEDIA_TYPE = "application/problem+json"


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
    fields = [
        _place(one["loc"]) | {"code": str(one["type"]), "detail": str(one["msg"])}
        for one in error.errors()
    ]
    return problem(
        request, status=422, code="invalid", detail="The request does not fit.", errors=fields
    )


async def _tell_http(request: Request, error: Exception) -> Response:
    assert isinstance(error, HTTPException)
    if _wants_page(request):
        is_missing = error.status_code == HTTPStatus.NOT_FOUND
        sentence = _NOWHERE if is_missing else HTTPStatus(error.status_code).phrase
        return _page(request, error.status_code, sentence)
    code = "not_found" if error.status_code == HTTPStatus.NOT_FOUND else "invalid"
    return problem(
        request,
        status=error.status_code,
        code=code,
        detail=str(error.detail),
        headers=dict(error.headers or {}),
    )


async def _tell_bug(request: Request, error: Exception) -> Response:
    log.error("request failed", exc_info=error, extra={"path": request.url.path})
    if _wants_page(request):
        return _page(request, HTTPStatus.INTERNAL_SERVER_ERROR, _BUG)
    return problem(request, status=500, code="failed", detail=_BUG)


def _page(request: Request, status: int, sentence: str) -> Response:
    """With the way back to where this person came from."""
    return error_page(status, sentence, is_desk=request.url.path.startswith("/dashboard"))


def _place(loc: Sequence[int | str]) -> dict[str, str]:
    """A JSON pointer into the body (RFC 6901), or the name of a parameter."""
    where, *path = (str(part) for part in loc)
    if where != "body":
        return {"parameter": ".".join(path) or where}
    return {"pointer": "".join(f"/{one.replace('~', '~0').replace('/', '~1')}" for one in path)}


def _wants_page(request: Request) -> bool:
    """Whether a person's browser asks; the API tells problems even to browsers."""
    accepts_html = "text/html" in request.headers.get("accept", "")
    return accepts_html and not request.url.path.startswith("/v1")
