"""Whatever moment a connection breaks in, what the customer sees in the end is what is stored."""

import asyncio
import contextlib
import random

import pytest
from websockets.exceptions import ConnectionClosed

from app.errors import Conflict
from tests.app import bot
from tests.care_client import CareClient, View, agent_headers
from tests.conftest import Served

NUM_CUTS = 200
PRIORITIES = ("low", "normal", "high", "urgent")


@pytest.fixture
def store() -> str:
    """It is about frames, not about the database."""
    return "sqlite"


async def reconnected(served: Served, old: CareClient, c: str) -> CareClient:
    """A new socket of the same widget, which knows what the old one has heard."""
    fresh = served.client()
    await fresh.__aenter__()
    fresh.views[c] = old.views.get(c, View())
    await fresh.hello(session=old.session, resume={c: fresh.views[c].last_seq})
    return fresh


async def happen(
    served: Served, customer: CareClient, desk: CareClient, c: str, dice: random.Random
) -> None:
    """One of the things that go on in a conversation; nobody waits until it is seen."""
    number = str(dice.random())
    match dice.randrange(6):
        case 0:
            with contextlib.suppress(ConnectionClosed):  # it was cut before
                await customer.send("message.send", c=c, cid=number, text="And the other one?")
        case 1:
            await desk.send("note", c=c, cid=number, text="Between us")
        case 2:
            await desk.send("priority", c=c, to=dice.choice(PRIORITIES))
        case 3:
            await desk.send("label", c=c, name="Delivery", on=dice.random() < 0.5, colour="blue")
        case _:
            await answer(served, c)


async def answer(served: Served, c: str) -> None:
    """The bot writes, unless it is overtaken."""
    try:
        live = await bot.begin(served.parts, c)
        live.append("Standard delivery takes 3 to 5 working days, express delivery one.")
        await bot.complete(served.parts, live)
    except Conflict:
        return


@pytest.mark.parametrize("seed", [1])
async def test_after_many_cuts_the_view_is_what_is_stored(served: Served, seed: int) -> None:
    dice = random.Random(seed)
    headers = await agent_headers(served.parts, served.shop.agent)
    customer = await served.client().__aenter__()
    async with served.client(**headers) as desk:
        await customer.hello()
        await desk.hello_agent(served.shop.agent)
        c: str = (await customer.say("Where is my parcel?"))["d"]["c"]
        for _ in range(NUM_CUTS):
            happening = asyncio.create_task(happen(served, customer, desk, c, dice))
            for _ in range(dice.randrange(60)):
                await asyncio.sleep(0)  # a moment of the loop's, not of the clock's
            await customer.cut()
            customer = await reconnected(served, customer, c)
            await happening

        await desk.send("watch", c=c)
        stored = View.of((await desk.wait_for("snapshot"))["d"]).public()
        assert await customer.wait_for_seq(c, stored.last_seq) == stored
        assert stored.last_seq > NUM_CUTS / 2, "little has happened"
    await customer.close()
