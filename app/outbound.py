"""The only way out: fetch what a person named, and nothing inside our own network.

A name is resolved once and every address it has is vetted; the connection goes to the vetted
address while TLS and `Host` carry the name, so that an answer of DNS that changes in between
changes nothing. Redirects are new requests with the same checks. Time, size and number of redirects
are bounded. What is wrong is said without telling what stands behind a name.
"""

import asyncio
import ipaddress
import re
import socket
import ssl
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from urllib.parse import SplitResult, urljoin, urlsplit

import h11

from app.errors import Invalid

Address = ipaddress.IPv4Address | ipaddress.IPv6Address
Resolve = Callable[[str, int], Awaitable[list[str]]]
IsAllowed = Callable[[Address], bool]

_PORTS = {"http": 80, "https": 443}
_FIRST_FREE_PORT = 1_024
_LABEL = r"[a-z0-9_](?:[a-z0-9_-]{0,61}[a-z0-9_])?"
_NAME = re.compile(rf"{_LABEL}(?:\.{_LABEL})*\.?")
_QUAD = re.compile(r"(?:0|[1-9][0-9]{0,2})(?:\.(?:0|[1-9][0-9]{0,2})){3}")
_FORBIDDEN = re.compile(r"[\x00-\x20\x7f\\]")
_READ_BYTES = 65_536
# Networks that lead to IPv4 addresses of any kind, and one cloud's metadata on a public address.
_TUNNELS = [
    ipaddress.ip_network(one)
    for one in ("64:ff9b::/96", "64:ff9b:1::/48", "2002::/16", "2001::/32", "168.63.129.16/32")
]


class FetchRefused(Invalid):
    """It was not fetched, or not wholly; the sentence may be shown to who asked."""


@dataclass(frozen=True)
class Limits:
    """What a request may cost."""

    max_bytes: int = 2_000_000
    max_redirects: int = 3
    connect_timeout_s: float = 5.0
    timeout_s: float = 15.0
    """Of everything, redirects included."""


@dataclass(frozen=True)
class Fetched:
    """A page as it came."""

    url: str
    """Where it was found in the end."""
    media_type: str
    charset: str | None
    body: bytes


@dataclass(frozen=True)
class _Target:
    url: str
    scheme: str
    host: str
    port: int
    path: str
    host_header: str


def is_public(address: Address) -> bool:
    """Whether it belongs to the internet, whatever notation hides it."""
    inner = getattr(address, "ipv4_mapped", None)
    if inner is not None:
        return is_public(inner)
    is_tunnel = any(address in net for net in _TUNNELS if net.version == address.version)
    return address.is_global and not address.is_multicast and not is_tunnel


async def resolve(host: str, port: int) -> list[str]:
    """All addresses of a name, by the system's resolver."""
    loop = asyncio.get_running_loop()
    found = await loop.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    return list(dict.fromkeys(str(one[4][0]) for one in found))


async def fetch(
    url: str,
    *,
    limits: Limits = Limits(),
    resolve: Resolve = resolve,
    is_allowed: IsAllowed = is_public,
) -> Fetched:
    """GET a page.

    Raises:
        FetchRefused: not an address we may ask, too slow, too large, or no success.
    """
    try:
        async with asyncio.timeout(limits.timeout_s):
            return await _follow(url, limits, resolve, is_allowed)
    except TimeoutError as error:
        raise FetchRefused(f"It took longer than {limits.timeout_s:g} s.") from error


async def _follow(url: str, limits: Limits, resolve: Resolve, is_allowed: IsAllowed) -> Fetched:
    was_secure = False
    for _ in range(limits.max_redirects + 1):
        target = read_target(url)
        if was_secure and target.scheme == "http":
            raise FetchRefused("It redirects from https to http.")
        was_secure = target.scheme == "https"
        addresses = await _vetted(target, resolve, is_allowed)
        answer = await _get(target, addresses, limits)
        if isinstance(answer, Fetched):
            return answer
        url = urljoin(target.url, answer)
    raise FetchRefused(f"It redirects more than {limits.max_redirects} times.")


def read_target(url: str) -> _Target:
    """The parts of an address, read strictly: what two parsers could read differently is refused.

    Raises:
        FetchRefused: it is not a plain http or https address.
    """
    if _FORBIDDEN.search(url):
        raise FetchRefused("The address contains blanks, backslashes or control characters.")
    try:
        parts = urlsplit(url)
        port = parts.port
    except ValueError as error:
        raise FetchRefused("This is not an address of a page.") from error
    if parts.scheme not in _PORTS:
        raise FetchRefused("Only http and https addresses can be fetched.")
    if "@" in parts.netloc:
        raise FetchRefused("The address must not contain a user name.")
    host = _host(parts)
    chosen = port or _PORTS[parts.scheme]
    if chosen not in _PORTS.values() and chosen < _FIRST_FREE_PORT:
        raise FetchRefused(f"Port {chosen} is not one of a web server.")
    path = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
    if not path.isascii():
        raise FetchRefused("The address must be percent-encoded.")
    shown = f"[{host}]" if ":" in host else host
    header = shown if chosen == _PORTS[parts.scheme] else f"{shown}:{chosen}"
    return _Target(url, parts.scheme, host, chosen, path, header)


def _host(parts: SplitResult) -> str:
    host = parts.hostname or ""
    if ":" in host:
        try:
            return str(ipaddress.IPv6Address(host))
        except ValueError as error:
            raise FetchRefused("This is not an address of a page.") from error
    try:
        host = host.encode("idna").decode() if not host.isascii() else host
    except UnicodeError as error:
        raise FetchRefused("This is not the name of a host.") from error
    if not _NAME.fullmatch(host):
        raise FetchRefused("This is not the name of a host.")
    # "127.1", "0x7f.1", "2130706433": numbers that some resolvers take for addresses.
    last = host.rstrip(".").rsplit(".", 1)[-1]
    if re.fullmatch(r"[0-9]+|0x[0-9a-f]*", last) and not _QUAD.fullmatch(host):
        raise FetchRefused("This is not the name of a host.")
    return host


async def _vetted(target: _Target, resolve: Resolve, is_allowed: IsAllowed) -> list[str]:
    try:
        found = await resolve(target.host, target.port)
    except (OSError, UnicodeError) as error:
        raise FetchRefused("There is no such host.") from error
    addresses = [ipaddress.ip_address(one.split("%", 1)[0]) for one in found]
    if not addresses:
        raise FetchRefused("There is no such host.")
    if not all(map(is_allowed, addresses)):
        raise FetchRefused("This leads into a private network, which is not fetched from.")
    return [str(address) for address in addresses]


async def _get(target: _Target, addresses: list[str], limits: Limits) -> Fetched | str:
    """The page, or where it redirects to."""
    reader, writer = await _connect(target, addresses, limits)
    try:
        return await _talk(target, reader, writer, limits)
    except (OSError, h11.ProtocolError, asyncio.IncompleteReadError) as error:
        raise FetchRefused("The server's answer broke off or is no HTTP.") from error
    finally:
        writer.close()


async def _connect(
    target: _Target, addresses: list[str], limits: Limits
) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
    secure = ssl.create_default_context() if target.scheme == "https" else None
    name = target.host.rstrip(".") if secure else None
    for address in addresses:
        try:
            async with asyncio.timeout(limits.connect_timeout_s):
                return await asyncio.open_connection(
                    address, target.port, ssl=secure, server_hostname=name
                )
        except ssl.SSLError as error:
            raise FetchRefused("Its certificate is not valid.") from error
        except (OSError, TimeoutError):
            continue
    raise FetchRefused("The host does not answer.")


async def _talk(
    target: _Target, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, limits: Limits
) -> Fetched | str:
    http = h11.Connection(h11.CLIENT)
    headers = [
        ("Host", target.host_header),
        ("User-Agent", "Careline"),
        ("Accept", "text/html, text/markdown, text/plain"),
        ("Accept-Encoding", "identity"),
        ("Connection", "close"),
    ]
    request = h11.Request(method="GET", target=target.path, headers=headers)
    for part in (request, h11.EndOfMessage()):
        writer.write(http.send(part) or b"")
    await writer.drain()
    response: h11.Response | None = None
    body = b""
    while True:
        event = http.next_event()
        if event is h11.NEED_DATA:
            http.receive_data(await reader.read(_READ_BYTES))
        elif isinstance(event, h11.Response):
            response = event
            where = _redirect(event)
            if where is not None:
                return where
        elif isinstance(event, h11.Data):
            body += event.data
            if len(body) > limits.max_bytes:
                raise FetchRefused(f"It is larger than {limits.max_bytes / 1e6:g} MB.")
        elif isinstance(event, h11.EndOfMessage):
            assert response is not None, "a body came before its head"
            return _page(target, response, bytes(body))
        elif isinstance(event, h11.ConnectionClosed):
            raise FetchRefused("The server's answer broke off or is no HTTP.")


def _redirect(response: h11.Response) -> str | None:
    if 300 <= response.status_code < 400 and (where := _header(response, b"location")):
        return where
    if response.status_code != 200:
        raise FetchRefused(f"The server answered with status {response.status_code}.")
    return None


def _page(target: _Target, response: h11.Response, body: bytes) -> Fetched:
    encoding = _header(response, b"content-encoding")
    if encoding not in ("", "identity"):
        raise FetchRefused("The server compressed the page although it was asked not to.")
    kind, _, rest = _header(response, b"content-type").partition(";")
    charset = re.search(r"charset=\"?([\w.:-]+)", rest, re.IGNORECASE)
    return Fetched(target.url, kind.strip().lower(), charset[1] if charset else None, body)


def _header(response: h11.Response, name: bytes) -> str:
    found = [value for key, value in response.headers if key == name]
    return found[0].decode("latin-1") if found else ""
