"""Who was away gets exactly what was missed; who joins in the middle misses and repeats nothing."""

import asyncio
import random

import pytest

from app.conversations import service
from app.settings import Settings
from tests.app import bot
from tests.care_client import CareClient, View, agent_headers
from tests.conftest import Served

UNKNOWN = "01999999-0000-7000-8000-000000000000"
LONG = "Parcels leave our warehouse within two working days. "


async def live_through_everything(served: Served, customer: CareClient, desk: CareClient) -> str:
    """A conversation in which every kind of stored event happens; returns its id."""
    c: str = (await customer.say("Where is my parcel?"))["d"]["c"]
    live = await bot.begin(served.parts, c)
    live.append(LONG)
    await bot.complete(served.parts, live)
    await customer.say("And the other one?", c=c)
    live = await bot.begin(served.parts, c)
    live.append(LONG + "The oth")
    live.flush()
    await customer.say("I mean the green one.", c=c)
    await bot.begin(served.parts, c)
    await customer.send("handoff.request", c=c)
    epoch = (await customer.wait_for("control.changed"))["d"]["epoch"]
    await desk.send("takeover", c=c, epoch=epoch)
    await desk.wait_for("ack", c=c)
    await desk.say("It is on its way.", c=c)
    await desk.send("release", c=c, epoch=epoch + 1)
    await customer.wait_for("control.changed", to="bot")
    await desk.send("resolve", c=c)
    await customer.wait_for("status.changed")
    last = await customer.say("Thanks!", c=c)
    await customer.wait_for_seq(c, last["d"]["s"])
    return c


async def test_state_plus_events_is_the_state_fetched_anew(served: Served) -> None:
    agent = served.shop.agent
    headers = await agent_headers(served.parts, agent)
    async with served.client() as customer, served.client(**headers) as desk:
        await customer.hello()
        await desk.hello_agent(agent)
        c = await live_through_everything(served, customer, desk)

        await desk.send("watch", c=c)
        fetched = View.of((await desk.wait_for("snapshot"))["d"]).public()
        async with served.client() as fresh:
            await fresh.hello(session=customer.session, resume={c: 0})
            replayed = await fresh.wait_for_seq(c, fetched.last_seq)

    assert customer.views[c] == fetched
    assert replayed == fetched


async def test_a_replay_is_frame_for_frame_what_was_announced(served: Served) -> None:
    agent = served.shop.agent
    headers = await agent_headers(served.parts, agent)
    async with served.client() as customer, served.client(**headers) as desk:
        await customer.hello()
        await desk.hello_agent(agent)
        c = await live_through_everything(served, customer, desk)
        announced = [frame for frame in customer.frames if "s" in frame]
        dice = random.Random(7)
        cuts = [0, len(announced), *(dice.randrange(len(announced)) for _ in range(12))]

        for cut in cuts:
            async with served.client() as again:
                await again.hello(session=customer.session, resume={c: cut})
                synced = await again.wait_for("synced")
                replayed = [frame for frame in again.frames if "s" in frame]

            assert replayed == announced[cut:], f"cut at {cut}"
            assert (synced["c"], synced["d"]["last_seq"]) == (c, len(announced))


async def test_sync_fills_a_hole(served: Served) -> None:
    async with served.client() as customer:
        await customer.hello()
        c = (await customer.say("One"))["d"]["c"]
        await customer.say("Two")
        before = len(customer.frames)
        customer.views[c] = View(last_seq=1)

        await customer.send("sync", c=c, after=1)
        synced = await customer.wait_for("synced", start=before)

        assert [f["s"] for f in customer.frames[before:] if "s" in f] == [2]
        assert synced["d"]["last_seq"] == 2


@pytest.mark.parametrize("after", [3, 2**53])
async def test_a_future_position_is_answered_with_reset(served: Served, after: int) -> None:
    async with served.client() as customer:
        await customer.hello()
        c = (await customer.say("One"))["d"]["c"]

        await customer.send("sync", c=c, after=after)
        reset = await customer.wait_for("reset")
        customer.views.clear()
        await customer.send("sync", c=c, after=0)
        view = await customer.wait_for_seq(c, 1)

        assert reset["c"] == c
        assert view.texts() == [("customer", "One")]


async def test_a_foreign_conversation_cannot_be_resumed(served: Served) -> None:
    async with served.client() as owner, served.client() as stranger:
        await owner.hello()
        c = (await owner.say("Private"))["d"]["c"]

        await stranger.hello(resume={c: 0, UNKNOWN: 0})
        await stranger.send("ping", n=1)
        await stranger.wait_for("pong")

        assert [(f["c"], f["d"]["code"]) for f in stranger.heard("nack")] == [
            (c, "not_found"),
            (UNKNOWN, "not_found"),
        ]
        assert [frame for frame in stranger.frames if "s" in frame] == []


class TestFarBehind:
    """With a short replay."""

    @pytest.fixture
    def settings(self, settings: Settings) -> Settings:
        return settings.model_copy(update={"replay_limit": 3})

    async def test_who_missed_too_much_starts_afresh(self, served: Served) -> None:
        async with served.client() as customer:
            await customer.hello()
            c = (await customer.say("0"))["d"]["c"]
            for number in range(1, 6):
                await customer.say(str(number))

            async with served.client() as again:
                await again.hello(session=customer.session, resume={c: 1})
                await again.wait_for("reset")
                again.views.clear()
                await again.send("sync", c=c, after=0)
                view = await again.wait_for_seq(c, 6)

        assert [text for _, text in view.texts()] == list("012345")


async def test_own_conversations_are_followed_without_being_asked_for(served: Served) -> None:
    async with served.client() as customer, served.client() as tab:
        await customer.hello()
        c = (await customer.say("One"))["d"]["c"]

        welcome = await tab.hello(session=customer.session)
        await customer.say("Two")

        assert [(one["id"], one["last_seq"]) for one in welcome["conversations"]] == [(c, 1)]
        assert (await tab.wait_for_seq(c, 2)).texts() == [("customer", "Two")]


async def test_who_joins_in_mid_answer_sees_all_of_it_once(served: Served) -> None:
    async with served.client() as customer:
        await customer.hello()
        c = (await customer.say("Where is my parcel?"))["d"]["c"]
        live = await bot.begin(served.parts, c)
        words = [f"word{number} " for number in range(60)]

        async def write() -> None:
            for word in words:
                live.append(word)
                live.flush()
                await asyncio.sleep(0)
            await bot.complete(served.parts, live)

        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(write())
            joining = [
                tasks.create_task(read_whole_answer(served, customer.session, c, wait=number))
                for number in range(12)
            ]

    assert {joined.result() for joined in joining} == {"".join(words)}


async def read_whole_answer(
    served: Served, session: str | None, conversation_id: str, *, wait: int
) -> str:
    """Join after some turns of the loop and put the text together as a widget does."""
    for _ in range(wait * 3):
        await asyncio.sleep(0)
    async with served.client() as reader:
        await reader.hello(session=session, resume={conversation_id: 1})
        completed = await reader.wait_for("message.completed")
        text: str | None = None
        for frame in reader.frames:
            if frame["t"] == "answer.snapshot":
                text = frame["d"]["x"]
            elif frame["t"] == "answer.delta":
                assert text is None or frame["d"]["o"] == len(text), "a gap or a repetition"
                text = (text or "") + frame["d"]["x"]
        final: str = completed["d"]["message"]["text"]
        assert text is None or final == text or final.startswith(text)
        return final


async def test_a_socket_that_goes_away_does_not_end_the_answer(served: Served) -> None:
    async with served.client() as customer:
        await customer.hello()
        c = (await customer.say("Where is my parcel?"))["d"]["c"]
        live = await bot.begin(served.parts, c)
        live.append(LONG)

    assert not live.ended.is_set()
    live.append("Tracking comes by mail.")
    async with served.client() as again:
        await again.hello(session=customer.session, resume={c: 0})
        snapshot = await again.wait_for("answer.snapshot")
        await bot.complete(served.parts, live)
        completed = await again.wait_for("message.completed")

    whole = f"{LONG}Tracking comes by mail."
    assert snapshot["d"]["x"] in (LONG, whole), "the last words wait to be sent, or no longer"
    assert completed["d"]["message"]["text"] == whole


async def test_a_message_posted_while_joining_is_neither_lost_nor_repeated(
    served: Served,
) -> None:
    async with served.client() as customer:
        await customer.hello()
        c = (await customer.say("0"))["d"]["c"]
        for _ in range(5):
            async with served.client() as tab, asyncio.TaskGroup() as tasks:
                tasks.create_task(tab.hello(session=customer.session, resume={c: 0}))
                ack = await customer.say("again", c=c)
                await tab.wait_for_seq(c, ack["d"]["s"])

    assert service.__name__
