"""Bodies as the API takes them: bounded, JSON, and nothing the stores or pages would choke on.

Python's reader takes more than JSON (NaN, the last of two equal keys, half a surrogate pair), and
PostgreSQL takes less text than JSON (no NUL); both are told here, once, before anything else runs.
"""

import json
import math
from collections.abc import Iterator
from typing import Any, NoReturn

from starlette.requests import Request

from app.api.errors import BadField, BadJson, BadParameter, BodyTooLarge, NotJson

MAX_BODY_BYTES = 1_048_576
MAX_FORM_BYTES = 24 * 1_048_576
_SHOWN_CHARS = 40
_SUSPICIOUS = (b"\\u0000", b"\\ud", b"\\uD")


async def read_body(request: Request, limit_bytes: int) -> bytes:
    """The body; routes that read it later find it read.

    Raises:
        BodyTooLarge: it is longer than `limit_bytes`.
    """
    chunks, size = [], 0
    async for chunk in request.stream():
        size += len(chunk)
        if size > limit_bytes:
            _refuse_size(limit_bytes)
        chunks.append(chunk)
    body = b"".join(chunks)
    request._body = body  # where Starlette keeps what it has read
    return body


def check_size(request: Request, limit_bytes: int) -> None:
    """Raises: BodyTooLarge unless a form says beforehand that it fits."""
    told = request.headers.get("content-length", "")
    if not told.isdecimal() or len(told) > 12 or int(told) > limit_bytes:
        raise BodyTooLarge(f"A form needs a Content-Length of at most {limit_bytes:,} bytes.")


def check_json(request: Request, body: bytes) -> None:
    """Look a body over before it is parsed into a schema.

    Raises:
        NotJson: it says that it is something else.
        BadJson: it is no JSON: broken, not UTF-8, NaN, equal keys, nested too deep, a huge number.
        BadField: a text in it holds NUL or half of a surrogate pair.
    """
    media_type = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    if media_type != "application/json" and not media_type.endswith("+json"):
        raise NotJson
    value = _parse(body)
    if any(mark in body for mark in _SUSPICIOUS):
        for pointer, text in _texts(value):
            _check_text(pointer, text)


def check_query(request: Request, known: frozenset[str]) -> None:
    """A filter that is misspelt would show everything, so only `known` names are let through.

    Raises:
        BadParameter: a name is unknown, or stands there twice.
    """
    names = [name for name, _ in request.query_params.multi_items()]
    for name in names:
        shown = name[:_SHOWN_CHARS]
        if name not in known:
            raise BadParameter(shown, f"There is no parameter {shown!r} here.", "unknown")
        if names.count(name) > 1:
            raise BadParameter(shown, f"The parameter {shown!r} is given twice.", "twice")


def _parse(body: bytes) -> Any:
    try:
        return json.loads(
            body.decode("utf-8"),
            object_pairs_hook=_unique,
            parse_constant=_refuse_constant,
            parse_float=_finite,
        )
    except UnicodeDecodeError as error:
        raise BadJson(f"The body is not UTF-8 at byte {error.start:,}.") from None
    except json.JSONDecodeError as error:
        told = f"line {error.lineno}, column {error.colno}"
        raise BadJson(f"The body is not JSON: {error.msg} at {told}.") from None
    except RecursionError:
        raise BadJson("The body is nested too deep.") from None
    except ValueError:  # more digits than Python converts
        raise BadJson("The body holds a number of too many digits.") from None


def _unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) != len(pairs):
        names = [name for name, _ in pairs]
        twice = next(name for name in names if names.count(name) > 1)
        raise BadJson(f"The body names {json.dumps(twice[:40])} twice in one object.")
    return found


def _finite(digits: str) -> float:
    number = float(digits)
    if math.isinf(number):
        raise BadJson(f"{digits[:40]} is too large a number.")
    return number


def _refuse_constant(word: str) -> NoReturn:
    raise BadJson(f"{word} is not a JSON number.")


def _texts(value: Any) -> Iterator[tuple[str, str]]:
    """Every string with its pointer, keys too; without recursion, as deep as it may be."""
    waiting = [("", value)]
    while waiting:
        pointer, one = waiting.pop()
        if isinstance(one, str):
            yield pointer, one
        elif isinstance(one, dict):
            for name, inner in one.items():
                yield pointer, name
                waiting.append((f"{pointer}/{escape(name)}", inner))
        elif isinstance(one, list):
            waiting += [(f"{pointer}/{i}", inner) for i, inner in enumerate(one)]


def escape(name: str) -> str:
    """A name as part of a JSON pointer (RFC 6901)."""
    return name.replace("~", "~0").replace("/", "~1")


def _check_text(pointer: str, text: str) -> None:
    shown = pointer.encode("utf-8", "replace").decode()
    if "\0" in text:
        raise BadField(shown, "A text cannot hold NUL characters.")
    try:
        text.encode("utf-8")
    except UnicodeEncodeError:
        raise BadField(shown, "A text holds half of a surrogate pair.") from None


def _refuse_size(limit_bytes: int) -> NoReturn:
    raise BodyTooLarge(f"A body may have {limit_bytes:,} bytes; this one has more.")
