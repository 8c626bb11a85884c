"""A slow reader costs bounded memory, loses what may be lost first, and slows nobody."""

import asyncio
import contextlib
import json
from collections.abc import Coroutine

import pytest
from prometheus_client import Counter, Gauge

from app.live import frames
from app.live.connection import Connection, QueueLimits
from app.live.protocol import CloseCode, SocketClosed
from app.settings import Settings
from tests.app import bot
from tests.conftest import Served
from tests.patience import PATIENCE_S


class Reader:
    """The other end: takes frames while it is awake."""

    def __init__(self) -> None:
        self.frames: list[str] = []
        self.awake = asyncio.Event()
        self.has_last = asyncio.Event()

    async def send(self, frame: str) -> None:
        await self.awake.wait()
        self.frames.append(frame)
        if frame == "last":
            self.has_last.set()


def no_tasks(work: Coroutine[object, object, None]) -> None:
    """These connections join nothing."""
    work.close()


def connection(reader: Reader, *, num_frames: int = 4, stall_timeout_s: float = 60) -> Connection:
    limits = QueueLimits(num_frames, 1_000, stall_timeout_s)
    return Connection(reader.send, no_tasks, limits)


async def test_frames_arrive_in_order() -> None:
    reader = Reader()
    slow = connection(reader)
    writing = asyncio.create_task(slow.write_forever())
    slow.deliver("1")
    slow.offer("2")
    reader.awake.set()

    await slow.put("last")
    await reader.has_last.wait()

    assert reader.frames == ["1", "2", "last"]
    writing.cancel()


async def test_a_full_queue_drops_what_may_be_lost_and_keeps_the_rest() -> None:
    reader = Reader()
    slow = connection(reader)
    for frame in ("may 1", "may 2", "may 3", "may 4", "may 5"):
        slow.offer(frame)
    for frame in ("must 1", "must 2", "last"):
        slow.deliver(frame)

    reader.awake.set()
    writing = asyncio.create_task(slow.write_forever())
    await reader.has_last.wait()

    assert reader.frames == ["may 4", "must 1", "must 2", "last"]
    writing.cancel()


async def test_a_reader_with_no_room_for_what_must_arrive_is_given_up() -> None:
    slow = connection(Reader())
    for number in range(5):
        slow.deliver(str(number))

    with pytest.raises(SocketClosed) as closed:
        await slow.write_forever()

    assert closed.value.code is CloseCode.TOO_MUCH


async def test_bytes_count_like_frames_but_one_frame_always_fits() -> None:
    slow = connection(Reader(), num_frames=100)
    slow.deliver("x" * 5_000)

    slow.offer("dropped")
    slow.deliver("no room")

    with pytest.raises(SocketClosed):
        await slow.write_forever()


async def test_a_reader_that_stalls_is_given_up() -> None:
    slow = connection(Reader(), stall_timeout_s=0.01)
    slow.offer("anything")

    with pytest.raises(SocketClosed) as closed:
        await slow.write_forever()

    assert closed.value.reason == "stalled_reader"


async def test_whoever_waits_for_room_goes_on_when_the_reader_is_given_up() -> None:
    slow = connection(Reader(), num_frames=1)
    await slow.put("1")
    waiting = asyncio.create_task(slow.put("2"))
    await asyncio.sleep(0)

    slow.give_up()

    await asyncio.wait_for(waiting, timeout=PATIENCE_S)


class TestStalled:
    """With a short patience."""

    @pytest.fixture
    def settings(self, settings: Settings) -> Settings:
        return settings.model_copy(update={"stall_timeout_s": 1.0, "queue_frames": 16})

    @pytest.mark.parametrize("store", ["sqlite"], indirect=True)
    async def test_a_socket_that_never_reads_is_evicted_and_others_go_on(
        self, served: Served
    ) -> None:
        evictions = served.parts.metrics.ws_evictions
        async with served.client() as customer:
            await customer.hello()
            c = (await customer.say("Where is my parcel?"))["d"]["c"]
            writer = await open_stalled(served, customer.session)
            live = await bot.begin(served.parts, c)

            async with asyncio.timeout(PATIENCE_S):
                while value_of(evictions) == 0:
                    live.append("x" * 20_000)
                    live.flush()
                    await customer.wait_for("answer.delta", o=live.shown_len - 20_000)

            await bot.complete(served.parts, live)
            completed = await customer.wait_for("message.completed")
            writer.close()

        assert completed["d"]["message"]["text"] == live.text
        assert "".join(f["d"]["x"] for f in customer.heard("answer.delta")) == live.text


class TestSilent:
    """With short heartbeats."""

    @pytest.fixture
    def settings(self, settings: Settings) -> Settings:
        return settings.model_copy(update={"heartbeat_s": 0.2, "pong_timeout_s": 2.0})

    @pytest.mark.parametrize("store", ["sqlite"], indirect=True)
    async def test_a_socket_that_answers_no_ping_is_gone_and_forgotten(
        self, served: Served
    ) -> None:
        async with served.client() as customer:
            await customer.hello()
            writer = await open_stalled(served, customer.session)
            gauge = served.parts.metrics.ws_connections
            with contextlib.closing(writer):
                assert value_of(gauge) == 2

                async with asyncio.timeout(PATIENCE_S):
                    while value_of(gauge) > 1:  # noqa: ASYNC110 - a gauge has no event
                        await asyncio.sleep(0)  # the server lives on the same loop

            await customer.send("ping", n=1)
            await customer.wait_for("pong", n=1)


async def open_stalled(served: Served, session: str | None) -> asyncio.StreamWriter:
    """A greeted websocket whose owner takes the welcome and never reads again."""
    reader, writer = await asyncio.open_connection("127.0.0.1", served.port, limit=1_024)
    writer.write(
        f"GET /ws/v1 HTTP/1.1\r\nHost: 127.0.0.1:{served.port}\r\nUpgrade: websocket\r\n"
        "Connection: Upgrade\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n"
        "Sec-WebSocket-Version: 13\r\n\r\n".encode()
    )
    await reader.readuntil(b"\r\n\r\n")
    hello = {
        "t": "hello",
        "proto": 1,
        "role": "widget",
        "site": served.shop.site,
        "session": session,
    }
    payload = json.dumps(hello).encode()
    # A text frame with a length of two bytes and a mask of zeros.
    writer.write(b"\x81\xfe" + len(payload).to_bytes(2, "big") + b"\0\0\0\0" + payload)
    await reader.readuntil(b"synced")
    return writer


def value_of(metric: Counter | Gauge) -> float:
    """The sum over all labels."""
    [family] = metric.collect()
    return sum(sample.value for sample in family.samples if not sample.name.endswith("_created"))


def test_a_frame_names_its_conversation_and_time() -> None:
    assert json.loads(frames.ephemeral("pong", {"n": 1})) == {"t": "pong", "d": {"n": 1}}
