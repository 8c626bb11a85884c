"""Which pages may embed a site's widget and open a socket; pure.

Browsers always send an Origin and cannot forge it, so it decides for them; a program that is no
browser sends none and gains nothing by it, because no cookie travels along on its own.
"""

import re
from collections.abc import Collection
from urllib.parse import urlsplit

from app.errors import Invalid

_DEFAULT_PORTS = {"http": 80, "https": 443}
_LABEL = re.compile(r"[a-z0-9_]([a-z0-9_-]{0,61}[a-z0-9_])?")


def is_same_origin(origin: str, host: str) -> bool:
    """Whether the page came from this server; `host` is the request's Host header."""
    parts = urlsplit(origin)
    return parts.scheme in ("http", "https") and bool(host) and parts.netloc == host


def is_allowed(origin: str | None, host: str, allowed: Collection[str]) -> bool:
    """Whether a page of `origin` may connect, `allowed` being the site's own list."""
    return origin is None or is_same_origin(origin, host) or is_listed(origin, allowed)


def is_listed(origin: str, allowed: Collection[str]) -> bool:
    """Whether it is one of them; `https://*.shop.example` stands for all below, not for itself."""
    if origin in allowed:
        return "*" not in origin
    scheme, _, host = origin.partition("://")
    wildcards = {f"{scheme}://*.{above}" for above in _above(host)} if _is_host(host) else set()
    return any(one in wildcards for one in allowed)


def read_origin(written: str) -> str:
    """An origin as a browser spells it: no path, no default port, lower case, ASCII.

    Raises:
        Invalid: it is none, or says more than one.
    """
    text = written.strip()
    refusal = Invalid(f"“{text[:80]}” is not an origin such as https://shop.example.")
    try:
        parts = urlsplit(text if "://" in text else f"https://{text}")
        host, port = (parts.hostname or "").encode("idna").decode(), parts.port
    except ValueError as error:
        raise refusal from error
    is_bare = parts.path in ("", "/") and not (parts.query or parts.fragment or parts.username)
    if parts.scheme not in _DEFAULT_PORTS or not is_bare or not _is_host(host.removeprefix("*.")):
        raise refusal
    shown_port = "" if port in (None, _DEFAULT_PORTS[parts.scheme]) else f":{port}"
    return f"{parts.scheme}://{host}{shown_port}"


def _above(host: str) -> list[str]:
    """The domains a host lies below, its port kept."""
    labels = host.split(".")
    return [".".join(labels[n:]) for n in range(1, len(labels) - 1)]


def _is_host(host: str) -> bool:
    name = host.partition(":")[0]
    return bool(name) and all(_LABEL.fullmatch(label) for label in name.split("."))
