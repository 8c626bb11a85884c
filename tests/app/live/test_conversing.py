"""Customers and agents talk over real sockets, with the bot between them."""

import pytest

from app import access
from app.conversations.visitors import recognise
from app.live.session import Session
from app.settings import Settings
from tests.app import bot
from tests.app.live.test_connection import Reader, connection
from tests.care_client import agent_headers
from tests.conftest import Served

LONG = "Parcels leave our warehouse within two working days. "


async def test_a_message_is_acknowledged_and_comes_back(served: Served) -> None:
    async with served.client() as customer:
        welcome = await customer.hello()

        ack = await customer.say("Where is my parcel?")

        assert welcome["session"]
        assert welcome["conversations"] == []
        assert (welcome["limits"]["text"], welcome["limits"]["frame"]) == (4_000, 65_536)
        assert welcome["limits"]["files"]["bytes"] == 10 * 1_024 * 1_024
        assert welcome["bot"] == {"name": "Assistant"}, "the widget says the rest in its language"
        view = await customer.wait_for_seq(ack["d"]["c"], ack["d"]["s"])
        assert view.texts() == [("customer", "Where is my parcel?")]


async def test_the_same_id_gives_the_same_ack_on_any_socket(served: Served) -> None:
    async with served.client() as first, served.client() as second:
        await first.hello()
        ack = await first.say("Hello", cid="one")
        await second.hello(session=first.session)

        again = await second.say("Hello", cid="one")
        other = await second.say("Something else", cid="one")

        assert again["d"] == ack["d"]
        assert (other["t"], other["d"]["code"]) == ("nack", "conflict")


async def test_all_tabs_of_a_customer_share_the_conversation(served: Served) -> None:
    async with served.client() as first, served.client() as second:
        await first.hello()
        await second.hello(session=first.session)

        one = await first.say("From the first tab")
        two = await second.say("From the second tab")

        assert one["d"]["c"] == two["d"]["c"]
        for tab in (first, second):
            view = await tab.wait_for_seq(one["d"]["c"], 2)
            assert [text for _, text in view.texts()] == [
                "From the first tab",
                "From the second tab",
            ]


async def test_what_begins_while_another_tab_is_greeted_is_that_tabs_too(served: Served) -> None:
    parts = served.parts
    async with served.client() as first:
        await first.hello()
        async with parts.database.snapshot() as session:
            inbox = await access.inbox(session, served.shop.site)
            assert first.session is not None
            greeted = await recognise(session, parts.secrets, parts.clock, inbox, first.session)

        ack = await first.say("From the first tab")

        own = await Session(parts, connection(Reader()), greeted).own_conversations()
        assert [str(one.id) for one in own] == [ack["d"]["c"]]


async def test_an_agent_watches_takes_over_and_replies(served: Served) -> None:
    agent = served.shop.agent
    headers = await agent_headers(served.parts, agent)
    async with served.client() as customer, served.client(**headers) as desk:
        await customer.hello()
        welcome = await desk.hello_agent(agent)
        c = (await customer.say("Where is my parcel?"))["d"]["c"]
        await desk.wait_for("list.dirty")
        await desk.send("watch", c=c)
        snapshot = (await desk.wait_for("snapshot"))["d"]
        conversation = snapshot["conversation"]

        await desk.send("takeover", c=c, epoch=conversation["epoch"])
        await desk.wait_for("control.changed", to="human")
        reply = await desk.say("Let me look.", c=c)

        assert welcome["agent"] == {
            "id": str(agent.agent_id),
            "name": agent.name,
            "role": "agent",
        }
        assert conversation["control"] == "bot"
        assert [m["text"] for m in snapshot["messages"]] == ["Where is my parcel?"]
        view = await customer.wait_for_seq(c, reply["d"]["s"])
        assert (view.control, view.epoch) == ("human", 1)
        assert view.assignee == {"id": str(agent.agent_id), "name": agent.name}
        assert view.texts() == [
            ("customer", "Where is my parcel?"),
            ("system", f"{agent.name} has joined the conversation."),
            ("agent", "Let me look."),
        ]


async def test_the_loser_of_a_takeover_is_told_and_the_winner_keeps_the_word(
    served: Served,
) -> None:
    agent = served.shop.agent
    headers = await agent_headers(served.parts, agent)
    async with served.client() as customer, served.client(**headers) as desk:
        await customer.hello()
        await desk.hello_agent(agent)
        c = (await customer.say("Hello"))["d"]["c"]
        await desk.send("takeover", c=c, epoch=0)
        await desk.wait_for("ack", c=c)

        await desk.send("takeover", c=c, epoch=0)

        nack = await desk.wait_for("nack")
        assert nack["d"]["code"] == "conflict"
        assert agent.name in nack["d"]["message"]


async def test_asking_for_a_person_and_being_given_back(served: Served) -> None:
    agent = served.shop.agent
    headers = await agent_headers(served.parts, agent)
    async with served.client() as customer, served.client(**headers) as desk:
        await customer.hello()
        await desk.hello_agent(agent)
        c = (await customer.say("Hello"))["d"]["c"]

        await customer.send("handoff.request", c=c)
        queued = await customer.wait_for("control.changed", to="queue")
        await desk.send("release", c=c, epoch=queued["d"]["epoch"])
        returned = await customer.wait_for("control.changed", to="bot")

        assert queued["d"]["reason"] == "asked"
        assert returned["d"]["by"] == {"kind": "agent", "name": agent.name}


async def test_resolving_and_writing_again(served: Served) -> None:
    agent = served.shop.agent
    headers = await agent_headers(served.parts, agent)
    async with served.client() as customer, served.client(**headers) as desk:
        await customer.hello()
        await desk.hello_agent(agent)
        c = (await customer.say("Hello"))["d"]["c"]

        await desk.send("resolve", c=c)
        resolved = await customer.wait_for("status.changed", to="resolved")
        again = await customer.say("One more thing", c=c)

        assert resolved["d"]["resolution"] == "agent"
        view = await customer.wait_for_seq(c, again["d"]["s"])
        assert view.status == "open"


class TestTyping:
    """With an interval between equal frames that no slow machine outlasts."""

    @pytest.fixture
    def settings(self, settings: Settings) -> Settings:
        return settings.model_copy(update={"typing_interval_s": 3_600.0})

    async def test_typing_reaches_the_other_side_only(self, served: Served) -> None:
        agent = served.shop.agent
        headers = await agent_headers(served.parts, agent)
        async with served.client() as customer, served.client(**headers) as desk:
            await customer.hello()
            await desk.hello_agent(agent)
            c = (await customer.say("Hello"))["d"]["c"]
            await desk.send("watch", c=c)
            await desk.send("ping", n=1)
            await desk.wait_for("pong")

            for _ in range(5):
                await customer.send("typing", c=c, on=True)
            await customer.send("typing", c=c, on=False)

            await desk.wait_for("typing", on=False)
            heard = [frame["d"]["on"] for frame in desk.heard("typing")]
            assert heard == [True, False]
            assert customer.heard("typing") == []


async def test_a_watcher_who_looks_away_hears_no_more(served: Served) -> None:
    agent = served.shop.agent
    headers = await agent_headers(served.parts, agent)
    async with served.client() as customer, served.client(**headers) as desk:
        await customer.hello()
        await desk.hello_agent(agent)
        c = (await customer.say("Hello"))["d"]["c"]
        await desk.send("watch", c=c)
        await desk.wait_for("snapshot")

        await desk.send("unwatch", c=c)
        await desk.send("ping", n=7)
        await desk.wait_for("pong", n=7)
        ack = await customer.say("Anybody?")

        await desk.send("ping", n=8)
        await desk.wait_for("pong", n=8)
        assert [frame for frame in desk.frames if frame.get("s") == ack["d"]["s"]] == []
        assert len(desk.heard("list.dirty")) >= 2


async def test_the_deltas_of_an_answer_add_up_to_its_text(served: Served) -> None:
    async with served.client() as customer:
        await customer.hello()
        c = (await customer.say("Where is my parcel?"))["d"]["c"]

        live = await bot.begin(served.parts, c)
        for piece in ("Parcels ", "leave \N{PACKAGE}", " within ", "two days."):
            live.append(piece)
        await bot.complete(served.parts, live)
        completed = await customer.wait_for("message.completed")
        ended = await customer.wait_for("answer.ended")

        deltas = customer.heard("answer.delta")
        text = ""
        for delta in deltas:
            assert delta["d"]["o"] == len(text)
            text += delta["d"]["x"]
        assert text == completed["d"]["message"]["text"]
        assert len(deltas) == 2, "the first piece at once, the others together"
        assert (ended["d"]["outcome"], ended["d"]["reason"]) == ("completed", "done")
        kinds = [frame["t"] for frame in customer.frames]
        order = ["message.created", "answer.started", "answer.delta", "message.completed"]
        assert [kinds.index(kind) for kind in order[1:]] == sorted(
            kinds.index(kind) for kind in order[1:]
        )


async def test_stopping_ends_the_answer_once(served: Served) -> None:
    async with served.client() as customer:
        await customer.hello()
        c = (await customer.say("Where is my parcel?"))["d"]["c"]
        live = await bot.begin(served.parts, c)
        live.append(LONG + "And th")
        await customer.wait_for("answer.delta")

        for _ in range(3):
            await customer.send("answer.stop", c=c, gen=str(live.answer.generation_id))
        updated = await customer.wait_for("message.updated")
        await customer.send("ping", n=1)
        await customer.wait_for("pong")

        assert (updated["d"]["message"]["state"], updated["d"]["message"]["text"]) == (
            "interrupted",
            LONG.strip(),
        )
        assert [frame["d"]["reason"] for frame in customer.heard("answer.ended")] == ["stopped"]
        assert live.ended.is_set()


async def test_after_a_takeover_not_one_character_of_the_bot_arrives(served: Served) -> None:
    agent = served.shop.agent
    headers = await agent_headers(served.parts, agent)
    async with served.client() as customer, served.client(**headers) as desk:
        await customer.hello()
        await desk.hello_agent(agent)
        c = (await customer.say("Where is my parcel?"))["d"]["c"]
        live = await bot.begin(served.parts, c)
        live.append(LONG)
        live.append("More ")

        await desk.send("takeover", c=c, epoch=0)
        await desk.wait_for("ack", c=c)
        for _ in range(20):
            live.append("and more ")
            live.flush()
        await customer.send("ping", n=1)
        await customer.wait_for("pong")

        kinds = [frame["t"] for frame in customer.frames]
        after = kinds[kinds.index("control.changed") :]
        assert "answer.delta" not in after
        assert "answer.snapshot" not in after
        assert [frame["d"]["reason"] for frame in customer.heard("answer.ended")] == ["takeover"]
