"""Failures in OpenAI's shape: `{"error": {"message", "type", "param", "code"}}`.

A parameter is named as OpenAI names it, `messages[0].content`; codes are theirs where there is one.
"""

import logging
import math
import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from http import HTTPStatus

from fastapi.exceptions import RequestValidationError
from starlette.exceptions import HTTPException

from app.errors import AppError, Forbidden, NotSignedIn, RateLimited, Unavailable
from app.models import JsonObject
from inference import EngineError, InvalidRequest, QueueFull

log = logging.getLogger(__name__)

_TOO_LONG = re.compile(r"^prompt: .*(?:leave|need|too long)")
_ENGINE_PARAMS = {
    "prompt": "messages",
    "json_schema": "response_format",
    "logprobs": "top_logprobs",
}
_PATHS = ("/v1/chat/", "/v1/completions", "/v1/responses", "/v1/embeddings", "/v1/models")
_BUG = "Something went wrong here; please try again."


class BadParameter(AppError):
    """A parameter that does not fit; `param` is its path."""

    status = 400

    def __init__(self, param: str | None, message: str, code: str = "invalid_value") -> None:
        super().__init__(message)
        self.param = param
        self.code = code


class Unsupported(BadParameter):
    """A parameter that is OpenAI's and not ours."""

    def __init__(self, param: str, why: str = "is not supported by this server") -> None:
        super().__init__(param, f"'{param}' {why}.", "unsupported_parameter")


class NoSuchModel(BadParameter):
    """Neither of the models there are."""

    status = 404

    def __init__(self, model: str) -> None:
        super().__init__("model", f"The model '{model}' does not exist.", "model_not_found")


@dataclass(frozen=True)
class Told:
    """A failure as it is sent."""

    status: int
    message: str
    type: str
    param: str | None = None
    code: str | None = None
    headers: dict[str, str] = field(default_factory=dict)

    @property
    def body(self) -> JsonObject:
        """The document."""
        told = {"message": self.message, "type": self.type, "param": self.param, "code": self.code}
        return {"error": told}


def from_engine(error: EngineError) -> AppError:
    """What the engine refuses or fails with, as the caller's or nobody's fault."""
    if isinstance(error, QueueFull):
        return Unavailable(
            "The engine's queue is full; ask again.", retry_after_s=error.retry_after_s
        )
    if not isinstance(error, InvalidRequest):
        return Unavailable(f"The engine cannot answer: {error.message}.")
    name = error.message.partition(":")[0]
    code = "context_length_exceeded" if _TOO_LONG.match(error.message) else "invalid_value"
    return BadParameter(_ENGINE_PARAMS.get(name, name), f"{error.message}.", code)


def is_of_dialect(path: str) -> bool:
    """Whether OpenAI's clients ask there, also for what this server does not have."""
    return path.startswith(_PATHS)


def tell(error: Exception) -> Told:
    """Any failure; one that nobody foresaw is logged and told without its words."""
    match error:
        case RequestValidationError():
            return _tell_invalid(error)
        case AppError():
            return _tell_known(error)
        case HTTPException():
            return Told(error.status_code, str(error.detail), _type(error.status_code))
    log.error("request failed", exc_info=error)
    return Told(HTTPStatus.INTERNAL_SERVER_ERROR, _BUG, "server_error")


def _tell_known(error: AppError) -> Told:
    headers = {}
    if error.retry_after_s is not None:
        headers["Retry-After"] = str(math.ceil(error.retry_after_s))
    code, status = error.code, error.status
    param = error.param if isinstance(error, BadParameter) else None
    if isinstance(error, NotSignedIn):
        code = "invalid_api_key"
    elif isinstance(error, RateLimited):
        code = "rate_limit_exceeded"
    elif isinstance(error, Forbidden):
        code = "insufficient_permissions"
    fields = getattr(error, "fields", ())
    if param is None and fields:
        param = path_of(str(fields[0].get("pointer", "")).split("/")[1:])
    return Told(status, error.sentence, _type(status), param, code, headers)


def _tell_invalid(error: RequestValidationError) -> Told:
    first = error.errors()[0]
    param = path_of([str(one) for one in first["loc"][1:] if _is_place(str(one))])
    match first["type"]:
        case "missing":
            message, code = f"Missing required parameter: '{param}'.", "missing_required_parameter"
        case "extra_forbidden":
            message, code = f"Unknown parameter: '{param}'.", "unknown_parameter"
        case kind:
            code = "invalid_type" if kind.endswith("_type") else "invalid_value"
            message = f"Invalid value for '{param}': {first['msg']}."
    return Told(HTTPStatus.BAD_REQUEST, message, "invalid_request_error", param, code)


def path_of(places: Sequence[str]) -> str | None:
    """`messages[0].content` of its parts; None where there are none."""
    path = "".join(f"[{one}]" if one.isdecimal() else f".{one}" for one in places)
    return path.lstrip(".") or None


def _is_place(part: str) -> bool:
    """Whether it names a field; the other parts name the branch of a union that was tried."""
    return re.fullmatch(r"[a-z_]+|\d+", part) is not None and part not in ("str", "list", "dict")


def _type(status: int) -> str:
    if status >= HTTPStatus.INTERNAL_SERVER_ERROR:
        return "server_error"
    if status == HTTPStatus.TOO_MANY_REQUESTS:
        return "rate_limit_error"
    return "permission_error" if status == HTTPStatus.FORBIDDEN else "invalid_request_error"
