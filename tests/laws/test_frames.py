"""Whatever frames a widget or an agent's page sends: an answer or a close, never a mistake of ours.

Made from the protocol's own types: a new frame is held to this without being named here.
"""

import contextlib
import json
import logging
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, get_args
from uuid import UUID

import msgspec.inspect as kinds
import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st
from sqlalchemy import select
from websockets.exceptions import ConnectionClosed

from app.ids import new_id
from app.live.protocol import ClientFrame
from app.models import Message
from tests.care_client import CareClient, Frame, agent_headers
from tests.conftest import Served

OWN, OTHERS, UNKNOWN, AGENT = (f"00000000-0000-7000-8000-00000000000{n}" for n in range(4))
"""Stand for ids that are only known when the frames are sent."""
HONEST_CLOSES = {4400, 4401, 4429}
LETTERS = st.characters(exclude_categories=["Cs"])
WORDS = st.text(LETTERS, max_size=12)
GARBAGE = st.one_of(
    WORDS,
    st.binary(max_size=12),
    st.sampled_from(['{"t": "ping"', "[]", "null", '{"t": []}', '{"t":"ping","n":1}{}']),
    st.just("[" * 2_000),
)


def values_of(kind: kinds.Type) -> st.SearchStrategy[Any]:
    """JSON values that fit a field, its bounds among them."""
    match kind:
        case kinds.UnionType():
            return st.one_of([values_of(one) for one in kind.types])
        case kinds.UUIDType():
            return st.sampled_from([OWN, OWN, OTHERS, UNKNOWN, AGENT])
        case kinds.IntType():
            least, most = kind.ge or 0, kind.le or 2**53
            return st.sampled_from([least, most]) | st.integers(least, min(most, 60))
        case kinds.FloatType():
            return st.floats(allow_nan=False, allow_infinity=False)
        case kinds.BoolType():
            return st.booleans()
        case kinds.NoneType():
            return st.none()
        case kinds.StrType():
            most = kind.max_length or 5_000
            return st.text(LETTERS, min_size=kind.min_length or 0, max_size=min(most, 40)) | (
                st.just("x" * most)
            )
        case kinds.EnumType():
            return st.sampled_from([one.value for one in kind.cls])
        case kinds.LiteralType():
            return st.sampled_from(list(kind.values))
        case kinds.DictType():
            keys, values = values_of(kind.key_type), values_of(kind.value_type)
            return st.dictionaries(keys, values, max_size=3)
        case kinds.VarTupleType() | kinds.ListType():
            return st.lists(values_of(kind.item_type), max_size=2)
        case kinds.DateTimeType():
            return st.sampled_from(["2000-01-01T00:00:00Z", "2099-12-31T23:59:59+14:00"])
    raise AssertionError(f"no values for a field of kind {kind}")


def frames_of(frame: type) -> st.SearchStrategy[Frame]:
    """Frames of this type, with and without what may be left out."""
    told = kinds.type_info(frame)
    assert isinstance(told, kinds.StructType)
    needed = {one.encode_name: values_of(one.type) for one in told.fields if one.required}
    more = {one.encode_name: values_of(one.type) for one in told.fields if not one.required}
    return st.fixed_dictionaries({"t": st.just(told.tag), **needed}, optional=more)


FRAMES = st.one_of([frames_of(frame) for frame in get_args(ClientFrame)])
SCRIPTS = st.lists(st.one_of([FRAMES] * 9 + [GARBAGE]), min_size=3, max_size=14)


@dataclass
class Sender:
    """A socket that is opened again, as the same speaker, whenever the server has closed it."""

    served: Served
    is_agent: bool
    ids: Mapping[str, str]
    client: CareClient
    acked: dict[str, str]
    """Message ids by what was said."""

    async def open(self) -> None:
        agent = self.served.shop.agent
        headers = await agent_headers(self.served.parts, agent) if self.is_agent else {}
        session = self.client.session
        self.client = await self.served.client(**headers).__aenter__()
        if self.is_agent:
            await self.client.hello_agent(agent)
        else:
            await self.client.hello(**({"session": session} if session else {}))

    async def send(self, one: Frame | str | bytes) -> None:
        """As far as the server lets us; a refusal by closing is told apart from a mistake."""
        raw = one if isinstance(one, str | bytes) else self._meant(one)
        start = len(self.client.frames)
        with contextlib.suppress(ConnectionClosed):
            await self.client.send_raw(raw)
            await self.client.send_raw('{"t": "ping", "n": 7}')
        try:
            await self.client.wait_for("pong", start=start, n=7)
        except AssertionError:
            assert self.client.close_code in HONEST_CLOSES, (one, self.client.close_code)
            self.client.session = None if self.client.close_code == 4401 else self.client.session
            await self.open()

    def _meant(self, frame: Frame) -> str:
        told = json.dumps(frame)
        for name, known in self.ids.items():
            told = told.replace(name, known)
        return told


async def begin(served: Served, is_agent: bool) -> Sender:
    """Two customers have written; the sender is one of them, or an agent who sees both."""
    customer = await served.client().__aenter__()
    other = await served.client().__aenter__()
    ids: dict[str, str] = {UNKNOWN: str(new_id()), AGENT: str(served.shop.agent.agent_id)}
    said: dict[str, str] = {}
    for name, client in ((OWN, customer), (OTHERS, other)):
        await client.hello()
        ack = await client.say(f"Hello from {name}", cid="first")
        ids[name] = ack["d"]["c"]
        said[ack["d"]["message_id"]] = f"Hello from {name}"
    await other.close()
    sender = Sender(served, is_agent, ids, customer, said)
    if is_agent:
        await customer.close()
        await sender.open()
    return sender


@pytest.fixture
def store() -> str:
    return "sqlite"


@pytest.mark.parametrize("is_agent", [False, True], ids=["widget", "agent"])
@settings(max_examples=8, phases=[Phase.generate], suppress_health_check=list(HealthCheck))
@given(script=SCRIPTS)
async def test_every_frame_is_answered_or_closes_and_nothing_is_lost(
    served: Served, is_agent: bool, script: list[Frame | str | bytes], caplog: Any
) -> None:
    caplog.clear()
    sender = await begin(served, is_agent)

    for one in script:
        await sender.send(one)
        if isinstance(one, dict) and one["t"] == "message.send":
            for frame in sender.client.heard("ack"):
                if frame["d"].get("cid") == one["cid"] and "message_id" in frame["d"]:
                    sender.acked.setdefault(frame["d"]["message_id"], str(one["text"]))
    await sender.client.close()

    async with served.parts.database.snapshot() as session:
        query = select(Message).where(Message.id.in_([UUID(one) for one in sender.acked]))
        stored = {str(one.id) for one in await session.scalars(query)}
    assert stored == sender.acked.keys(), "what was acknowledged is there"
    assert [one.getMessage() for one in caplog.records if one.levelno >= logging.ERROR] == []
