"""A program with a key at the terminal: speaks `/v1` to a running Careline, call by call."""

import json
import urllib.error
import urllib.request
from typing import Any, cast

from app.errors import AppError, Invalid, NotSignedIn, Unavailable

JsonObject = dict[str, Any]
_TIMEOUT_S = 120.0


class Remote:
    """`/v1` of one server under one key; calls block, so a coroutine makes them in a thread."""

    def __init__(self, url: str, key: str) -> None:
        if not url.startswith(("http://", "https://")):
            raise Invalid(f"--url: {url!r} is no address that begins with http:// or https://.")
        self._url = url.rstrip("/")
        self._key = key

    def call(
        self, method: str, path: str, body: JsonObject | None = None, *, once: str | None = None
    ) -> JsonObject:
        """The answer's document; `once` is an idempotency key, so that a repeated call is none.

        Raises:
            Unavailable: nobody answers there, or not now.
            NotSignedIn: the key does not work.
            AppError: the server refuses; its code and words.
        """
        headers = {"Authorization": f"Bearer {self._key}", "Accept": "application/json"}
        if once is not None:
            headers["Idempotency-Key"] = once
        data = None if body is None else json.dumps(body, ensure_ascii=False).encode()
        if data is not None:
            headers["Content-Type"] = "application/json"
        request = urllib.request.Request(  # the scheme was checked
            f"{self._url}{path}", data=data, headers=headers, method=method
        )
        try:
            with urllib.request.urlopen(request, timeout=_TIMEOUT_S) as answer:
                return _document(answer.read())
        except urllib.error.HTTPError as refused:
            raise _refusal(refused) from None
        except (OSError, ValueError) as error:
            raise Unavailable(f"No Careline answers at {self._url}: {error}.") from error


def _document(content: bytes) -> JsonObject:
    return cast(JsonObject, json.loads(content)) if content else {}


def _refusal(refused: urllib.error.HTTPError) -> AppError:
    try:
        told = _document(refused.read())
    except ValueError:
        told = {}
    places = [
        f"{one.get('pointer') or one.get('parameter')}: {one.get('detail')}"
        for one in told.get("errors", ())
    ]
    sentence = " ".join([str(told.get("detail", f"The server says {refused.code}.")), *places])
    if refused.code == NotSignedIn.status:
        return NotSignedIn(sentence)
    error = Unavailable(sentence) if refused.code >= 500 else AppError(sentence)
    error.code = str(told.get("code", error.code))
    wait = refused.headers.get("Retry-After", "")
    error.retry_after_s = float(wait) if wait.isdecimal() else None
    return error
