"""The only way out: ask whom a person named, and nothing inside our own network.

A name is resolved once and every address it has is vetted; the connection goes to the vetted
address while TLS and `Host` carry the name, so that an answer of DNS that changes in between
changes nothing. `fetch` follows redirects, each a new request with the same checks; `send` never
does. Time, size and number of redirects are bounded. What is wrong is said without telling what
stands behind a name.
"""

import asyncio
import ipaddress
import re
import socket
import ssl
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from typing import Protocol
from urllib.parse import SplitResult, urljoin, urlsplit

import h11

from app.errors import Invalid

Address = ipaddress.IPv4Address | ipaddress.IPv6Address
Network = ipaddress.IPv4Network | ipaddress.IPv6Network
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
class Call:
    """What is asked of a server."""

    method: str
    headers: tuple[tuple[str, str], ...] = ()
    body: bytes = b""


@dataclass(frozen=True)
class Reply:
    """What a server answered, whatever its status."""

    status: int
    headers: Mapping[str, str]
    """By name in lower case."""
    body: bytes
    is_whole: bool
    """Whether that is all of the body, and not only as much as was asked for."""

    def header(self, name: str) -> str:
        """Its value; empty when it is not there."""
        return self.headers.get(name, "")


_PAGE_CALL = Call("GET", (("Accept", "text/html, text/markdown, text/plain"),))


class Ask(Protocol):
    """`send` with the networks of an installation already chosen."""

    def __call__(self, url: str, call: Call, limits: Limits = ..., /) -> Awaitable[Reply]:
        """See `send`."""
        ...


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


def read_networks(written: str) -> list[Network]:
    """Networks such as `10.1.0.0/16`, with commas between.

    Raises:
        ValueError: one of them is not a network.
    """
    return [ipaddress.ip_network(one.strip()) for one in written.split(",") if one.strip()]


def reaching(networks: list[Network]) -> IsAllowed:
    """The internet and these networks, which an installation's owner has named."""

    def is_allowed(address: Address) -> bool:
        inner = getattr(address, "ipv4_mapped", None) or address
        return is_public(address) or any(inner in net for net in networks)

    return is_allowed


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


async def send(
    url: str,
    call: Call,
    limits: Limits = Limits(),
    *,
    resolve: Resolve = resolve,
    is_allowed: IsAllowed = is_public,
) -> Reply:
    """Ask once and take any answer; of its body at most `limits.max_bytes`.

    Raises:
        FetchRefused: not an address we may ask, nobody there, too slow, or no HTTP.
    """
    try:
        async with asyncio.timeout(limits.timeout_s):
            target = read_target(url)
            addresses = await _vetted(target, resolve, is_allowed)
            return await _exchange(target, addresses, call, limits)
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
    reply = await _exchange(target, addresses, _PAGE_CALL, limits)
    if 300 <= reply.status < 400 and (where := reply.header("location")):
        return where
    if reply.status != 200:
        raise FetchRefused(f"The server answered with status {reply.status}.")
    if not reply.is_whole:
        raise FetchRefused(f"It is larger than {limits.max_bytes / 1e6:g} MB.")
    return _page(target, reply)


async def _exchange(target: _Target, addresses: list[str], call: Call, limits: Limits) -> Reply:
    """One request and its answer, over a connection of its own."""
    reader, writer = await _connect(target, addresses, limits)
    try:
        return await _talk(target, reader, writer, call, limits.max_bytes)
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
    target: _Target,
    reader: asyncio.StreamReader,
    writer: asyncio.StreamWriter,
    call: Call,
    max_bytes: int,
) -> Reply:
    http = h11.Connection(h11.CLIENT)
    for part in _request(target, call):
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
        elif isinstance(event, h11.Data):
            body += event.data
        elif isinstance(event, h11.ConnectionClosed):
            raise FetchRefused("The server's answer broke off or is no HTTP.")
        is_over = isinstance(event, h11.EndOfMessage)
        if is_over or len(body) > max_bytes:
            assert response is not None, "a body came before its head"
            return _reply(response, bytes(body[:max_bytes]), is_whole=len(body) <= max_bytes)


def _request(target: _Target, call: Call) -> list[h11.Event]:
    headers = [
        ("Host", target.host_header),
        ("User-Agent", "Careline"),
        ("Accept-Encoding", "identity"),
        ("Connection", "close"),
        *call.headers,
    ]
    if call.body:
        headers.append(("Content-Length", str(len(call.body))))
    parts: list[h11.Event] = [h11.Request(method=call.method, target=target.path, headers=headers)]
    if call.body:
        parts.append(h11.Data(data=call.body))
    return [*parts, h11.EndOfMessage()]


def _reply(response: h11.Response, body: bytes, *, is_whole: bool) -> Reply:
    headers = {
        name.decode("latin-1").lower(): value.decode("latin-1")
        for name, value in reversed(list(response.headers))  # of several the first one counts
    }
    return Reply(response.status_code, headers, body, is_whole)


def _page(target: _Target, reply: Reply) -> Fetched:
    if reply.header("content-encoding") not in ("", "identity"):
        raise FetchRefused("The server compressed the page although it was asked not to.")
    kind, _, rest = reply.header("content-type").partition(";")
    charset = re.search(r"charset=\"?([\w.:-]+)", rest, re.IGNORECASE)
    return Fetched(target.url, kind.strip().lower(), charset[1] if charset else None, reply.body)
