"""Which pages may open a socket; pure.

Browsers always send an Origin and cannot forge it, so it decides for them; a program that is no
browser sends none and gains nothing by it, because no cookie travels along on its own.
"""

from collections.abc import Collection
from urllib.parse import urlsplit


def is_same_origin(origin: str, host: str) -> bool:
    """Whether the page came from this server; `host` is the request's Host header."""
    parts = urlsplit(origin)
    return parts.scheme in ("http", "https") and bool(host) and parts.netloc == host


def is_allowed(origin: str | None, host: str, allowed: Collection[str]) -> bool:
    """Whether a page of `origin` may connect, `allowed` being the site's own list."""
    return origin is None or is_same_origin(origin, host) or origin in allowed
