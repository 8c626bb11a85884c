"""What is fetched and what never is: the matrix of tricks, offline, against real listeners."""

import asyncio
import ipaddress
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager

import pytest

from app.outbound import (
    Call,
    FetchRefused,
    Limits,
    fetch,
    is_public,
    reaching,
    read_networks,
    read_target,
    send,
)
from app.outbound import Reply as Answer
from tests.patience import PATIENCE_S

Reply = Callable[[bytes], bytes]


@pytest.mark.parametrize(
    "url",
    [
        "ftp://shop.example/a",
        "file:///etc/passwd",
        "gopher://shop.example",
        "http://ok@127.0.0.1/",
        "http://127.0.0.1\\@shop.example/",
        "http://shop.example/a b",
        "http://shop.example/\r\nHost: other",
        "http://\tshop.example/",
        "http://2130706433/",
        "http://0x7f.1/",
        "http://0x7f000001/",
        "http://0177.0.0.1/",
        "http://127.1/",
        "http://1.2.3.4.5/",
        "http://shop.example:22/",
        "http://shop.example:99999/",
        "http:///nowhere",
        "http://[::1",
        "http://ex ample/",
        "http://-shop.example/",
        "//shop.example/",
        "",
    ],
)
def test_what_is_no_plain_address_is_refused_before_anything_is_resolved(url: str) -> None:
    with pytest.raises(FetchRefused):
        read_target(url)


@pytest.mark.parametrize(
    "address",
    [
        "127.0.0.1",
        "0.0.0.0",
        "10.1.2.3",
        "172.16.0.1",
        "192.168.1.1",
        "100.64.0.1",
        "169.254.169.254",
        "168.63.129.16",
        "192.0.2.1",
        "198.18.0.1",
        "224.0.0.1",
        "255.255.255.255",
        "::",
        "::1",
        "::ffff:127.0.0.1",
        "::ffff:7f00:1",
        "::ffff:a9fe:a9fe",
        "fd00:ec2::254",
        "fe80::1",
        "ff02::1",
        "64:ff9b::7f00:1",
        "2002:7f00:1::",
        "2001:0:7f00:1::",
        "2001:db8::1",
    ],
)
def test_an_address_that_is_not_of_the_internet_is_known_in_every_notation(address: str) -> None:
    assert not is_public(ipaddress.ip_address(address))


@pytest.mark.parametrize(
    "address", ["93.184.215.14", "8.8.8.8", "2606:4700::1111", "::ffff:8.8.8.8"]
)
def test_an_address_of_the_internet_is_allowed(address: str) -> None:
    assert is_public(ipaddress.ip_address(address))


@pytest.mark.parametrize(
    "found",
    [["10.0.0.7"], ["93.184.215.14", "10.0.0.7"], ["93.184.215.14", "::1"], ["fe80::1%eth0"]],
)
async def test_a_name_with_one_private_address_is_refused(found: list[str]) -> None:
    async def resolve(_host: str, _port: int) -> list[str]:
        return found

    with pytest.raises(FetchRefused, match="private network"):
        await fetch("http://shop.example/", resolve=resolve)


@asynccontextmanager
async def host(reply: Reply) -> AsyncIterator[int]:
    """A server that answers every request with these bytes and closes."""

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(reply(await reader.readuntil(b"\r\n\r\n")))
        writer.close()

    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    async with server:
        yield server.sockets[0].getsockname()[1]


def page(body: bytes, *, head: str = "Content-Type: text/html; charset=utf-8") -> bytes:
    return f"HTTP/1.1 200 OK\r\n{head}\r\nContent-Length: {len(body)}\r\n\r\n".encode() + body


def local_only(*addresses: str) -> Callable[[str, int], Awaitable[list[str]]]:
    """A resolver whose answer changes with every question, as in DNS rebinding."""
    answers = iter(addresses)

    async def resolve(_host: str, _port: int) -> list[str]:
        return [next(answers)]

    return resolve


def is_test_net(address: ipaddress.IPv4Address | ipaddress.IPv6Address) -> bool:
    """Stands for "public" where the listener must be on this machine."""
    return str(address) == "127.0.0.1"


async def test_a_page_comes_with_its_type_and_the_name_as_host() -> None:
    heard: list[bytes] = []

    def reply(request: bytes) -> bytes:
        heard.append(request)
        return page(b"<h1>Hello</h1>")

    async with host(reply) as port:
        found = await fetch(
            f"http://shop.example:{port}/a?b=1",
            resolve=local_only("127.0.0.1"),
            is_allowed=is_test_net,
        )

    assert (found.media_type, found.charset, found.body) == (
        "text/html",
        "utf-8",
        b"<h1>Hello</h1>",
    )
    assert heard[0].startswith(b"GET /a?b=1 HTTP/1.1\r\n")
    assert f"Host: shop.example:{port}".encode() in heard[0]


async def test_every_redirect_is_vetted_anew() -> None:
    def reply(_request: bytes) -> bytes:
        return (
            b"HTTP/1.1 302 Found\r\nLocation: http://metadata.example/\r\nContent-Length: 0\r\n\r\n"
        )

    async with host(reply) as port:
        with pytest.raises(FetchRefused, match="private network"):
            await fetch(
                f"http://shop.example:{port}/",
                resolve=local_only("127.0.0.1", "169.254.169.254"),
                is_allowed=is_test_net,
            )


async def test_redirects_end() -> None:
    def reply(_request: bytes) -> bytes:
        return b"HTTP/1.1 301 Moved\r\nLocation: /again\r\nContent-Length: 0\r\n\r\n"

    async with host(reply) as port:
        with pytest.raises(FetchRefused, match="more than 2 times"):
            await fetch(
                f"http://shop.example:{port}/",
                limits=Limits(max_redirects=2),
                resolve=local_only(*["127.0.0.1"] * 9),
                is_allowed=is_test_net,
            )


@pytest.mark.parametrize(
    ("answer", "reason"),
    [
        (page(b"x" * 2_000), "larger than"),
        (page(b"x", head="Content-Encoding: gzip"), "compressed"),
        (b"HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\n\r\n", "status 404"),
        (b"SSH-2.0-OpenSSH_9.6\r\n", "no HTTP"),
        (b"HTTP/1.1 200 OK\r\nContent-Length: 99\r\n\r\nhalf", "broke off"),
        (b"", "broke off"),
    ],
)
async def test_what_is_no_whole_page_is_refused(answer: bytes, reason: str) -> None:
    async with host(lambda _: answer) as port:
        with pytest.raises(FetchRefused, match=reason):
            await fetch(
                f"http://shop.example:{port}/",
                limits=Limits(max_bytes=1_000),
                resolve=local_only("127.0.0.1"),
                is_allowed=is_test_net,
            )


async def test_a_host_that_says_nothing_is_given_up() -> None:
    is_over = asyncio.Event()

    async def silent(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.read()
        writer.close()
        await writer.wait_closed()
        is_over.set()

    server = await asyncio.start_server(silent, "127.0.0.1", 0)
    async with server:
        port = server.sockets[0].getsockname()[1]
        with pytest.raises(FetchRefused, match="longer than"):
            await fetch(
                f"http://shop.example:{port}/",
                limits=Limits(timeout_s=0.1),
                resolve=local_only("127.0.0.1"),
                is_allowed=is_test_net,
            )
        async with asyncio.timeout(PATIENCE_S):
            await is_over.wait()


async def test_a_name_without_an_address_is_told() -> None:
    async def resolve(_host: str, _port: int) -> list[str]:
        raise OSError("no such name")

    with pytest.raises(FetchRefused, match="no such host"):
        await fetch("http://nowhere.example/", resolve=resolve)


async def ask(port: int, call: Call, *, max_bytes: int = 100) -> Answer:
    return await send(
        f"http://shop.example:{port}/hook?a=1",
        call,
        Limits(max_bytes=max_bytes),
        resolve=local_only("127.0.0.1"),
        is_allowed=is_test_net,
    )


async def test_what_is_sent_arrives_whole_and_a_redirect_is_only_an_answer() -> None:
    heard: list[bytes] = []

    def reply(request: bytes) -> bytes:
        heard.append(request)
        return b"HTTP/1.1 302 Found\r\nLocation: http://127.0.0.1/\r\nContent-Length: 2\r\n\r\nno"

    async with host(reply) as port:
        answer = await ask(port, Call("POST", (("Content-Type", "text/plain"),), "grüß".encode()))

    assert (answer.status, answer.body, answer.is_whole) == (302, b"no", True)
    assert answer.header("location") == "http://127.0.0.1/"
    assert heard[0].startswith(b"POST /hook?a=1 HTTP/1.1\r\n")
    assert b"Content-Length: 6\r\n" in heard[0] and b"Content-Type: text/plain" in heard[0]


async def test_of_a_long_answer_the_beginning_is_enough() -> None:
    async with host(lambda _: page(b"x" * 1_000_000)) as port:
        answer = await ask(port, Call("POST", (), b"{}"))

    assert (answer.status, answer.body, answer.is_whole) == (200, b"x" * 100, False)


async def test_nothing_is_sent_into_a_private_network_unless_the_owner_named_it() -> None:
    everywhere = local_only("127.0.0.1", "127.0.0.1", "10.1.2.3")
    named = reaching(read_networks("127.0.0.1/32, 10.9.0.0/16"))
    async with host(lambda _: page(b"ok")) as port:
        url = f"http://intranet.example:{port}/"
        with pytest.raises(FetchRefused, match="private network"):
            await send(url, Call("GET"), resolve=everywhere)
        answer = await send(url, Call("GET"), resolve=everywhere, is_allowed=named)
        with pytest.raises(FetchRefused, match="private network"):
            await send(url, Call("GET"), resolve=everywhere, is_allowed=named)

    assert answer.body == b"ok"
