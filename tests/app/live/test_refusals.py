"""Bad input over the real socket: each a clear error with a code, and nothing is lost."""

import contextlib
import json
from collections.abc import AsyncIterator
from datetime import UTC, datetime

import pytest
from sqlalchemy import func, select
from sqlalchemy.ext.asyncio import AsyncSession
from websockets.asyncio.client import connect
from websockets.exceptions import ConnectionClosed, InvalidStatus

from app import access
from app.models import Contact, VisitorSession
from app.security import Secrets
from app.settings import Settings
from app.vocabulary import AgentRole
from tests.care_client import CareClient, agent_headers
from tests.conftest import Served
from tests.factories import ORIGIN, open_shop

UNKNOWN = "01999999-0000-7000-8000-000000000000"


@pytest.fixture
async def customer(served: Served) -> AsyncIterator[CareClient]:
    """A greeted widget."""
    async with served.client() as client:
        await client.hello()
        yield client


@pytest.mark.parametrize(
    "raw",
    [
        "{not json",
        "",
        "null",
        "[]",
        "17",
        '"hello"',
        "{}",
        '{"t": "no.such.frame"}',
        '{"t": 7}',
        '{"t": "ping"}',
        '{"t": "ping", "n": "seven"}',
        '{"t": "ping", "n": -1}',
        '{"t": "ping", "n": 1e400}',
        '{"t": "ping", "n": NaN}',
        '{"t": "ping", "n": 1, "extra": true}',
        '{"t": "message.send", "cid": "1"}',
        '{"t": "message.send", "cid": "", "text": "x"}',
        '{"t": "message.send", "cid": "1", "text": "\\ud800"}',
        '{"t": "message.send", "cid": "1", "text": 5}',
        '{"t": "message.send", "cid": "1", "text": "x", "c": "not an id"}',
        '{"t": "sync", "c": "' + UNKNOWN + '", "after": -1}',
        '{"t": "sync", "c": "' + UNKNOWN + '", "after": 9223372036854775808}',
        '{"t": "sync", "c": "' + UNKNOWN + '", "after": "abc"}',
        '{"t": "hello", "proto": 1, "role": "widget", "site": "pk_test"}',
        "[" * 30_000,
        '{"a":' * 10_000,
        b"\x00\x01",
        b'{"t": "ping", "n": 1}',
    ],
    ids=lambda raw: str(raw)[:40],
)
@pytest.mark.parametrize("store", ["sqlite"], indirect=True)
async def test_what_is_no_frame_closes_with_4400(customer: CareClient, raw: str | bytes) -> None:
    await customer.send_raw(raw)

    assert await customer.wait_closed() == 4400


async def test_the_conversation_survives_a_bad_frame(served: Served) -> None:
    async with served.client() as customer:
        await customer.hello()
        c = (await customer.say("Hello"))["d"]["c"]
        await customer.send_raw("{not json")
        await customer.wait_closed()

        async with served.client() as again:
            await again.hello(session=customer.session, resume={c: 0})
            view = await again.wait_for_seq(c, 1)

    assert view.texts() == [("customer", "Hello")]


@pytest.mark.parametrize(
    ("text", "code"), [("x" * 4_001, "too_long"), ("  ", "empty"), ("a\0b", "invalid")]
)
async def test_a_text_that_does_not_fit_is_refused_and_the_socket_stays(
    customer: CareClient, text: str, code: str
) -> None:
    nack = await customer.say(text, cid="the id")

    assert (nack["t"], nack["d"]["code"], nack["d"]["cid"]) == ("nack", code, "the id")
    assert nack["d"]["message"]
    assert (await customer.say("x" * 4_000))["t"] == "ack"


@pytest.mark.parametrize("store", ["sqlite"], indirect=True)
@pytest.mark.parametrize("size", [65_537, 1_000_000])
async def test_a_frame_over_the_limit_closes_with_4413(customer: CareClient, size: int) -> None:
    await customer.send_raw(" " * size)

    assert await customer.wait_closed() == 4413


@pytest.mark.parametrize("store", ["sqlite"], indirect=True)
async def test_a_message_far_over_the_limit_is_not_even_read(customer: CareClient) -> None:
    with contextlib.suppress(ConnectionClosed):  # the answer may come while we still send
        await customer.send_raw(" " * (4 << 20))

    assert await customer.wait_closed() == 1009


@pytest.mark.parametrize(
    "origin",
    [
        "https://evil.example",
        "null",
        "https://shop.example.evil.example",
        "https://sub.shop.example",
        "http://shop.example",
        "https://shop.example:8443",
        "file://",
        "",
    ],
)
@pytest.mark.parametrize("store", ["sqlite"], indirect=True)
async def test_a_page_of_another_origin_is_refused_before_the_socket_opens(
    served: Served, origin: str
) -> None:
    url = f"ws://127.0.0.1:{served.port}/ws/v1"

    with pytest.raises(InvalidStatus) as refused:
        await connect(url, additional_headers={"Origin": origin})

    assert refused.value.response.status_code == 403
    problem = json.loads(refused.value.response.body or b"")
    assert (problem["code"], problem["close_code"]) == ("origin_not_allowed", 4403)


@pytest.mark.parametrize("store", ["sqlite"], indirect=True)
async def test_our_own_pages_and_the_sites_may_connect(served: Served) -> None:
    for origin in (ORIGIN, served.http_url, None):
        headers = {"Origin": origin} if origin else {}
        async with served.client(**headers) as customer:
            assert (await customer.hello())["role"] == "widget"


async def test_an_origin_of_another_site_is_refused_at_hello(served: Served) -> None:
    await open_shop(served.parts.database, "pk_other")
    async with served.parts.database.work() as work:
        other = await access.inbox(work.session, "pk_other")
        other.allowed_origins = ["https://other.example"]

    async with served.client(Origin="https://other.example") as customer:
        await customer.send("hello", proto=1, role="widget", site=served.shop.site)

        assert await customer.wait_closed() == 4403


async def test_an_agents_socket_opens_only_from_our_own_pages(served: Served) -> None:
    headers = await agent_headers(served.parts, served.shop.agent)
    async with served.client(Origin=ORIGIN, **headers) as desk:
        cookie = headers["Cookie"].split("=", 1)[1]
        csrf = served.parts.secrets.csrf_token(cookie)
        await desk.send("hello", proto=1, role="agent", csrf=csrf)

        assert await desk.wait_closed() == 4403


@pytest.mark.parametrize("kind", ["never ours", "of another site", "forged", "empty"])
async def test_a_wrong_token_closes_with_4401(served: Served, kind: str) -> None:
    token = {
        "never ours": "a" * 43,
        "of another site": served.parts.secrets.new_visitor_token("pk_other"),
        "forged": served.parts.secrets.new_visitor_token(served.shop.site)[:-1] + "!",
        "empty": "",
    }[kind]
    async with served.client() as customer:
        await customer.send("hello", proto=1, role="widget", site=served.shop.site, session=token)

        assert await customer.wait_closed() == 4401


async def test_an_expired_session_closes_with_4401(served: Served) -> None:
    async with served.client() as customer:
        await customer.hello()
        await customer.say("Hello")
        async with served.parts.database.work() as work:
            stored = (await work.session.scalars(select(VisitorSession))).one()
            stored.expires_at = datetime(2026, 1, 1, tzinfo=UTC)

        async with served.client() as again:
            await again.send(
                "hello", proto=1, role="widget", site=served.shop.site, session=customer.session
            )
            assert await again.wait_closed() == 4401


async def test_an_unknown_site_closes_with_4401(served: Served) -> None:
    async with served.client() as customer:
        await customer.send("hello", proto=1, role="widget", site="pk_unknown")

        assert await customer.wait_closed() == 4401


@pytest.mark.parametrize("kind", ["no cookie", "wrong csrf", "forged cookie", "password changed"])
async def test_an_agent_without_a_good_sign_in_closes_with_4401(served: Served, kind: str) -> None:
    agent = served.shop.agent
    headers = await agent_headers(served.parts, agent)
    csrf = served.parts.secrets.csrf_token(headers["Cookie"].split("=", 1)[1])
    if kind == "no cookie":
        headers = {}
    elif kind == "wrong csrf":
        csrf = "0" * 64
    elif kind == "forged cookie":
        other = Secrets(b"another key " * 4, visitor_days=1, sign_in_days=1)
        cookie = other.agent_cookie(agent.agent_id, "hash")
        headers = {"Cookie": f"careline_agent={cookie}"}
        csrf = served.parts.secrets.csrf_token(cookie)
    else:
        cookie = served.parts.secrets.agent_cookie(agent.agent_id, "the old hash")
        headers = {"Cookie": f"careline_agent={cookie}"}
        csrf = served.parts.secrets.csrf_token(cookie)

    async with served.client(**headers) as desk:
        await desk.send("hello", proto=1, role="agent", csrf=csrf)

        assert await desk.wait_closed() == 4401


async def test_a_frame_before_hello_closes_with_4401(served: Served) -> None:
    async with served.client() as customer:
        await customer.send("message.send", cid="1", text="Hello")

        assert await customer.wait_closed() == 4401


class TestImpatient:
    """With a short time for the greeting."""

    @pytest.fixture
    def settings(self, settings: Settings) -> Settings:
        return settings.model_copy(update={"hello_timeout_s": 0.05})

    @pytest.mark.parametrize("store", ["sqlite"], indirect=True)
    async def test_silence_closes_with_4408(self, served: Served) -> None:
        async with served.client() as customer:
            assert await customer.wait_closed() == 4408


class TestThrottled:
    """With low limits."""

    @pytest.fixture
    def settings(self, settings: Settings) -> Settings:
        low = {
            "frames_burst": 5,
            "frames_per_s": 0.001,
            "messages_burst": 2,
            "messages_per_s": 0.001,
        }
        return settings.model_copy(update=low)

    @pytest.mark.parametrize("store", ["sqlite"], indirect=True)
    async def test_too_many_messages_are_refused_with_a_time_to_wait(self, served: Served) -> None:
        async with served.client() as customer:
            await customer.hello()
            acks = [await customer.say(f"Message {number}") for number in range(3)]

        assert [ack["t"] for ack in acks] == ["ack", "ack", "nack"]
        assert acks[2]["d"]["code"] == "rate_limited"
        assert acks[2]["d"]["retry_after"] > 0

    @pytest.mark.parametrize("store", ["sqlite"], indirect=True)
    async def test_too_many_frames_close_with_4429(self, served: Served) -> None:
        async with served.client() as customer:
            await customer.hello()
            for number in range(6):
                await customer.send("ping", n=number)

            assert await customer.wait_closed() == 4429


@pytest.mark.parametrize(
    ("kind", "fields"),
    [
        ("message.send", {"cid": "1", "text": "Hello"}),
        ("answer.stop", {}),
        ("handoff.request", {}),
        ("typing", {"on": True}),
        ("read", {"s": 1}),
        ("sync", {"after": 0}),
    ],
)
async def test_a_foreign_conversation_sounds_like_an_unknown_one(
    served: Served, kind: str, fields: dict[str, object]
) -> None:
    async with served.client() as owner, served.client() as stranger:
        await owner.hello()
        theirs = (await owner.say("Private"))["d"]["c"]
        await stranger.hello()
        await stranger.say("Mine")
        nacks = []
        for conversation_id in (theirs, UNKNOWN):
            start = len(stranger.frames)
            await stranger.send(kind, c=conversation_id, **fields)
            nacks.append(await stranger.wait_for("nack", start=start))

    told = [(nack["d"]["code"], nack["d"]["message"]) for nack in nacks]
    assert told[0] == told[1]
    assert told[0][0] == "not_found"
    assert all(frame.get("c") != theirs for frame in stranger.frames if "s" in frame)


@pytest.mark.parametrize(
    ("kind", "fields"),
    [
        ("watch", {}),
        ("takeover", {"epoch": 0}),
        ("release", {"epoch": 0}),
        ("resolve", {}),
    ],
)
async def test_a_customer_cannot_do_what_agents_do(
    served: Served, kind: str, fields: dict[str, object]
) -> None:
    async with served.client() as customer:
        await customer.hello()
        c = (await customer.say("Hello"))["d"]["c"]

        await customer.send(kind, c=c, **fields)

        assert (await customer.wait_for("nack"))["d"]["code"] == "forbidden"


async def test_a_viewer_may_watch_but_not_speak(served: Served) -> None:
    viewer = served.shop.agents[AgentRole.VIEWER]
    headers = await agent_headers(served.parts, viewer)
    async with served.client() as customer, served.client(**headers) as desk:
        await customer.hello()
        c = (await customer.say("Hello"))["d"]["c"]
        await desk.hello_agent(viewer)
        await desk.send("watch", c=c)
        await desk.wait_for("snapshot")

        nack = await desk.say("I should not", c=c)

        assert nack["d"]["code"] == "forbidden"


async def test_an_agent_of_another_company_finds_nothing(served: Served) -> None:
    other = await open_shop(served.parts.database, "pk_other")
    headers = await agent_headers(served.parts, other.agent)
    async with served.client() as customer, served.client(**headers) as desk:
        await customer.hello()
        await desk.hello_agent(other.agent)
        c = (await customer.say("Private"))["d"]["c"]

        await desk.send("watch", c=c)
        nack = await desk.wait_for("nack")

        assert nack["d"]["code"] == "not_found"
        assert desk.heard("list.dirty") == []


async def test_nothing_is_stored_before_the_first_message(served: Served) -> None:
    async with served.client() as customer:
        await customer.hello(page="https://shop.example/boots", locale="de")
        async with served.parts.database.snapshot() as session:
            before = await _counts(session)
        await customer.close()

        async with served.client() as again:
            welcome = await again.hello(session=customer.session)
            await again.say("Hello")
            async with served.parts.database.snapshot() as session:
                after = await _counts(session)

    assert "session" not in welcome
    assert (before, after) == ((0, 0), (1, 1))


async def _counts(session: AsyncSession) -> tuple[int, int]:
    contacts = await session.execute(select(func.count()).select_from(Contact))
    sessions = await session.execute(select(func.count()).select_from(VisitorSession))
    return contacts.scalar_one(), sessions.scalar_one()
