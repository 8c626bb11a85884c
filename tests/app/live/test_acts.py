"""What agents do over the socket besides talking; customers see their place, never their words."""

from datetime import timedelta

import pytest

from app.clock import now
from app.vocabulary import AgentRole
from tests.care_client import CareClient, agent_headers
from tests.conftest import Served


@pytest.fixture
def store() -> str:
    """The services are tested on both databases; this is about frames."""
    return "sqlite"


async def meet(served: Served, customer: CareClient, desk: CareClient) -> str:
    """A customer writes, and an agent looks; returns the conversation."""
    await customer.hello()
    await desk.hello_agent(served.shop.agent)
    c = str((await customer.say("Where is my parcel?"))["d"]["c"])
    await desk.send("watch", c=c)
    await desk.wait_for("snapshot")
    return c


async def test_what_is_for_agents_leaves_no_hole_and_no_word_with_customers(served: Served) -> None:
    headers = await agent_headers(served.parts, served.shop.agent)
    async with served.client() as customer, served.client(**headers) as desk:
        c = await meet(served, customer, desk)

        await desk.send("note", c=c, cid="n1", text="A secret between us")
        await desk.send("label", c=c, name="Delivery", on=True, colour="blue")
        await desk.send("priority", c=c, to="urgent")
        reached = (await desk.wait_for("priority.changed"))["s"]
        seen = await customer.wait_for_seq(c, reached)

        assert seen == desk.views[c].public()
        assert [frame["d"] for frame in customer.heard("skipped")] == [{}, {}, {}]
        assert desk.views[c].labels == [{"name": "delivery", "colour": "blue"}]
        assert ("agent", "A secret between us") in desk.views[c].texts()


async def test_acts_come_back_as_events(served: Served) -> None:
    headers = await agent_headers(served.parts, served.shop.agent)
    colleague = served.shop.agents[AgentRole.ADMIN]
    async with served.client() as customer, served.client(**headers) as desk:
        c = await meet(served, customer, desk)

        await desk.send("assign", c=c, to=colleague.agent_id)
        await desk.wait_for("assignee.changed")
        await desk.send("snooze", c=c, until=now() + timedelta(hours=1))
        await desk.wait_for("status.changed", to="snoozed")
        await desk.send("wake", c=c)
        await desk.wait_for("status.changed", to="open")
        await desk.send("resolve", c=c)
        await desk.wait_for("status.changed", to="resolved")
        start = len(desk.frames)
        await desk.send("reopen", c=c)
        await desk.wait_for("status.changed", start=start, to="open")
        await desk.send("block", c=c, on=True)
        await desk.wait_for("contact.changed", blocked=True)

        assert (await customer.say("Hello?", c=c))["d"]["code"] == "blocked"
        assert desk.views[c].control == "human"


async def test_a_colleague_who_types_is_seen_by_agents_and_by_the_customer(served: Served) -> None:
    mine = await agent_headers(served.parts, served.shop.agent)
    owner = served.shop.agents[AgentRole.OWNER]
    theirs = await agent_headers(served.parts, owner)
    async with (
        served.client() as customer,
        served.client(**mine) as desk,
        served.client(**theirs) as other,
    ):
        c = await meet(served, customer, desk)
        await other.hello_agent(owner)
        await other.send("watch", c=c)
        await other.wait_for("snapshot")

        await other.send("typing", c=c, on=True)

        for reader in (desk, customer):
            frame = await reader.wait_for("typing", on=True)
            assert frame["d"]["by"] == {"kind": "agent", "name": owner.name}
        assert other.heard("typing") == []


async def test_who_is_mentioned_hears_of_it_wherever_they_are(served: Served) -> None:
    mine = await agent_headers(served.parts, served.shop.agent)
    owner = served.shop.agents[AgentRole.OWNER]
    theirs = await agent_headers(served.parts, owner)
    async with (
        served.client() as customer,
        served.client(**mine) as desk,
        served.client(**theirs) as other,
    ):
        c = await meet(served, customer, desk)
        await other.hello_agent(owner)

        await desk.send("note", c=c, cid="n1", text=f"@{owner.name}, please look")

        frame = await other.wait_for("notice", code="mentioned")
        assert frame["c"] == c and served.shop.agent.name in frame["d"]["message"]
        assert desk.heard("notice") == []


@pytest.mark.parametrize(
    "frame, code",
    [
        ({"t": "snooze", "until": "2020-01-01T00:00:00Z"}, "invalid"),
        ({"t": "label", "name": " ", "on": True}, "invalid"),
        ({"t": "label", "name": "x", "on": True, "colour": "url(evil)"}, "invalid"),
        ({"t": "note", "cid": "n", "text": "  "}, "empty"),
        ({"t": "assign", "to": "01999999-0000-7000-8000-000000000000"}, "not_found"),
    ],
)
async def test_what_does_not_fit_is_refused_with_its_reason(
    served: Served, frame: dict[str, object], code: str
) -> None:
    headers = await agent_headers(served.parts, served.shop.agent)
    async with served.client() as customer, served.client(**headers) as desk:
        c = await meet(served, customer, desk)

        await desk.send(str(frame.pop("t")), c=c, **frame)

        assert (await desk.wait_for("nack"))["d"]["code"] == code


async def test_customers_and_viewers_may_not(served: Served) -> None:
    viewer = served.shop.agents[AgentRole.VIEWER]
    headers = await agent_headers(served.parts, viewer)
    async with served.client() as customer, served.client(**headers) as desk:
        await customer.hello()
        await desk.hello_agent(viewer)
        c = str((await customer.say("Hello"))["d"]["c"])

        for socket in (customer, desk):
            await socket.send("note", c=c, cid="n", text="Hi")
            assert (await socket.wait_for("nack"))["d"]["code"] == "forbidden"
