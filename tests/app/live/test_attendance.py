"""Customers hear whether a person is there, and whether theirs still is."""

from datetime import timedelta

import pytest

from app.models import Workspace
from app.vocabulary import AgentRole
from tests.care_client import Frame, agent_headers
from tests.conftest import Served


async def decide_hours(served: Served, hours: dict[str, object]) -> None:
    """The company's office hours."""
    async with served.parts.database.work() as work:
        workspace = await work.session.get_one(Workspace, served.shop.workspace_id)
        workspace.settings = {**workspace.settings, "office_hours": hours}


async def welcome_of(served: Served, **hello: object) -> Frame:
    """What a customer is told who comes now."""
    async with served.client() as customer:
        return await customer.hello(**hello)


async def test_somebody_is_available_while_an_agent_is_there_and_not_away(served: Served) -> None:
    agent = served.shop.agent
    async with served.client() as customer:
        assert (await customer.hello())["team"] == {"available": False}
        async with served.client(**await agent_headers(served.parts, agent)) as desk:
            told = await desk.hello_agent(agent)
            assert told["away"] is False
            await customer.wait_for("team", available=True)

            start = len(customer.frames)
            await desk.send("presence", state="away")
            await customer.wait_for("team", start=start, available=False)
            await desk.wait_for("presence", on=False)
        async with served.client(**await agent_headers(served.parts, agent)) as desk:
            told = await desk.hello_agent(agent)
            assert told["away"] is True, "also on the next page, until they say otherwise"
            assert (await welcome_of(served))["team"] == {"available": False}
            start = len(customer.frames)
            await desk.send("presence", state="online")
            await customer.wait_for("team", start=start, available=True)


async def test_outside_the_hours_nobody_is_promised(served: Served) -> None:
    agent = served.shop.agent
    later = served.parts.clock() + timedelta(days=1)
    day = f"{later:%a}".lower()
    await decide_hours(served, {"days": {day: [["09:00", "10:00"]]}})

    async with served.client(**await agent_headers(served.parts, agent)) as desk:
        await desk.hello_agent(agent)
        team = (await welcome_of(served))["team"]

    assert team["available"] is False and team["opens_at"].startswith(f"{later:%Y-%m-%d}T09:00")


async def test_a_viewer_is_nobody_to_talk_to(served: Served) -> None:
    viewer = served.shop.agents[AgentRole.VIEWER]

    async with served.client(**await agent_headers(served.parts, viewer)) as desk:
        await desk.hello_agent(viewer)
        assert (await welcome_of(served))["team"] == {"available": False}


@pytest.mark.parametrize("store", ["sqlite"], indirect=True)
async def test_a_customer_hears_when_their_agent_goes_and_comes_back(served: Served) -> None:
    agent = served.shop.agent
    async with (
        served.client() as customer,
        served.client(**await agent_headers(served.parts, agent)) as desk,
    ):
        await customer.hello()
        c = (await customer.say("Hello"))["d"]["c"]
        await desk.hello_agent(agent)
        await desk.send("takeover", c=c, epoch=0)
        here = await customer.wait_for("presence", on=True)
        assert here["c"] == c and here["d"]["agent"] == str(agent.agent_id)

        await desk.send("presence", state="away")
        await customer.wait_for("presence", on=False)
        [listed] = (await welcome_of(served, session=customer.session))["conversations"]
        start = len(customer.frames)
        await desk.send("presence", state="online")
        await customer.wait_for("presence", start=start, on=True)

    assert listed["assignee"]["name"] == agent.name and listed["here"] is False


@pytest.mark.parametrize("store", ["sqlite"], indirect=True)
async def test_a_customer_begins_another_conversation_beside_an_open_one(served: Served) -> None:
    async with served.client() as customer:
        await customer.hello()
        ack = await customer.say("Where is my parcel?")
        first, seq = ack["d"]["c"], ack["d"]["s"]
        await customer.send("read", c=first, s=seq)

        for cid in ("n1", "n1"):
            await customer.send("message.send", cid=cid, text="Something else", begin=True)
        ack = await customer.wait_for("ack", cid="n1")
        onwards = (await customer.say("And this"))["d"]["c"]

    assert ack["d"]["c"] != first
    assert onwards == ack["d"]["c"], "without a name it goes on where the customer wrote last"
    listed = (await welcome_of(served, session=customer.session))["conversations"]
    assert [one["subject"] for one in listed] == ["Something else", "Where is my parcel?"]
    assert (listed[1]["read"], listed[0]["read"]) == (seq, 0)


@pytest.mark.parametrize("store", ["sqlite"], indirect=True)
async def test_unread_is_what_others_have_said_to_the_customer_since(served: Served) -> None:
    agent = served.shop.agent
    headers = await agent_headers(served.parts, agent)
    async with served.client() as customer, served.client(**headers) as desk:
        await customer.hello()
        c = (await customer.say("Where is my parcel?"))["d"]["c"]
        await desk.hello_agent(agent)
        said = await desk.say("It is on its way.", c=c)
        await desk.send("note", cid="n1", c=c, text="She has called, too.")
        await desk.wait_for("ack", cid="n1")
        [before] = (await welcome_of(served, session=customer.session))["conversations"]
        await customer.send("read", c=c, s=said["d"]["s"])
        last = await customer.say("Thank you", c=c)
        [after] = (await welcome_of(served, session=customer.session))["conversations"]

    assert (before["unread"], after["unread"]) == (1, 0)
    assert after["last_seq"] >= last["d"]["s"] > after["read"] == said["d"]["s"]
